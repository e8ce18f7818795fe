#include <utility>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"

namespace stint::builder {
namespace {

void check_classes(const DecoderInsertion& in, int64_t classes, ValueId id) {
  if (in.spec.classes && *in.spec.classes != classes)
    in.fail("classes=" + std::to_string(*in.spec.classes) + ", but output " + in.describe(id) +
            " holds " + std::to_string(classes));
}

}  // namespace

void insert_argmax_mask(DecoderInsertion& in) {
  const ValueId output = in.single_output();
  const Shape s = in.shape(output);
  if (s.size() < 3) in.fail("output " + in.describe(output) + " is no map of class scores");
  int64_t axis = 1;
  if (in.spec.axis) {
    axis = *in.spec.axis < 0 ? *in.spec.axis + static_cast<int64_t>(s.size()) : *in.spec.axis;
    if (axis < 1 || axis >= static_cast<int64_t>(s.size()))
      in.fail("axis=" + std::to_string(*in.spec.axis) + " is not one of the axes of " +
              in.describe(output));
  } else if (s.back() < s[1]) {
    axis = static_cast<int64_t>(s.size()) - 1;
  }
  const int64_t classes = s[static_cast<size_t>(axis)];
  if (classes < 1 || classes > 256)
    in.fail("a mask holds 1 to 256 classes, axis " + std::to_string(axis) + " of output " +
            in.describe(output) + " has " + std::to_string(classes));
  check_classes(in, classes, output);
  Shape mask = s;
  mask.erase(mask.begin() + axis);
  Node node;
  node.name = "argmax_mask";
  node.op = Op::kArgmaxMask;
  node.attributes = AxisAttributes{axis};
  node.inputs = {cast_to_f32(in.graph, output)};
  const ValueId result =
      in.graph.add_value(in.graph.unique_name("mask"), DType::kU8, std::move(mask));
  node.outputs = {result};
  in.graph.add_node(std::move(node));
  in.drop_used_outputs();
  in.graph.outputs.push_back(result);
}

}  // namespace stint::builder
