// CumSum and CumProd: constants are folded exactly, everything else is a step.
#include <doctest/doctest.h>

#include <limits>

#include "host_builder/evaluate/evaluate_graph.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

template <typename T>
std::vector<T> values(const HostTensor& t) {
  return {t.as<T>(), t.as<T>() + t.data.size() / sizeof(T)};
}

}  // namespace

TEST_CASE("running sums and products: 64-bit integers exactly, wrapping at the end") {
  ModelBuilder m(26);
  const int64_t big = (int64_t{1} << 53) + 1;
  m.integers("x", {big, 2, std::numeric_limits<int64_t>::max()}).integers("axis", {0});
  m.output("sum").output("product").output("before").output("reverse");
  m.node("CumSum", {"x", "axis"}, {"sum"}).node("CumProd", {"x", "axis"}, {"product"});
  m.node("CumSum", {"x", "axis"}, {"before"}).attribute("exclusive", int64_t{1});
  m.node("CumSum", {"x", "axis"}, {"reverse"});
  m.attribute("reverse", int64_t{1}).attribute("exclusive", int64_t{1});
  const Graph graph = m.import();
  CHECK(graph.live_node_count() == graph.outputs.size());  // only the copies of constants
  const HostTensors y = evaluate_graph(graph, {});
  const int64_t wrapped = std::numeric_limits<int64_t>::min() + big + 1;
  CHECK(values<int64_t>(y.at("sum")) == std::vector<int64_t>{big, big + 2, wrapped});
  CHECK(values<int64_t>(y.at("product"))[1] == 2 * big);
  CHECK(values<int64_t>(y.at("before")) == std::vector<int64_t>{0, big, big + 2});
  CHECK(values<int64_t>(y.at("reverse"))[2] == 0);
}

TEST_CASE("running sums of what the model reads") {
  ModelBuilder m(14);
  m.input("x", {2, 3}).output("y").integers("axis", {-1});
  m.node("CumSum", {"x", "axis"}, {"y"}).attribute("reverse", int64_t{1});
  const Graph graph = m.import();
  CHECK(graph.live_node_count() == 1);
  const HostTensor x = HostTensor::of(DType::kF32, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const auto y = values<float>(evaluate_graph(graph, {{"x", x}}).at("y"));
  CHECK(y == std::vector<float>{6, 5, 3, 15, 11, 6});
}

TEST_CASE("an axis that is no constant, or outside of the operand, is refused") {
  ModelBuilder at_run_time(14);
  at_run_time.input("x", {2, 3}).output("y").input("axis", {1}, onnx::TensorProto::INT64);
  at_run_time.node("CumSum", {"x", "axis"}, {"y"});
  CHECK(at_run_time.refusal().find("the axis") != std::string::npos);
  ModelBuilder outside(14);
  outside.input("x", {2, 3}).output("y").integers("axis", {2});
  outside.node("CumSum", {"x", "axis"}, {"y"});
  CHECK(outside.refusal().find("axis is 2") != std::string::npos);
}

}  // namespace stint::builder
