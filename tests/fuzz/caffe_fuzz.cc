// A hostile Caffe net: must be imported or refused with a BuildError; never crash, hang or take
// memory without bound. The input is a topology in text, and behind a NUL the bytes of its weights.
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <string>

#include "caffe/caffe.pb.h"
#include "host_builder/import/importer.h"
#include "host_builder/support/error.h"
#include "tests/fuzz/fuzz_target.h"

using stint::builder::BuildError;
using stint::builder::ImportOptions;
namespace caffe = stint::caffe;

namespace {

uint64_t imported = 0;
uint64_t refused = 0;

constexpr const char* kNet = R"(
name: 'n'
layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 4 dim: 9 dim: 8 } } }
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 group: 2 dilation: 1 } }
layer { name: 'bn' type: 'BatchNorm' bottom: 'conv' top: 'conv' batch_norm_param { eps: 0.1 } }
layer { name: 'scale' type: 'Scale' bottom: 'conv' top: 'conv' scale_param { bias_term: true axis: 1 } }
layer { name: 'relu' type: 'ReLU' bottom: 'conv' top: 'conv' relu_param { negative_slope: 0.1 } }
layer { name: 'pool' type: 'Pooling' bottom: 'conv' top: 'pool' pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: 'up' type: 'Deconvolution' bottom: 'pool' top: 'up'
  convolution_param { num_output: 4 kernel_h: 2 kernel_w: 3 stride: 2 bias_term: false } }
layer { name: 'crop' type: 'Crop' bottom: 'conv' bottom: 'pool' top: 'crop' crop_param { offset: 1 } }
layer { name: 'sum' type: 'Eltwise' bottom: 'crop' bottom: 'pool' top: 'sum' eltwise_param { coeff: 1 coeff: 2 } }
layer { name: 'lrn' type: 'LRN' bottom: 'sum' top: 'lrn' lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL } }
layer { name: 'slice' type: 'Slice' bottom: 'lrn' top: 'a' top: 'b' slice_param { slice_point: 1 axis: 1 } }
layer { name: 'cat' type: 'Concat' bottom: 'a' bottom: 'b' top: 'cat' concat_param { axis: 1 } }
layer { name: 'perm' type: 'Permute' bottom: 'cat' top: 'perm' permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: 'shape' type: 'Reshape' bottom: 'perm' top: 'shape' reshape_param { shape { dim: 0 dim: -1 dim: 2 } axis: 0 num_axes: -1 } }
layer { name: 'ip' type: 'InnerProduct' bottom: 'cat' top: 'ip' inner_product_param { num_output: 3 axis: 1 } }
layer { name: 'prob' type: 'Softmax' bottom: 'ip' top: 'prob' softmax_param { axis: 1 } }
layer { name: 'best' type: 'ArgMax' bottom: 'prob' top: 'best' argmax_param { top_k: 2 out_max_val: true } }
layer { name: 'tile' type: 'Tile' bottom: 'prob' top: 'tile' tile_param { tiles: 3 axis: 1 } }
layer { name: 'norm' type: 'Normalize' bottom: 'up' top: 'norm' norm_param { across_spatial: false } }
layer { name: 'mvn' type: 'MVN' bottom: 'norm' top: 'mvn' mvn_param { across_channels: true } }
layer { name: 'power' type: 'Power' bottom: 'mvn' top: 'power' power_param { power: 3 shift: 1 } }
layer { name: 'interp' type: 'Interp' bottom: 'power' top: 'interp' interp_param { zoom_factor: 2 } }
layer { name: 'sum_up' type: 'Reduction' bottom: 'interp' top: 'sum_up' reduction_param { axis: 2 coeff: 0.5 } }
)";

constexpr const char* kSsd = R"(
input: 'x' input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
layer { name: 'f' type: 'Pooling' bottom: 'x' top: 'f' pooling_param { kernel_size: 8 stride: 8 } }
layer { name: 'loc' type: 'Convolution' bottom: 'f' top: 'loc' convolution_param { num_output: 8 kernel_size: 1 } }
layer { name: 'conf' type: 'Convolution' bottom: 'f' top: 'conf' convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: 'lp' type: 'Permute' bottom: 'loc' top: 'lp' permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: 'lf' type: 'Flatten' bottom: 'lp' top: 'lf' flatten_param { axis: 1 end_axis: -1 } }
layer { name: 'cf' type: 'Flatten' bottom: 'conf' top: 'cf' }
layer { name: 'p' type: 'PriorBox' bottom: 'f' bottom: 'x' top: 'p' prior_box_param { min_size: 4 max_size: 8 variance: 0.1 step: 8 offset: 0.5 img_size: 16 } }
layer { name: 'd' type: 'DetectionOutput' bottom: 'lf' bottom: 'cf' bottom: 'p' top: 'd' include { phase: TEST }
  detection_output_param { num_classes: 2 code_type: CENTER_SIZE keep_top_k: 7 nms_param { nms_threshold: 0.4 top_k: 9 } } }
