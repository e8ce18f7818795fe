#include "host_builder/import/caffe/net_weights.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "host_builder/graph/shape.h"
#include "host_builder/import/caffe/net_text.h"
#include "host_builder/import/caffe/random_weights.h"

namespace stint::builder {
namespace {

constexpr std::string_view kHdf5Mark = "\x89HDF\r\n";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// False for what is no message.
bool parse(std::span<const std::byte> bytes, caffe::Weights& weights) {
  google::protobuf::LogSilencer quiet;  // the error is reported here, not on stderr
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  return weights.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

Shape shape_of(const caffe::BlobProto& blob) {
  if (blob.has_shape()) return {blob.shape().dim().begin(), blob.shape().dim().end()};
  return {blob.num(), blob.channels(), blob.height(), blob.width()};
}

/// Shapes that hold the same elements in the same order: extents of 1 may stand anywhere, as in the
/// four axes that every blob once had.
Shape without_ones(Shape shape) {
  shape.erase(std::remove(shape.begin(), shape.end(), 1), shape.end());
  return shape;
}

}  // namespace

bool is_net_binary(std::span<const std::byte> bytes) {
  // The net's name, or its first layer. ONNX begins with a number.
  const std::string_view text = text_of(bytes);
  if (text.substr(0, 1) != "\x0a" && text.substr(0, 2) != "\xa2\x06") return false;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
  caffe::Weights weights;
  return parse(bytes, weights) && weights.layer_size() + weights.layers_size() > 0;
}

NetWeights::NetWeights(std::span<const std::byte> bytes) : from_file_(true) {
  const std::string_view text = text_of(bytes);
  if (is_net_text(bytes)) {
    throw Refusal("the file given as weights is a topology in text",
                  "give the prototxt as MODEL and the caffemodel with --weights");
  }
  if (text.substr(0, kHdf5Mark.size()) == kHdf5Mark) {
    throw Refusal("the weights are an HDF5 file, a binary protobuf is needed",
                  "save them with Caffe as .caffemodel (snapshot_format: BINARYPROTO)");
  }
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw Refusal("the weights have " + std::to_string(bytes.size()) +
                      " bytes, a caffemodel has at most 2 GiB",
                  "reduce the net's weights");
  }
  caffe::Weights weights;
  if (!parse(bytes, weights)) {
    throw Refusal("the weights are no caffemodel: the file of " + std::to_string(bytes.size()) +
                      " bytes is not a complete protobuf message (truncated, or another format)",
                  "give a whole .caffemodel file, or copy it again");
  }
  for (caffe::LegacyLayerWeights& layer : *weights.mutable_layers())
    if (layer.blobs_size() > 0) layers_[layer.name()].blobs.Swap(layer.mutable_blobs());
  for (caffe::LayerWeights& layer : *weights.mutable_layer())
    if (layer.blobs_size() > 0) layers_[layer.name()].blobs.Swap(layer.mutable_blobs());
  if (layers_.empty()) {
    throw Refusal("the weights are no caffemodel: the file holds no layer with weights",
                  "give the .caffemodel file (a .solverstate or a mean file is another thing)");
  }
}

NetWeights::LayerBlobs& NetWeights::find(const std::string& layer) {
  const auto found = layers_.find(layer);
  if (found == layers_.end())
    throw Refusal("the weights have no layer of this name", kCheckWeights);
  return found->second;
}

void NetWeights::check_layer(const std::string& layer, size_t blobs) {
  if (made_up()) return;
  LayerBlobs& found = find(layer);
  found.used = true;
  const auto count = static_cast<size_t>(found.blobs.size());
  if (count == blobs) return;
  throw Refusal("the weights have " + std::to_string(count) + " blob(s) of it, needs " +
                    std::to_string(blobs),
                kCheckWeights);
}

std::vector<float> NetWeights::blob(const std::string& layer, size_t index, const Shape& shape,
                                    const MadeUp& made_up_of) {
  const auto elements = checked_elements(shape);
  if (!elements || *elements > std::numeric_limits<int32_t>::max())
    throw Refusal("needs weights " + shape_text(shape) + ", which are too many", kCheckNet);
  const auto count = static_cast<size_t>(*elements);
  if (made_up()) return random_weights(layer, index, count, made_up_of);
  const auto& blobs = find(layer).blobs;
  if (index >= static_cast<size_t>(blobs.size()))
    throw Refusal("the weights have no blob " + std::to_string(index) + " of it", kCheckWeights);
  const caffe::BlobProto& blob = blobs.Get(static_cast<int>(index));
  const Shape found = shape_of(blob);
  if (without_ones(found) != without_ones(shape)) {
    throw Refusal("blob " + std::to_string(index) + " of its weights is " + shape_text(found) +
                      ", needs " + shape_text(shape),
                  kCheckWeights);
  }
  const size_t single = static_cast<size_t>(blob.data_size());
  const size_t in_double = static_cast<size_t>(blob.double_data_size());
  if (single == count) return {blob.data().begin(), blob.data().end()};
  if (single == 0 && in_double == count)
    return {blob.double_data().begin(), blob.double_data().end()};
  throw Refusal("blob " + std::to_string(index) + " of its weights " + shape_text(found) +
                    " holds " + std::to_string(std::max(single, in_double)) + " numbers",
                "copy the file of weights again, or save it with Caffe's own floats");
}

std::vector<std::string> NetWeights::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, layer] : layers_)
    if (!layer.used) names.push_back(name);
  return names;
}

}  // namespace stint::builder
