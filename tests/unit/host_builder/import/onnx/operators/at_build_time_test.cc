// Operators without kernels: computed while the model is imported if their operands are constants.
// Their values are checked by ONNX's own tests (tests/conformance); here is what those do not have.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/support/error.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

template <typename T>
std::vector<T> values(const HostTensor& t) {
  return {t.as<T>(), t.as<T>() + t.data.size() / sizeof(T)};
}

/// Results of a model whose nodes are all folded away.
HostTensors folded(const ModelBuilder& m) {
  const Graph graph = m.import();
  verify(graph);
  CHECK(graph.live_node_count() == graph.outputs.size());  // only the copies of constants
  return evaluate_graph(graph, {});
}

}  // namespace

TEST_CASE("masks, positions and one-hot rows of constants leave no node") {
  ModelBuilder m(14);
  m.input("x", {2, 2}).output("y").integers("shape", {2, 2}).integers("axis", {1});
  m.integers("i", {1, 0}).integers("depth", {2}).floats("values", {2}, {0.5f, 1.0f});
  m.node("ConstantOfShape", {"shape"}, {"zeros"}).node("Cos", {"zeros"}, {"ones"});
  m.node("Trilu", {"ones"}, {"mask"}).attribute("upper", int64_t{0});
  m.node("CumSum", {"mask", "axis"}, {"sum"});
  m.node("EyeLike", {"sum"}, {"eye"});
  m.node("OneHot", {"i", "depth", "values"}, {"hot"});
  m.node("Add", {"sum", "eye"}, {"a"}).node("Mul", {"a", "hot"}, {"b"});
  m.node("Atan", {"b"}, {"c"}).node("Add", {"x", "c"}, {"y"});
  const Graph graph = m.import();
  CHECK(graph.live_node_count() == 1);
  HostTensor x{DType::kF32, {2, 2}, std::vector<std::byte>(16)};
  const auto y = values<float>(evaluate_graph(graph, {{"x", x}}).at("y"));
  // sum [[1, 1], [1, 2]], eye added [[2, 1], [1, 3]], one-hot rows [[0.5, 1], [1, 0.5]]
  const double expected[] = {std::atan(1.0), std::atan(1.0), std::atan(1.0), std::atan(1.5)};
  for (size_t i = 0; i < 4; ++i) CHECK(y[i] == doctest::Approx(expected[i]));
}

TEST_CASE("extents that depend on constants are known") {
  ModelBuilder m(14);
  m.floats("x", {2, 3}, {0, 1, 0, 2, -0.0f, 3}).integers("repeated", {5, 3, 5, 3, 9});
  m.output("places").output("u").output("first").output("inverse").output("counts").output("none");
  m.floats("zero", {1}, {0});
  m.node("NonZero", {"x"}, {"places"}).node("NonZero", {"zero"}, {"none"});
  m.node("Unique", {"repeated"}, {"u", "first", "inverse", "counts"});
  const HostTensors y = folded(m);
  CHECK(y.at("places").shape == Shape{2, 3});
  CHECK(values<int64_t>(y.at("places")) == std::vector<int64_t>{0, 1, 1, 1, 0, 2});
  CHECK(y.at("none").shape == Shape{1, 0});
  CHECK(values<int64_t>(y.at("u")) == std::vector<int64_t>{3, 5, 9});
  CHECK(values<int64_t>(y.at("first")) == std::vector<int64_t>{1, 0, 4});
  CHECK(values<int64_t>(y.at("inverse")) == std::vector<int64_t>{1, 0, 1, 0, 2});
  CHECK(values<int64_t>(y.at("counts")) == std::vector<int64_t>{2, 2, 1});
}

TEST_CASE("NaN is equal to itself among unique elements") {
  ModelBuilder m(14);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  m.floats("x", {5}, {nan, 1, nan, -1, 1}).output("u").node("Unique", {"x"}, {"u"});
  const auto u = values<float>(folded(m).at("u"));
  REQUIRE(u.size() == 3);
  CHECK(u[0] == -1);
  CHECK(u[1] == 1);
  CHECK(std::isnan(u[2]));
}

