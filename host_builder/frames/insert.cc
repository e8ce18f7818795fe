#include "host_builder/frames/insert.h"

#include <algorithm>

#include "host_builder/frames/preprocess_spec.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/preprocess.h"

namespace stint::builder {
namespace {

bool channel_count(int64_t extent) { return extent == 1 || extent == 3; }

bool is_image_shape(const Shape& s) {
  return s.size() == 4 && (channel_count(s[1]) || channel_count(s[3]));
}

std::string list_inputs(const Graph& graph) {
  std::string text;
  for (const ValueId id : graph.inputs) {
    const Value& v = graph.value(id);
    text += text.empty() ? "" : ", ";
    text += "'" + v.name + "' " + dtype_name(v.dtype) + " " + shape_text(v.shape);
  }
  return text.empty() ? "none" : text;
}

ValueId find_image_input(const Graph& graph, const PreprocessSpec& spec) {
  std::vector<ValueId> candidates;
  for (const ValueId id : graph.inputs) {
    const Value& v = graph.value(id);
    if (spec.input.empty() ? is_image_shape(v.shape) : v.name == spec.input)
      candidates.push_back(id);
  }
  const std::string offer = "; the model's inputs: " + list_inputs(graph) + "; ";
  if (candidates.empty() && !spec.input.empty())
    throw BuildError("--preprocess: the model has no input '" + spec.input + "'" + offer +
                     "name one of these with input=");
  if (candidates.empty())
    throw BuildError(
        "--preprocess: no input is an image ([n, 1 or 3, height, width] or channels last)" + offer +
        "build without --preprocess and give tensors, or export the model with an image input");
  if (candidates.size() > 1)
    throw BuildError("--preprocess: more than one input could be the image" + offer +
                     "choose with input=NAME");
  const Value& v = graph.value(candidates[0]);
  if (!is_image_shape(v.shape))
    throw BuildError("--preprocess: input '" + v.name + "' " + shape_text(v.shape) +
                     " is no image: [n, 1 or 3, height, width] or channels last is needed; choose "
                     "another one with input=NAME");
  if (v.dtype != DType::kF32 && v.dtype != DType::kF16 && v.dtype != DType::kU8)
    throw BuildError("--preprocess: input '" + v.name + "' is " + dtype_name(v.dtype) +
                     ", frames can become f32, f16 or u8; export the model with such an input, or "
                     "build without --preprocess and give tensors");
  return candidates[0];
}

/// One value for every channel.
std::vector<float> per_channel(const std::vector<float>& values, int64_t channels,
                               const char* what) {
  if (values.size() == 1) return std::vector<float>(static_cast<size_t>(channels), values[0]);
  if (static_cast<int64_t>(values.size()) != channels)
    throw BuildError(std::string("--preprocess: ") + what + " has " +
                     std::to_string(values.size()) + " values, the network input has " +
                     std::to_string(channels) + " channel(s); give one for each, or one for all");
  return values;
}

/// A network that takes bytes does its own arithmetic on them.
void check_bytes(const PreprocessAttributes& a, const Value& input) {
  const auto all = [](const std::vector<float>& values, float wanted) {
    return std::all_of(values.begin(), values.end(), [&](float v) { return v == wanted; });
  };
  if (!all(a.mean, 0.0f) || !all(a.scale, 1.0f))
    throw BuildError("--preprocess: input '" + input.name +
                     "' is u8 and takes the frame's own values, 0 to 255; mean= and scale= cannot "
                     "apply; leave mean=, scale=, std= and presets that set them out");
}

Node make_node(const std::string& name, Op op, Attributes attributes, std::vector<ValueId> inputs,
               ValueId output) {
  Node node;
  node.name = name;
  node.op = op;
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.outputs = {output};
  return node;
}

void insert_preprocess(Graph& graph, const PreprocessSpec& spec) {
  const ValueId input = find_image_input(graph, spec);
  const Value old = graph.value(input);
  // Both ends could be the channels of a very narrow image; planes first is ONNX's habit.
  const bool channels_last = spec.channels_last.value_or(!channel_count(old.shape[1]));
  PreprocessAttributes a;
  a.channels = old.shape[channels_last ? 3 : 1];
  a.height = old.shape[channels_last ? 1 : 2];
  a.width = old.shape[channels_last ? 2 : 3];
  if (!channel_count(a.channels))
    throw BuildError("--preprocess: input '" + old.name + "' " + shape_text(old.shape) +
                     " read as " + (channels_last ? "nhwc" : "nchw") + " has " +
                     std::to_string(a.channels) + " channels, 1 or 3 are possible; give " +
                     (channels_last ? "nchw" : "nhwc") + " if its axes are in that order");
  if (a.width < 1 || a.height < 1 || a.width > kMaxNetworkSide || a.height > kMaxNetworkSide)
    throw BuildError("--preprocess: input '" + old.name + "' " + shape_text(old.shape) +
                     " is outside 1.." + std::to_string(kMaxNetworkSide) +
                     " pixels; export the model for a smaller input, or give --shape");
  if (old.shape[0] != graph.batch)
    throw BuildError(
        "--preprocess: input '" + old.name + "' holds " + std::to_string(old.shape[0]) +
        " images where the batch is " + std::to_string(graph.batch) + "; build with --batch " +
        std::to_string(old.shape[0]) + ", or export the model with an open batch axis");
  a.fit = spec.fit;
  a.order_bgr = spec.order_bgr;
  a.pad_value = spec.pad_value;
  a.mean = per_channel(spec.mean, a.channels, "mean");
  a.scale = per_channel(spec.scale, a.channels, "scale");
  if (old.dtype == DType::kU8) check_bytes(a, old);
  a.image = static_cast<int64_t>(graph.images.size());
  graph.images.push_back({old.name, a});
  graph.inputs.erase(std::find(graph.inputs.begin(), graph.inputs.end(), input));

  // Backwards from the old input: it is now made by the last of these nodes.
  ValueId made = input;
  const DType made_dtype = old.dtype == DType::kU8 ? DType::kU8 : DType::kF32;
  if (old.dtype != made_dtype) {
    const ValueId f32 =
        graph.add_value(graph.unique_name(old.name + "_f32"), DType::kF32, old.shape);
    // A model with half-precision inputs usually widens them at once: rounding in between helps
    // nobody.
    for (const NodeId reader : graph.consumers(input)) {
      const Node& node = graph.node(reader);
      const ValueId widened = node.outputs.at(0);
      if (node.op == Op::kCast && graph.value(widened).dtype == DType::kF32 &&
          !graph.is_output(widened))
        graph.replace_uses(widened, f32);
    }
    graph.insert_node(0, make_node("preprocess_cast", Op::kCast, std::monostate{}, {f32}, made));
    made = f32;
  }
  if (channels_last) {
    const ValueId planes = graph.add_value(graph.unique_name(old.name + "_nchw"), made_dtype,
                                           {old.shape[0], a.channels, a.height, a.width});
    graph.insert_node(0, make_node("preprocess_transpose", Op::kTranspose,
                                   TransposeAttributes{{0, 2, 3, 1}}, {planes}, made));
    made = planes;
  }
  graph.insert_node(0, make_node("preprocess", Op::kPreprocess, a, {}, made));
}

}  // namespace

std::optional<InsertedDecoder> insert_frames(Graph& graph, const std::string& preprocess,
                                             const std::string& postprocess) {
  // The decoder asks for the size of the network's input, which the first step may take away.
  if (!preprocess.empty()) insert_preprocess(graph, parse_preprocess_spec(preprocess));
  if (postprocess.empty()) return std::nullopt;
  return insert_decoder(graph, parse_postprocess_spec(postprocess));
}

}  // namespace stint::builder
