// SSD: PriorBox and DetectionOutput.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/import/caffe/prior_boxes.h"
#include "plan_schema/params/decode.h"

namespace stint::builder {
namespace {

/// Bottom 0 has the places, bottom 1 the picture. Both are known by their shapes alone.
void translate_prior_box(LayerTranslation& n) {
  const caffe::PriorBoxParameter& p = n.layer().prior_box_param();
  n.require_bottoms(2, 2);
  n.require_tops(1, 1);
  if (n.rank(0) != 4 || n.rank(1) != 4)
    n.fail("needs bottoms with 4 axes, they are " + shape_text(n.shape(0)) + " and " +
           shape_text(n.shape(1)));
  const PriorGrid grid{n.shape(0)[3], n.shape(0)[2], n.shape(1)[3], n.shape(1)[2]};
  const Shape shape{2, grid.width, grid.height, static_cast<int64_t>(priors_per_place(p)), 4};
  const auto elements = checked_elements(shape);
  if (!elements || *elements < 1 ||
      static_cast<uint64_t>(*elements) > n.network().limits().constant_bytes / sizeof(float))
    n.fail("makes " + shape_text(shape) + " prior boxes, which are none or too many");
  n.bind(0, n.network().constant(DType::kF32, {1, 2, *elements / 2}, prior_boxes(p, grid)));
}

/// The shortest that is read back as the same number.
std::string number_text(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// What may stand in a SPEC.
bool is_plain(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::strchr("_-./", c) != nullptr;
  });
}

/// Prior boxes and their variances, four numbers each.
struct Priors {
  std::vector<float> boxes, variances;
};

Priors priors_of(LayerTranslation& n) {
  const Value& value = n.network().graph().value(n.in(2));
  if (!value.is_constant() || value.dtype != DType::kF32 || value.shape.size() != 3 ||
      value.shape[0] != 1 || value.shape[1] != 2 || value.shape[2] % 4 != 0)
    n.fail("its third bottom " + shape_text(value.shape) +
           " is not what PriorBox layers make, [1,2,4 x priors]");
  const auto* data = reinterpret_cast<const float*>(value.constant->data());
  const auto half = static_cast<std::ptrdiff_t>(value.shape[2]);
  return {{data, data + half}, {data + half, data + 2 * half}};
}

/// The variances as the decoder takes them, one of centres and one of sizes.
bool is_of_all(const std::vector<float>& variances) {
  for (size_t i = 0; i < variances.size(); ++i)
    if (variances[i] != variances[i % 4 < 2 ? 0 : 2]) return false;
  return true;
}

void check_parameters(LayerTranslation& n) {
  const caffe::DetectionOutputParameter& p = n.layer().detection_output_param();
  constexpr Action kDecodeYourself =
      "remove it from the prototxt and decode its bottoms in your program";
  if (!p.share_location()) n.fail("has boxes of its own for each class", kDecodeYourself);
  if (p.code_type() != caffe::PriorBoxParameter::CENTER_SIZE)
    n.fail("has boxes in another code_type than CENTER_SIZE", kDecodeYourself);
  if (p.background_label_id() > 0)
    n.fail("has a background class that is not the first", kDecodeYourself);
  if (p.nms_param().eta() != 1.0f)
    n.fail("lowers its threshold from box to box (eta)", "remove eta from its nms_param");
  if (!n.net().decoder.empty())
    n.fail("is the second one, a plan has one decoder", kDecodeYourself);
}

/// The decoder does what the layer does; offsets, scores and priors are handed to it as two outputs
/// and a constant.
void translate_detection_output(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::DetectionOutputParameter& p = n.layer().detection_output_param();
  n.require_bottoms(3, 3);
  n.require_tops(1, 1);
  check_parameters(n);
  const std::string name = blob_of(n.top_name(0));
  if (!is_plain(name))
    n.fail("computes '" + name + "', which cannot be written in a --postprocess SPEC",
           "name its top with letters and digits");
  const Priors priors = priors_of(n);
  const auto rows = static_cast<int64_t>(priors.boxes.size() / 4);
  const int64_t batch = n.rank(0) > 0 ? n.shape(0)[0] : 0, classes = p.num_classes();
  const auto has = [&](size_t i, int64_t columns) {
    return checked_elements(n.shape(i)) == checked_elements({batch, rows, columns});
  };
  if (classes < 1 || rows < 1 || !has(0, 4) || !has(1, classes)) {
    n.fail("reads offsets " + shape_text(n.shape(0)) + " and scores " + shape_text(n.shape(1)) +
           ", needs 4 and " + std::to_string(classes) + " for each of " + std::to_string(rows) +
           " prior boxes");
  }
  ValueId offsets = net.reshape(n.in(0), {batch, rows, 4});
  std::vector<float> variances{1.0f, 1.0f};
  if (!p.variance_encoded_in_target() && is_of_all(priors.variances))
    variances = {priors.variances[0], priors.variances[2]};
  else if (!p.variance_encoded_in_target())
    offsets =
        net.binary(EltOp::kMul, offsets, net.constant(DType::kF32, {1, rows, 4}, priors.variances));
  const ValueId scores = net.reshape(n.in(1), {batch, rows, classes});
  net.add_constant(name + "/priors", DType::kF32, {rows, 4}, priors.boxes);
  n.net().replaced[n.top_name(0)] = {{name + "/boxes", offsets}, {name + "/scores", scores}};
  const int64_t most = p.keep_top_k() > 0 ? p.keep_top_k() : kMaxDetections;
  const float least = p.has_confidence_threshold() ? p.confidence_threshold() : 0.0f;
  n.net().decoder = "ssd,boxes=" + name + "/boxes,scores=" + name + "/scores,priors=" + name +
                    "/priors,corners,variances=" + number_text(variances[0]) + ":" +
                    number_text(variances[1]) +
                    ",first-class=" + std::to_string(p.background_label_id() + 1) +
                    ",score=" + number_text(std::clamp(least, 0.0f, 1.0f)) +
                    ",iou=" + number_text(std::clamp(p.nms_param().nms_threshold(), 0.0f, 1.0f)) +
                    ",max=" + std::to_string(std::min<int64_t>(most, kMaxDetections));
}

}  // namespace

const std::vector<LayerEntry> kDetectionLayers = {
    {"PriorBox", translate_prior_box},
    {"DetectionOutput", translate_detection_output},
};

}  // namespace stint::builder