TEST_CASE("16-bit floats keep their type") {
  ModelBuilder m(14);
  m.floats("x", {2}, {0.5f, -0.25f}).integers("axis", {0}).output("y");
  m.node("Cast", {"x"}, {"h"}).attribute("to", int64_t{onnx::TensorProto::FLOAT16});
  m.node("Asin", {"h"}, {"a"}).node("CumSum", {"a", "axis"}, {"s"});
  m.node("Cast", {"s"}, {"y"}).attribute("to", int64_t{onnx::TensorProto::FLOAT});
  const auto y = values<float>(folded(m).at("y"));
  CHECK(y[0] == doctest::Approx(std::asin(0.5)).epsilon(1e-3));
  CHECK(y[1] == doctest::Approx(std::asin(0.5) - std::asin(0.25)).epsilon(2e-3));
}

TEST_CASE("shifts by all bits leave nothing") {
  ModelBuilder m(14);
  m.integers("x", {1, 3, 255}).integers("by", {63, 64, 8}).output("left").output("right");
  for (const char* name : {"x", "by"}) {
    m.node("Cast", {name}, {std::string(name) + "u"});
    m.attribute("to", int64_t{onnx::TensorProto::UINT64});
  }
  m.node("BitShift", {"xu", "byu"}, {"left"}).attribute("direction", std::string("LEFT"));
  m.node("BitShift", {"xu", "byu"}, {"right"}).attribute("direction", std::string("RIGHT"));
  const HostTensors y = folded(m);
  CHECK(values<uint64_t>(y.at("left")) == std::vector<uint64_t>{uint64_t{1} << 63, 0, 255 << 8});
  CHECK(values<uint64_t>(y.at("right")) == std::vector<uint64_t>{0, 0, 0});
}

TEST_CASE("products of integers are exact") {
  ModelBuilder m(14);
  const int64_t big = (int64_t{1} << 53) + 1;
  m.integers("x", {big, 2, 3, 4, 5, 6}).integers("a", {2, 1, 3}).integers("b", {3, 1});
  m.integers("v", {1, 1, 1}).output("y").output("z");
  m.node("Reshape", {"x", "a"}, {"left"}).node("Reshape", {"v", "b"}, {"right"});
  m.node("MatMul", {"left", "right"}, {"y"}).node("MatMul", {"left", "v"}, {"z"});
  const HostTensors y = folded(m);
  CHECK(y.at("y").shape == Shape{2, 1, 1});
  CHECK(y.at("z").shape == Shape{2, 1});
  CHECK(values<int64_t>(y.at("y")) == std::vector<int64_t>{big + 5, 15});
  CHECK(values<int64_t>(y.at("z")) == std::vector<int64_t>{big + 5, 15});
}

TEST_CASE("operands that depend on the inputs are refused by name") {
  for (const char* op : {"NonZero", "Unique", "Atan", "Det"}) {
    ModelBuilder m(14);
    m.input("x", {3, 3}).output("y").node(op, {"x"}, {"y"});
    const std::string text = m.refusal();
    CAPTURE(text);
    CHECK(text.find("is computed at build time only, and its operand 0 ('x') depends on the") !=
          std::string::npos);
    CHECK(text.find("make it a constant or an initializer") != std::string::npos);
  }
}

TEST_CASE("results beyond the limits are refused before they are made") {
  ImportOptions small;
  small.constant_bytes_limit = 1 << 20;
  ModelBuilder eye(14);
  eye.input("x", {4096, 4096}).output("y").node("EyeLike", {"x"}, {"y"});
  CHECK(eye.refusal(small).find("exceeds the limit for constants") != std::string::npos);
  ModelBuilder hot(14);
  hot.input("i", {4}, onnx::TensorProto::INT64).output("y").integers("depth", {int64_t{1} << 40});
  hot.floats("v", {2}, {0, 1}).node("OneHot", {"i", "depth", "v"}, {"y"});
  CHECK(hot.refusal(small).find("is not possible") != std::string::npos);
  ModelBuilder window(17);
  window.integers("n", {int64_t{1} << 40}).output("y").node("HannWindow", {"n"}, {"y"});
  CHECK(window.refusal(small).find("HannWindow") != std::string::npos);
  ModelBuilder index(14);
  index.input("x", {1 << 10, 1 << 10}).input("i", {1 << 10, 1 << 10}, onnx::TensorProto::INT64);
  index.output("y").node("GatherElements", {"x", "i"}, {"y"});
  CHECK(index.refusal(small).find("exceeds the limit for constants") != std::string::npos);
}

}  // namespace stint::builder
