#include "host_builder/import/caffe/net_text.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "host_builder/import/caffe/legacy_layer.h"

namespace stint::builder {
namespace {

using google::protobuf::TextFormat;

/// The longest topologies (SSD over ResNet-152) have some hundred KiB; a message takes a hundred
/// times the memory of its shortest text.
constexpr size_t kMaxTextBytes = size_t{2} << 20;
/// Messages inside messages: a layer's parameters are the third level.
constexpr int kMaxDepth = 32;
/// What some editors put before the text.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Fields that are for training, or say how to compute and not what.
constexpr std::string_view kNotOfInference[] = {
    "accuracy_param",
    "annotated_data_param",
    "bias_filler",
    "blob_share_mode",
    "blobs_lr",
    "contrastive_loss_param",
    "data_param",
    "debug_info",
    "detection_evaluate_param",
    "dropout_param",
    "dummy_data_param",
    "engine",
    "filler",
    "force_backward",
    "force_nd_im2col",
    "hdf5_data_param",
    "hdf5_output_param",
    "hinge_loss_param",
    "image_data_param",
    "infogain_loss_param",
    "loss_param",
    "loss_weight",
    "moving_average_fraction",
    "multibox_loss_param",
    "param",
    "phase",
    "propagate_down",
    "save_output_param",
    "scale_filler",
    "smooth_l1_loss_param",
    "stable_prod_grad",
    "transform_param",
    "visualize",
    "visualize_threshold",
    "weight_decay",
    "weight_filler",
    "window_data_param",
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Collects what protobuf finds: the first error, and the fields that our messages do not have.
class Collector : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (error_.empty()) {
      error_ = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) +
               ": " + message;
    }
  }
  // Message type "stint.caffe.Layer" has no field named "roi_pooling_param".
  void AddWarning(int line, int, const std::string& message) override {
    const size_t end = message.rfind('"');
    const size_t begin =
        end == 0 || end == std::string::npos ? std::string::npos : message.rfind('"', end - 1);
    if (begin == std::string::npos) return;
    std::string name = message.substr(begin + 1, end - begin - 1);
    if (std::find(std::begin(kNotOfInference), std::end(kNotOfInference), name) ==
        std::end(kNotOfInference))
      unknown_.push_back({line + 1, std::move(name)});
  }
  const std::string& error() const { return error_; }
  const std::vector<UnknownField>& unknown() const { return unknown_; }

 private:
  std::string error_;
  std::vector<UnknownField> unknown_;
};

/// Gives every unknown field to the last layer that begins before it.
void sort_unknown_fields(const std::vector<UnknownField>& fields, const std::vector<int>& lines,
                         NetText& text) {
  text.unknown_of_layer.resize(lines.size());
  for (const UnknownField& field : fields) {
    const auto behind = std::upper_bound(lines.begin(), lines.end(), field.line);
    if (behind == lines.begin())
      text.unknown_of_net.push_back(field);
    else
      text.unknown_of_layer[static_cast<size_t>(behind - lines.begin()) - 1].push_back(field);
  }
}

}  // namespace

bool is_net_text(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes).substr(0, kMaxTextBytes);
  if (text.find('\0') != std::string_view::npos) return false;
  bool comment = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') comment = false;
    if (text[i] == '#') comment = true;
    if (comment || text.compare(i, 5, "layer") != 0 || (i > 0 && is_word_character(text[i - 1])))
      continue;
    size_t end = i + 5;
    if (end < text.size() && text[end] == 's') ++end;
    while (end < text.size() && (is_space(text[end]) || text[end] == ':')) ++end;
    if (end < text.size() && text[end] == '{') return true;
  }
  return false;
}

NetText parse_net_text(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxTextBytes) {
    throw Refusal("the topology has " + std::to_string(bytes.size()) +
                      " bytes of text, at most 2 MiB are read",
                  "give the topology alone, and the weights with --weights FILE");
  }
  google::protobuf::LogSilencer quiet;  // the error is reported here, not on stderr
  Collector collector;
  TextFormat::Parser parser;
  TextFormat::ParseInfoTree places;
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(&places);
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kMaxDepth);
  NetText text;
  const bool marked = text_of(bytes).substr(0, kByteOrderMark.size()) == kByteOrderMark;
  if (marked) bytes = bytes.subspan(kByteOrderMark.size());
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  if (!parser.Parse(&stream, &text.net)) {
    throw Refusal("the topology cannot be read: " + collector.error(),
                  "check the prototxt there (an upper-case type in a 'layers' block must be one of "
                  "Caffe's own)");
  }
  caffe::Net& net = text.net;
  if (net.layer_size() > 0 && net.layers_size() > 0) {
    throw Refusal("the topology mixes 'layer' and the older 'layers'",
                  "convert it with Caffe's upgrade_net_proto_text");
  }
  const bool legacy = net.layers_size() > 0;
  const auto* field = net.GetDescriptor()->FindFieldByName(legacy ? "layers" : "layer");
  std::vector<int> lines;
  for (int i = 0; i < (legacy ? net.layers_size() : net.layer_size()); ++i)
    lines.push_back(places.GetLocation(field, i).line + 1);
  sort_unknown_fields(collector.unknown(), lines, text);
  for (const caffe::LegacyLayer& layer : net.layers()) *net.add_layer() = of_today(layer);
  net.clear_layers();
  return text;
}

}  // namespace stint::builder