layer { name: 'reorg' type: 'Reorg' bottom: 'reorg_in' top: 'reorg' reorg_param { stride: 2 } exclude { phase: TEST } }
layer { name: 'shuffle' type: 'ShuffleChannel' bottom: 'x' top: 'shuffle' shuffle_channel_param { group: 3 } }
layer { name: 'upsample' type: 'Upsample' bottom: 'shuffle' top: 'upsample' upsample_param { scale: 2 } }
)";

constexpr const char* kLegacy = R"(
input: 'x' input_shape { dim: 2 dim: 3 }
layers { name: 'ip' type: INNER_PRODUCT bottom: 'x' top: 'ip' inner_product_param { num_output: 4 } }
layers { name: 'bnll' type: BNLL bottom: 'ip' top: 'ip' }
layers { name: 'exp' type: EXP bottom: 'ip' top: 'exp' exp_param { base: 2 scale: 0.5 } }
)";

constexpr const char* kTypes[] = {
    "Convolution", "Deconvolution", "Pooling", "InnerProduct",    "LRN",      "Eltwise", "Slice",
    "Concat",      "Crop",          "Permute", "Reshape",         "Flatten",  "Tile",    "Reorg",
    "PriorBox",    "Scale",         "Bias",    "ShuffleChannel",  "Upsample", "Interp",  "ArgMax",
    "Reduction",   "PReLU",         "Softmax", "DetectionOutput", "Split",    "Data",    "Input",
    "BatchNorm",   "MVN",           "Python",  "Normalize"};

class Random {
 public:
  explicit Random(const FuzzBytes& input) {
    for (const uint8_t byte : input) state_ = (state_ ^ byte) * 1099511628211u;
  }
  uint32_t below(uint32_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return bound == 0 ? 0 : static_cast<uint32_t>(state_ >> 33) % bound;
  }
  int64_t number() {
    constexpr int64_t kOdd[] = {0,
                                1,
                                2,
                                3,
                                4,
                                7,
                                -1,
                                -2,
                                -9,
                                13,
                                64,
                                255,
                                65536,
                                1 << 20,
                                (int64_t{1} << 31) - 1,
                                int64_t{1} << 31,
                                int64_t{1} << 40,
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min()};
    return kOdd[below(std::size(kOdd))];
  }

 private:
  uint64_t state_ = 14695981039346656037u;
};

caffe::Net parsed(const std::string& text) {
  google::protobuf::LogSilencer quiet;
  caffe::Net net;
  google::protobuf::TextFormat::ParseFromString(text, &net);
  return net;
}

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Gives one field of the message, or of a message in it, another value.
void mutate_message(Message& message, Random& random, int depth) {
  const auto* descriptor = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  if (descriptor->field_count() == 0) return;
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  // Mostly what is there, now and then something new.
  const FieldDescriptor* field =
      fields.empty() || random.below(4) == 0
          ? descriptor->field(
                static_cast<int>(random.below(static_cast<uint32_t>(descriptor->field_count()))))
          : fields[random.below(static_cast<uint32_t>(fields.size()))];
  const bool list = field->is_repeated();
  const int size = list ? reflection->FieldSize(message, field) : 0;
  const int at = size > 0 ? static_cast<int>(random.below(static_cast<uint32_t>(size))) : 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth > 4) return;
      if (!list)
        mutate_message(*reflection->MutableMessage(&message, field), random, depth + 1);
      else if (size > 0)
        mutate_message(*reflection->MutableRepeatedMessage(&message, field, at), random, depth + 1);
      else
        mutate_message(*reflection->AddMessage(&message, field), random, depth + 1);
      return;
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto value = static_cast<int32_t>(random.number());
      if (!list) return reflection->SetInt32(&message, field, value);
      return size > 0 ? reflection->SetRepeatedInt32(&message, field, at, value)
                      : reflection->AddInt32(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t value = random.number();
      if (!list) return reflection->SetInt64(&message, field, value);
      return size > 0 ? reflection->SetRepeatedInt64(&message, field, at, value)
                      : reflection->AddInt64(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto value = static_cast<uint32_t>(random.number());
      if (!list) return reflection->SetUInt32(&message, field, value);
      return size > 0 && random.below(2) == 0
                 ? reflection->SetRepeatedUInt32(&message, field, at, value)
                 : reflection->AddUInt32(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      constexpr float kNumbers[] = {0.0f,
                                    -1.0f,
                                    1e30f,
                                    std::numeric_limits<float>::quiet_NaN(),
                                    std::numeric_limits<float>::infinity(),
                                    0.5f,
                                    3.0f};
      const float value = kNumbers[random.below(std::size(kNumbers))];
      if (!list) return reflection->SetFloat(&message, field, value);
      return size > 0 ? reflection->SetRepeatedFloat(&message, field, at, value)
                      : reflection->AddFloat(&message, field, value);
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!list) reflection->SetBool(&message, field, random.below(2) != 0);
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* values = field->enum_type();
      if (!list)
        reflection->SetEnum(&message, field,
                            values->value(static_cast<int>(
                                random.below(static_cast<uint32_t>(values->value_count())))));
      return;
    }
    default:
      return;
  }
}

