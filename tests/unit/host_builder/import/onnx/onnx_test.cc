#include "host_builder/import/importer.h"

#include <doctest/doctest.h>

#include <limits>

#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

Shape output_shape(const Graph& graph, size_t i = 0) {
  return graph.value(graph.outputs.at(i)).shape;
}

TEST_CASE("every unsupported and malformed node is reported at once") {
  ModelBuilder m;
  m.input("x", {1, 3, 8, 8}).output("d");
  m.node("NoSuchOperator", {"x"}, {"a"});
  m.node("LSTM", {"a"}, {"b"});
  m.node("Softmax", {"x"}, {"c"}).attribute("axis", int64_t{9});
  m.node("Relu", {"x"}, {"d"}).attribute("flavour", int64_t{1});
  m.node("Add", {"x", "missing"}, {"e"});
  const std::string error = m.refusal();
  mentions(error, "node 'NoSuchOperator_1' (NoSuchOperator): the operator is not supported");
  mentions(error, "node 'LSTM_2' (LSTM): recurrent networks are not supported");
  mentions(error, "node 'Softmax_3' (Softmax): axis is 9");
  mentions(error, "attribute 'flavour' is not known");
  mentions(error, "operand 'missing'");
}

TEST_CASE("shape arithmetic folds away") {
  // reshape(x, concat(shape(x)[0:1], [-1])), as exporters write flatten
  ModelBuilder m;
  m.input("x", {2, 3, 4}).output("y").integers("zero", {0}).integers("rest", {-1});
  m.node("Shape", {"x"}, {"s"});
  m.node("Gather", {"s", "zero"}, {"n"}).attribute("axis", int64_t{0});
  m.node("Concat", {"n", "rest"}, {"target"}).attribute("axis", int64_t{0});
  m.node("Reshape", {"x", "target"}, {"y"});
  const Graph graph = m.import();
  verify(graph);
  CHECK(graph.live_node_count() == 1);
  CHECK(output_shape(graph) == Shape{2, 12});
}

TEST_CASE("symbolic batch: 1 without the option, the option's with it") {
  ModelBuilder m;
  m.input("x", {-1, 6}).output("y").integers("target", {1, 2, 3});
  m.node("Reshape", {"x", "target"}, {"y"});
  CHECK(output_shape(m.import()) == Shape{1, 2, 3});
  ImportOptions options;
  options.batch = 5;
  CHECK(output_shape(m.import(options)) == Shape{5, 2, 3});
}

TEST_CASE("a written batch of 1 is followed where the rest of the target is open") {
  ModelBuilder m;
  m.input("x", {1, 2, 3}).output("y").integers("target", {1, -1});
  m.node("Reshape", {"x", "target"}, {"y"});
  ImportOptions options;
  options.batch = 4;
  CHECK(output_shape(m.import(options)) == Shape{4, 6});
}

TEST_CASE("a batch that cannot be followed names the node") {
  ModelBuilder m;
  m.input("x", {1, 2, 3}).output("y").integers("target", {1, -1});
  m.node("Transpose", {"x"}, {"t"}).attribute("perm", std::vector<int64_t>{1, 0, 2});
  m.node("Reshape", {"t", "target"}, {"y"});
  CHECK(output_shape(m.import()) == Shape{1, 6});
  ImportOptions options;
  options.batch = 4;
  mentions(m.refusal(options), "node 'Reshape_2' (Reshape): the batch of 4 cannot be followed");
}

TEST_CASE("a batch no input can take is refused") {
  ModelBuilder m;
  m.input("x", {5}).output("y").node("Relu", {"x"}, {"y"});
  ImportOptions options;
  options.batch = 2;
  mentions(m.refusal(options), "batch 2");
}

TEST_CASE("other symbolic axes need --shape") {
  ModelBuilder m;
  m.input("x", {1, 3, -1, -1}).output("y").node("Relu", {"x"}, {"y"});
  mentions(m.refusal(), "--shape x=");
  ImportOptions options;
  options.shapes["x"] = {1, 3, 7, 9};
  CHECK(output_shape(m.import(options)) == Shape{1, 3, 7, 9});
  options.shapes["x"] = {1, 4, 7, 9};
  mentions(m.refusal(options), "--shape gives [1,4,7,9]");
}

