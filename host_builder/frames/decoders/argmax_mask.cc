#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"
#include "plan_schema/params/elementwise.h"

namespace stint::builder {
namespace {

constexpr int64_t kMaxMaskClasses = 256;

/// Whether an axis pair has the proportions of the network's input.
bool like_input(const DecoderInsertion& in, int64_t height, int64_t width) {
  const auto size = in.input_size();
  // A map is a whole fraction of the input, its sides rounded: one pixel more or less.
  return size && height > 1 && width > 1 &&
         std::abs(height * size->width - width * size->height) <
             std::max(size->height, size->width);
}

void check_classes(const DecoderInsertion& in, int64_t classes, ValueId id) {
  if (in.spec.classes && *in.spec.classes != classes)
    in.fail("classes=" + std::to_string(*in.spec.classes) + ", but output " + in.describe(id) +
                " holds " + std::to_string(classes),
            "leave classes= out, or say with axis= where they are");
}

/// The axis of the classes: axis 1 as ONNX has it, unless axis= says otherwise. Refuses to guess
/// where axis 1 holds rows of pixels rather.
int64_t class_axis(const DecoderInsertion& in, ValueId output) {
  const Shape& s = in.shape(output);
  const auto rank = static_cast<int64_t>(s.size());
  if (in.spec.axis) {
    const int64_t axis = *in.spec.axis < 0 ? *in.spec.axis + rank : *in.spec.axis;
    if (axis < 1 || axis >= rank)
      in.fail("axis=" + std::to_string(*in.spec.axis) + " is not one of the axes of " +
                  in.describe(output),
              "give axis=1, or axis=-1 where channels are last");
    return axis;
  }
  if (rank == 4 && !in.spec.unchecked && !like_input(in, s[2], s[3]) && like_input(in, s[1], s[2]))
    in.fail("axis 1 of output " + in.describe(output) + " looks like rows of pixels, not classes",
            "give axis=-1 if the classes are last, or axis=1 if they are not");
  return 1;
}

ValueId append(DecoderInsertion& in, const char* name, Op op, Attributes attributes,
               std::vector<ValueId> inputs, DType dtype, Shape shape) {
  Node node;
  node.name = in.graph.unique_name(name);
  node.op = op;
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.outputs = {in.graph.add_value(in.graph.unique_name(name), dtype, std::move(shape))};
  const ValueId result = node.outputs[0];
  in.graph.add_node(std::move(node));
  return result;
}

/// How many classes whole numbers can name, where an ArgMax of the model made them.
std::optional<int64_t> classes_of_argmax(const Graph& graph, ValueId id) {
  while (const std::optional<NodeId> producer = graph.producer(id)) {
    const Node& node = graph.node(*producer);
    if (node.op == Op::kArgReduce) {
      const Shape& s = graph.value(node.inputs.at(0)).shape;
      const int64_t axis = node.as<ArgReduceAttributes>().axis;
      return s.at(static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(s.size()) : axis));
    }
    if (node.op != Op::kCast && node.op != Op::kReshape && node.op != Op::kTranspose &&
        node.op != Op::kIdentity)
      break;
    id = node.inputs.at(0);
  }
  return std::nullopt;
}

/// 1 where the one channel reaches the threshold.
ValueId threshold_mask(DecoderInsertion& in, ValueId output, Shape mask) {
  float threshold = *in.spec.threshold;
  if (in.spec.function == ScoreFunction::kSoftmax)
    in.fail("softmax over one channel is always 1", "leave softmax out, or use sigmoid");
  if (in.spec.function == ScoreFunction::kSigmoid) {
    if (threshold < 0.0f || threshold > 1.0f)
      in.fail("threshold=" + std::to_string(threshold) + " is outside what a sigmoid gives",
              "give a threshold in 0..1, or leave sigmoid out");
    // The sigmoid rises: its threshold is one of the logits.
    threshold = std::log(threshold / (1.0f - threshold));
  }
  const ValueId limit = in.graph.add_constant(in.graph.unique_name("mask_threshold"), DType::kF32,
                                              {}, std::vector<float>{threshold});
  const ValueId map = reshape_to(in.graph, cast_to_f32(in.graph, output), mask);
  const ValueId above =
      append(in, "mask_above", Op::kBinary, BinaryAttributes{EltOp::kGreaterOrEqual}, {map, limit},
             DType::kBool, mask);
  return append(in, "mask", Op::kCast, std::monostate{}, {above}, DType::kU8, std::move(mask));
}

/// Whole numbers are classes already.
ValueId class_mask(DecoderInsertion& in, ValueId output, Shape mask) {
  if (in.spec.threshold || in.spec.function)
    in.fail("output " + in.describe(output) + " holds whole numbers, classes already",
            "leave threshold= and sigmoid out");
  const std::optional<int64_t> classes = classes_of_argmax(in.graph, output);
  if (classes && *classes > kMaxMaskClasses)
    in.fail("a mask holds 1 to 256 classes, the ArgMax behind output " + in.describe(output) +
                " chooses between " + std::to_string(*classes),
            "build without --postprocess and read the output itself");
  const ValueId map = reshape_to(in.graph, output, mask);
  return append(in, "mask", Op::kCast, std::monostate{}, {map}, DType::kU8, std::move(mask));
}

ValueId argmax_mask(DecoderInsertion& in, ValueId output, int64_t axis, Shape mask) {
  if (in.spec.threshold)
    in.fail("threshold= is for a mask of one channel, output " + in.describe(output) + " has " +
                std::to_string(in.shape(output)[static_cast<size_t>(axis)]) + " on axis " +
                std::to_string(axis),
            "leave threshold= out, or say with axis= where the classes are");
  return append(in, "mask", Op::kArgmaxMask, AxisAttributes{axis}, {cast_to_f32(in.graph, output)},
                DType::kU8, std::move(mask));
}

}  // namespace

