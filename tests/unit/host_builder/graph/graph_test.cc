#include "host_builder/graph/graph.h"

#include <doctest/doctest.h>

#include "host_builder/passes/pass.h"
#include "host_builder/support/error.h"

using namespace stint;
using namespace stint::builder;

namespace {

Node relu(ValueId x, ValueId y, const char* name) {
  Node node;
  node.name = name;
  node.op = Op::kUnary;
  node.attributes = UnaryAttributes{EltOp::kRelu};
  node.inputs = {x};
  node.outputs = {y};
  return node;
}

/// x -> a -> b -> c
struct Chain {
  Graph graph;
  ValueId x, a, b, c;
  NodeId first, second, third;

  Chain() {
    x = graph.add_value("x", DType::kF32, {1, 4});
    a = graph.add_value("a", DType::kF32, {1, 4});
    b = graph.add_value("b", DType::kF32, {1, 4});
    c = graph.add_value("c", DType::kF32, {1, 4});
    graph.inputs = {x};
    graph.outputs = {c};
    first = graph.add_node(relu(x, a, "first"));
    second = graph.add_node(relu(a, b, "second"));
    third = graph.add_node(relu(b, c, "third"));
  }
};

}  // namespace

TEST_CASE("graph knows producers and consumers") {
  Chain g;
  CHECK(!g.graph.producer(g.x));
  CHECK(*g.graph.producer(g.b) == g.second);
  CHECK(g.graph.consumers(g.a) == std::vector<NodeId>{g.second});
  CHECK(g.graph.consumers(g.c).empty());
  verify(g.graph);
}

TEST_CASE("sort brings an inserted producer before its reader and keeps ties stable") {
  Chain g;
  const ValueId extra = g.graph.add_value("extra", DType::kF32, {1, 4});
  const NodeId late = g.graph.add_node(relu(g.x, extra, "late"));
  g.graph.node(g.second).inputs[0] = extra;
  CHECK_THROWS_AS(verify(g.graph), BuildError);
  g.graph.sort();
  CHECK(g.graph.order() == std::vector<NodeId>{g.first, late, g.second, g.third});
  verify(g.graph);
}

TEST_CASE("sort refuses a cycle") {
  Chain g;
  g.graph.node(g.first).inputs[0] = g.b;
  CHECK_THROWS_AS(g.graph.sort(), BuildError);
}

TEST_CASE("replacing an output keeps the output's name") {
  Chain g;
  g.graph.replace_uses(g.c, g.b);
  g.graph.remove_node(g.third);
  CHECK(g.graph.outputs == std::vector<ValueId>{g.b});
  CHECK(g.graph.value(g.b).name == "c");
  CHECK(g.graph.live_node_count() == 2);
  verify(g.graph);
}

TEST_CASE("replacing an output by an input leaves the input's name alone") {
  Chain g;
  g.graph.replace_uses(g.c, g.x);
  CHECK(g.graph.value(g.x).name == "x");
}

TEST_CASE("unique names") {
  Chain g;
  CHECK(g.graph.unique_name("new") == "new");
  CHECK(g.graph.unique_name("a") == "a_1");
  g.graph.add_value("a_1", DType::kF32, {});
  CHECK(g.graph.unique_name("a") == "a_2");
}

TEST_CASE("a constant must have its shape's bytes") {
  Graph graph;
  CHECK_THROWS_AS(graph.add_constant("k", DType::kF32, {3}, std::vector<std::byte>(8)), BuildError);
  const ValueId id = graph.add_constant("k", DType::kF32, {2}, std::vector<float>{1, 2});
  CHECK(graph.value(id).is_constant());
}

TEST_CASE("element counts that overflow are refused") {
  Value value;
  value.shape = {int64_t{1} << 40, int64_t{1} << 40};
  CHECK_THROWS_AS(value.elements(), BuildError);
}

TEST_CASE("verify finds what is wrong") {
  Chain g;
  SUBCASE("two producers") { g.graph.node(g.second).outputs[0] = g.a; }
  SUBCASE("attributes of another operation") { g.graph.node(g.first).op = Op::kConcat; }
  SUBCASE("operand count") { g.graph.node(g.first).inputs.push_back(g.x); }
  SUBCASE("shape that inference does not give") { g.graph.value(g.c).shape = {4, 1}; }
  SUBCASE("type that inference does not give") { g.graph.value(g.c).dtype = DType::kI32; }
  SUBCASE("name used twice") { g.graph.value(g.b).name = "a"; }
  SUBCASE("output never computed") { g.graph.outputs = {g.graph.add_value("q", DType::kF32, {1})}; }
  SUBCASE("output listed twice") { g.graph.outputs = {g.c, g.c}; }
  SUBCASE("view outside its base") { g.graph.value(g.b).view = View{g.a, 1}; }
  CHECK_THROWS_AS(verify(g.graph), BuildError);
}

TEST_CASE("text of a graph is stable and shows nodes, types and attributes") {
  Chain g;
  const std::string text = to_text(g.graph);
  CHECK(text == to_text(g.graph));
  CHECK(text.find("%a: f32[1,4] = Unary(%x) {op=relu}  # first") != std::string::npos);
  CHECK(text.find("input %x: f32[1,4]") != std::string::npos);
}
