#include "host_builder/import/onnx/model_inputs.h"

#include <doctest/doctest.h>

#include "host_builder/support/refusal.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

onnx::TensorShapeProto::Dimension& dimension(ModelBuilder& m, int axis, int input = 0) {
  return *m.model()
              .mutable_graph()
              ->mutable_input(input)
              ->mutable_type()
              ->mutable_tensor_type()
              ->mutable_shape()
              ->mutable_dim(axis);
}

ModelBuilder relu(const Shape& shape) {
  ModelBuilder m;
  m.input("x", shape).output("y").node("Relu", {"x"}, {"y"});
  return m;
}

Shape input_shape(const ModelBuilder& m, const ImportOptions& options = {}) {
  const Graph graph = m.import(options);
  return graph.value(graph.inputs.at(0)).shape;
}

ImportOptions shaped(const Shape& shape, int64_t batch = 1) {
  ImportOptions options;
  options.shapes["x"] = shape;
  options.batch = batch;
  return options;
}

TEST_CASE("an extent that is negative, named or absent is open") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    ModelBuilder m = relu({7, 3, 7});
    for (const int axis : {0, 2}) {
      auto& open = dimension(m, axis);
      if (kind == 0)
        open.set_dim_value(axis == 0 ? -1 : -7);
      else if (kind == 1)
        open.set_dim_param("some");
      else
        open.Clear();
    }
    mentions(m.refusal(), "axis 2 is open");
    mentions(m.refusal(), "give the shape with --shape x=1x3xA");
    CHECK(input_shape(m, shaped({1, 3, 9})) == Shape{1, 3, 9});
    CHECK(input_shape(m, shaped({1, 3, 9}, 4)) == Shape{4, 3, 9});
    CHECK(input_shape(m, shaped({4, 3, 9}, 4)) == Shape{4, 3, 9});
    dimension(m, 2).set_dim_value(5);
    CHECK(input_shape(m) == Shape{1, 3, 5});
    ImportOptions four;
    four.batch = 4;
    CHECK(input_shape(m, four) == Shape{4, 3, 5});
  }
}

TEST_CASE("an input without elements is refused; inside the graph they are allowed") {
  const std::string error = relu({1, 0, 4}).refusal();
  mentions(error, "input 'x': is [1,0,4]: axis 1 has extent 0");
  CHECK(ends_with_action(error));
  mentions(relu({0, 4}).refusal(shaped({2, 4})), "extent 0");
  ModelBuilder m;
  m.input("x", {2, 3}).output("y").integers("zero", {0}).integers("axis", {1});
  m.node("Slice", {"x", "zero", "zero", "axis"}, {"s"}).node("Concat", {"s", "x"}, {"y"});
  m.attribute("axis", int64_t{1});
  CHECK(m.refusal().empty());
}

TEST_CASE("--shape must name an input and agree with the model") {
  ModelBuilder m = relu({1, 3, -1});
  m.floats("w", {1}, {1});
  ImportOptions options;
  options.shapes["z"] = {1, 3, 4};
  mentions(m.refusal(options),
           "--shape z: the model has no input 'z'; name one of its inputs: 'x'");
  options.shapes = {{"w", {1}}};
  mentions(m.refusal(options), "'w' is a constant of the model");
  mentions(m.refusal(shaped({1, 4, 4})), "is [1,3,N] in the model, --shape gives [1,4,4]");
  mentions(m.refusal(shaped({1, 3})), "with 3 axes, --shape gives [1,3]");
  CHECK(ends_with_action(m.refusal(shaped({1, 3}))));
}

TEST_CASE("a batch in --shape that --batch does not ask for is refused or said") {
  // The model writes 1: another first extent is another batch.
  const std::string error = relu({1, 3, 8}).refusal(shaped({4, 3, 8}));
  mentions(error, "--shape gives a batch of 4, --batch is 1; give --batch 4");
  mentions(error, "--shape x=1x3x8");
  CHECK(input_shape(relu({1, 3, 8}), shaped({4, 3, 8}, 4)) == Shape{4, 3, 8});
  // The model calls the axis so.
  ModelBuilder named = relu({-1, 3, 8});
  dimension(named, 0).set_dim_param("Batch_size");
  mentions(named.refusal(shaped({4, 3, 8})), "give --batch 4");
  mentions(named.refusal(shaped({4, 3, 8}, 2)), "--batch is 2");
  // It does not: points or boxes, whose number is no batch. Followed, and said.
  std::vector<std::string> notes;
  ImportOptions options = shaped({300, 4});
  options.notes = &notes;
  CHECK(input_shape(relu({-1, 4}), options) == Shape{300, 4});
  REQUIRE(notes.size() == 1);
  mentions(notes[0], "the first extent of --shape x=300x4 is no batch, the plan's batch is 1");
}

TEST_CASE("more axes than a plan can have: the limit is named") {
  const std::string error = relu(Shape(9, 2)).refusal();
  mentions(error, "has 9 axes, at most 8 are supported");
  CHECK(ends_with_action(error));
}

}  // namespace
}  // namespace stint::builder