void insert_argmax_mask(DecoderInsertion& in) {
  const ValueId output = in.single_output();
  const Shape s = in.shape(output);
  if (s.size() < 3)
    in.fail_as_other_kind("output " + in.describe(output) + " is no map of class scores");
  in.check_batch(output, s);
  const bool integers = !is_float(in.graph.value(output).dtype);
  const bool no_channels =
      s.size() == 3 && !in.spec.axis && (integers || like_input(in, s[1], s[2]));
  if (s.size() == 3 && !no_channels && !in.spec.axis && !in.spec.unchecked)
    in.fail_as_other_kind("output " + in.describe(output) + " is no map of the picture",
                          "say with axis=1 or axis=-1 where the classes are");
  const int64_t axis = no_channels ? 0 : class_axis(in, output);
  const int64_t classes = no_channels ? 1 : s[static_cast<size_t>(axis)];
  if (classes > kMaxMaskClasses)
    in.fail("a mask holds 1 to 256 classes, axis " + std::to_string(axis) + " of output " +
                in.describe(output) + " has " + std::to_string(classes),
            "give axis=-1 if the classes are last, or choose another output");
  Shape mask = s;
  if (!no_channels) mask.erase(mask.begin() + axis);
  ValueId result = kNoValue;
  if (integers && classes == 1) {
    result = class_mask(in, output, std::move(mask));
  } else if (classes == 1) {
    if (!in.spec.threshold)
      in.fail("output " + in.describe(output) + " has one channel, so no best class",
              "give threshold=0.5, and sigmoid too if the values are logits");
    result = threshold_mask(in, output, std::move(mask));
  } else {
    check_classes(in, classes, output);
    result = argmax_mask(in, output, axis, std::move(mask));
  }
  in.operands = {output};
  in.drop_used_outputs();
  in.graph.outputs.push_back(result);
}

}  // namespace stint::builder