void mutate_net(caffe::Net& net, Random& random) {
  if (net.layer_size() == 0) return mutate_message(net, random, 0);
  const auto pick = [&] {
    return static_cast<int>(random.below(static_cast<uint32_t>(net.layer_size())));
  };
  caffe::Layer& layer = *net.mutable_layer(pick());
  const caffe::Layer& other = net.layer(pick());
  switch (random.below(6)) {
    case 0:
      layer.set_type(kTypes[random.below(std::size(kTypes))]);
      return;
    case 1:
      if (layer.bottom_size() > 0 && other.top_size() > 0) layer.set_bottom(0, other.top(0));
      return;
    case 2:
      if (other.top_size() > 0) layer.add_bottom(other.top(0));
      return;
    case 3:
      if (layer.top_size() > 0 && layer.bottom_size() > 0) layer.set_top(0, layer.bottom(0));
      return;
    default:
      mutate_message(layer, random, 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ImportOptions options;
  options.constant_bytes_limit = 8 << 20;
  options.folding_work_limit = 1e7;
  std::string decoder;
  options.own_decoder = &decoder;
  if (size > 0 && data[size / 2] % 8 == 0) options.batch = 3;
  const std::span<const std::byte> all(reinterpret_cast<const std::byte*>(data), size);
  const auto nul = std::find(all.begin(), all.end(), std::byte{0});
  const auto text = all.first(static_cast<size_t>(nul - all.begin()));
  std::vector<std::span<const std::byte>> weights;
  if (nul != all.end()) weights.push_back(all.subspan(text.size() + 1));
  try {
    auto source = stint::builder::Source::of_bytes(text, weights);
    const auto graph = stint::builder::import_model(source, options);
    stint::builder::verify(graph);
    ++imported;
  } catch (const BuildError&) {
    ++refused;
  }
  return 0;
}

std::vector<FuzzBytes> fuzz_seeds() {
  std::vector<FuzzBytes> seeds;
  for (const char* text : {kNet, kSsd, kLegacy}) {
    const std::string net = text;
    // A seed that is refused would test nothing: ends the program with the reason.
    auto source = stint::builder::Source::of_bytes(std::as_bytes(std::span(net)));
    stint::builder::import_model(source, {});
    seeds.emplace_back(net.begin(), net.end());
  }
  caffe::Weights weights;
  caffe::LayerWeights& layer = *weights.add_layer();
  layer.set_name("ip");
  for (const auto& [rows, columns] : {std::pair{4, 3}, std::pair{1, 4}}) {
    caffe::BlobProto& blob = *layer.add_blobs();
    blob.mutable_shape()->add_dim(rows);
    blob.mutable_shape()->add_dim(columns);
    for (int i = 0; i < rows * columns; ++i) blob.add_data(static_cast<float>(i));
  }
  const std::string both = kLegacy + std::string(1, '\0') + weights.SerializeAsString();
  seeds.emplace_back(both.begin(), both.end());
  return seeds;
}

/// Most byte changes end in the parser. Where the text is no net any more, a seed chosen by it
/// takes its place; then the net itself is changed, so that the importer behind the parser is
/// reached. The weights stay as they are.
void fuzz_fix_up(FuzzBytes* input) {
  Random random(*input);
  const auto nul = std::find(input->begin(), input->end(), 0);
  const std::string weights(nul, input->end());
  caffe::Net net = parsed(std::string(input->begin(), nul));
  if (net.layer_size() + net.layers_size() == 0) {
    constexpr const char* kTexts[] = {kNet, kSsd};
    net = parsed(kTexts[random.below(std::size(kTexts))]);
  }
  for (uint32_t changes = 1 + random.below(4); changes > 0; --changes) mutate_net(net, random);
  std::string text;
  google::protobuf::TextFormat::PrintToString(net, &text);
  text += weights;
  input->assign(text.begin(), text.end());
}

std::string fuzz_summary() {
  return std::to_string(imported) + " imported, " + std::to_string(refused) + " refused";
}