TEST_CASE("pools: auto_pad and ceil_mode") {
  auto pool = [](const char* auto_pad, int64_t ceil_mode, const Shape& x) {
    ModelBuilder m;
    m.input("x", x).output("y").node("MaxPool", {"x"}, {"y"});
    m.attribute("kernel_shape", std::vector<int64_t>{3, 3})
        .attribute("strides", std::vector<int64_t>{2, 2});
    m.attribute("auto_pad", std::string(auto_pad)).attribute("ceil_mode", ceil_mode);
    return output_shape(m.import());
  };
  CHECK(pool("NOTSET", 0, {1, 1, 8, 8}) == Shape{1, 1, 3, 3});
  CHECK(pool("NOTSET", 1, {1, 1, 8, 8}) == Shape{1, 1, 4, 4});
  CHECK(pool("SAME_UPPER", 0, {1, 1, 7, 8}) == Shape{1, 1, 4, 4});
  CHECK(pool("VALID", 0, {1, 1, 7, 7}) == Shape{1, 1, 3, 3});
}

TEST_CASE("softmax before opset 13 flattens") {
  auto nodes = [](int64_t opset) {
    ModelBuilder m(opset);
    m.input("x", {2, 3, 4}).output("y").node("Softmax", {"x"}, {"y"}).attribute("axis", int64_t{1});
    return m.import().live_node_count();
  };
  CHECK(nodes(13) == 1);
  CHECK(nodes(11) == 3);
}

TEST_CASE("identity and dropout leave no node; outputs keep their names") {
  ModelBuilder m(12);
  m.input("x", {1, 4}).output("y").output("x2");
  m.node("Identity", {"x"}, {"a"})
      .node("Relu", {"a"}, {"b"})
      .node("Dropout", {"b"}, {"y"})
      .node("Identity", {"x"}, {"x2"});
  const Graph graph = m.import();
  verify(graph);
  CHECK(graph.value(graph.outputs[0]).name == "y");
  CHECK(graph.value(graph.outputs[1]).name == "x2");
  CHECK(graph.live_node_count() == 3);  // relu and one copy for each output that is a second name
}

TEST_CASE("non-max suppression has a static bound") {
  ModelBuilder m;
  m.input("boxes", {1, 20, 4}).input("scores", {1, 3, 20}).output("y").integers("most", {7});
  m.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"y"});
  CHECK(output_shape(m.import()) == Shape{21, 3});
}

TEST_CASE("hostile extents are refused without being allocated") {
  const int64_t huge = int64_t{1} << 62;
  SUBCASE("a constant of a huge shape") {
    ModelBuilder m;
    m.integers("shape", {huge, huge}).output("y").node("ConstantOfShape", {"shape"}, {"y"});
    mentions(m.refusal(), "ConstantOfShape");
  }
  SUBCASE("a constant over the limit") {
    ModelBuilder m;
    m.integers("shape", {1 << 20, 1 << 15}).output("y").node("ConstantOfShape", {"shape"}, {"y"});
    mentions(m.refusal(), "limit for constants");
  }
  SUBCASE("an initializer that claims more than it has") {
    ModelBuilder m;
    m.floats("w", {1 << 30, 1 << 9}, {1, 2, 3}).output("y").node("Relu", {"w"}, {"y"});
    mentions(m.refusal(), "initializer 'w'");
  }
  SUBCASE("windows that overflow") {
    ModelBuilder m;
    m.input("x", {1, 1, 8, 8}).output("y").node("MaxPool", {"x"}, {"y"});
    m.attribute("kernel_shape", std::vector<int64_t>{huge, huge})
        .attribute("dilations", std::vector<int64_t>{huge, huge});
    mentions(m.refusal(), "out of range");
  }
  SUBCASE("slices at the ends of the number range") {
    ModelBuilder m;
    const int64_t lowest = std::numeric_limits<int64_t>::min(),
                  highest = std::numeric_limits<int64_t>::max();
    m.input("x", {5})
        .output("y")
        .integers("s", {highest})
        .integers("e", {lowest})
        .integers("a", {0})
        .integers("t", {lowest});
    m.node("Slice", {"x", "s", "e", "a", "t"}, {"y"});
    CHECK(output_shape(m.import()) == Shape{1});
  }
}

TEST_CASE("truncated and foreign files are refused") {
  ModelBuilder m;
  m.input("x", {1, 4}).output("y").node("Relu", {"x"}, {"y"});
  const std::string bytes = m.bytes();
  for (size_t length = 0; length < bytes.size(); ++length) {
    const std::span<const std::byte> part(reinterpret_cast<const std::byte*>(bytes.data()), length);
    Source source = Source::of_bytes(part);
    CHECK_THROWS_AS(import_model(source, {}), BuildError);
  }
  mentions(ModelBuilder(99).input("x", {1}).output("y").node("Relu", {"x"}, {"y"}).refusal(),
           "opset 99");
}

}  // namespace
}  // namespace stint::builder
