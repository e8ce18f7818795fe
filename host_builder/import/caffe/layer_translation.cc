#include "host_builder/import/caffe/layer_translation.h"

namespace stint::builder {
namespace {

std::string range_text(size_t least, size_t most) {
  const std::string text = std::to_string(least);
  if (most == least) return text;
  return most > 1000 ? text + " or more" : text + " to " + std::to_string(most);
}

}  // namespace

LayerTranslation::LayerTranslation(const ListedLayer& listed, NetTranslation& net)
    : listed_(listed), net_(net) {
  for (const std::string& name : listed.bottoms) bottoms_.push_back(net.blobs.at(name));
}

void LayerTranslation::require_bottoms(size_t least, size_t most) const {
  if (bottom_count() < least || bottom_count() > most)
    fail("has " + std::to_string(bottom_count()) + " bottom(s), needs " + range_text(least, most));
}

void LayerTranslation::require_tops(size_t least, size_t most) const {
  if (top_count() < least || top_count() > most)
    fail("has " + std::to_string(top_count()) + " top(s), needs " + range_text(least, most));
}

size_t LayerTranslation::axis(int64_t value) const {
  return static_cast<size_t>(normalize_axis(value, rank(0), "axis"));
}

void LayerTranslation::expect_blobs(size_t count) {
  net_.weights.check_layer(name(), count);
  if (net_.weights.made_up()) ++net_.made_up_layers;
}

std::vector<float> LayerTranslation::numbers(size_t index, const Shape& shape,
                                             const MadeUp& made_up) {
  const auto elements = checked_elements(shape);
  // Before memory is taken for what a hostile topology asks for.
  if (!elements ||
      static_cast<uint64_t>(*elements) > net_.network.limits().constant_bytes / sizeof(float)) {
    fail("weights " + shape_text(shape) + " exceed the limit for constants",
         "reduce the net's weights, or split it into several nets");
  }
  return net_.weights.blob(name(), index, shape, made_up);
}

ValueId LayerTranslation::blob(size_t index, const Shape& shape, const MadeUp& made_up) {
  return net_.network.constant(DType::kF32, shape, numbers(index, shape, made_up));
}

void LayerTranslation::bind(size_t i, ValueId value) {
  const std::string& top = top_name(i);
  net_.blobs[top] = value;
  // A value that passes through under another name keeps its own; so does a constant, which is no
  // layer's any more.
  const bool named = is_blob_name(top) && net_.inputs.count(top) == 0;
  if (named && !net_.network.graph().value(value).is_constant()) net_.network.give_name(value, top);
}

}  // namespace stint::builder
