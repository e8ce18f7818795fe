#include "host_builder/import/onnx/node_order.h"

#include <doctest/doctest.h>

#include "host_builder/support/refusal.h"
#include "tests/support/evaluated.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

using Order = std::vector<int>;

TEST_CASE("sorted nodes keep their order, others move behind what they read") {
  ModelBuilder m;
  m.node("Neg", {"x"}, {"a"}).node("Abs", {"x"}, {"b"}).node("Add", {"a", "b"}, {"c"});
  CHECK(node_order(m.model().graph().node()) == Order{0, 1, 2});
  auto* nodes = m.model().mutable_graph()->mutable_node();
  nodes->SwapElements(0, 2);
  CHECK(node_order(*nodes) == Order{2, 1, 0});
}

TEST_CASE("what a subgraph reads from outside counts, its own names do not") {
  ModelBuilder branch;
  branch.output("r").node("Neg", {"late"}, {"own"}).node("Abs", {"own"}, {"r"});
  ModelBuilder m;
  m.node("If", {"c"}, {"y"}).subgraph("then_branch", branch).subgraph("else_branch", branch);
  m.node("Neg", {"y"}, {"own"}).node("Relu", {"x"}, {"late"});
  CHECK(node_order(m.model().graph().node()) == Order{2, 0, 1});
}

TEST_CASE("a model in any order gives the graph of the sorted one") {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Mul", {"b", "x"}, {"y"}).node("Add", {"a", "x"}, {"b"}).node("Neg", {"x"}, {"a"});
  const Graph graph = m.import();
  verify(graph);
  CHECK(evaluated(graph, {2, 3}) == std::vector<float>{0, 0});
}

TEST_CASE("nodes that wait for each other are refused by name") {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Add", {"x", "c"}, {"a"}).node("Neg", {"a"}, {"b"}).node("Abs", {"b"}, {"c"});
  m.node("Relu", {"c"}, {"y"});
  const std::string error = m.refusal();
  CAPTURE(error);
  CHECK(
      error.find("nodes wait for each other: 'Add_1' needs 'Abs_3' needs 'Neg_2' needs 'Add_1'") !=
      std::string::npos);
  CHECK(ends_with_action(error));
}

TEST_CASE("chains of any length are sorted") {
  ModelBuilder m;
  constexpr int kNodes = 20000;
  for (int i = kNodes; i > 0; --i)
    m.node("Neg", {"v" + std::to_string(i - 1)}, {"v" + std::to_string(i)});
  const Order order = node_order(m.model().graph().node());
  CHECK(order.front() == kNodes - 1);
  CHECK(order.back() == 0);
}

}  // namespace
}  // namespace stint::builder
