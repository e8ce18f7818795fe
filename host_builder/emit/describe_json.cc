#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "core/include/stint/stint.h"
#include "core/plan/tensor_extent.h"
#include "host_builder/emit/describe.h"
#include "host_builder/emit/memory_map.h"
#include "host_builder/emit/weight_orders.h"
#include "host_builder/support/error.h"
#include "host_builder/support/sha256.h"
#include "host_builder/support/utf8.h"
#include "kernels/cpu/kernel.h"
#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"

namespace stint::builder {
namespace {

using nlohmann::json;

/// The plan's bytes on the alignment that opening needs.
class AlignedPlan {
 public:
  explicit AlignedPlan(const std::vector<std::byte>& bytes)
      : storage_(bytes.size() + kFlatbufferAlignment) {
    void* place = storage_.data();
    size_t room = storage_.size();
    data_ = static_cast<std::byte*>(std::align(kFlatbufferAlignment, bytes.size(), place, room));
    if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
    const stint_status status = stint_plan_open(data_, bytes.size(), &plan_);
    if (status.code == STINT_OK) return;
    std::string message = std::string("this is not a sound plan (") +
                          stint_status_name(status.code) + "): " + status.message + "; found " +
                          std::to_string(status.found) + ", needed " +
                          std::to_string(status.needed);
    if (status.detail_kind != STINT_DETAIL_NONE) {
      message += std::string(", at ") + stint_detail_name(status.detail_kind) + " " +
                 std::to_string(status.detail);
    }
    throw BuildError(message);
  }
  const std::byte* data() const { return data_; }
  const fb::Plan& root() const { return *static_cast<const fb::Plan*>(plan_.root); }

 private:
  std::vector<std::byte> storage_;
  std::byte* data_ = nullptr;
  stint_plan plan_ = {};
};

/// Text of a file that anybody may have written: what is no UTF-8 or would steer a terminal becomes
/// '?'.
std::string text_of(const flatbuffers::String* text) {
  std::string result;
  const std::string raw = text == nullptr ? "" : text->str();
  for (size_t i = 0; i < raw.size();) {
    const size_t length = utf8_length(raw, i);
    if (length == 0 || is_utf8_control(raw, i, length)) {
      result += '?';
      i += std::max<size_t>(length, 1);
    } else {
      result.append(raw, i, length);
      i += length;
    }
  }
  return result;
}

std::string hex(const flatbuffers::Vector<uint8_t>* bytes) {
  return bytes == nullptr ? "" : hex_text({bytes->data(), bytes->size()});
}

json describe_tensor(const fb::Tensor& tensor) {
  static const char* const kStorages[] = {"arena", "weights", "binding"};
  json result;
  result["name"] = text_of(tensor.name());
  result["dtype"] = dtype_name(static_cast<DType>(tensor.dtype()));
  result["shape"] = std::vector<int64_t>(tensor.shape()->begin(), tensor.shape()->end());
  if (!is_dense(tensor))
    result["strides"] = std::vector<int64_t>(tensor.strides()->begin(), tensor.strides()->end());
  result["storage"] = kStorages[static_cast<size_t>(tensor.storage())];
  result["index"] = tensor.index();
  result["offset"] = tensor.offset();
  TensorExtent extent;
  if (measure_tensor(tensor, 0, &extent).ok()) result["bytes"] = extent.bytes;
  return result;
}

json describe_binding(const fb::Program& program, const fb::Binding& binding) {
  json result;
  result["name"] = text_of(binding.name());
  if (binding.kind() == fb::BindingKind::Image) {
    static const char* const kFits[] = {"stretch", "letterbox", "letterbox-topleft", "crop"};
    const fb::ImageSpec& image = *binding.image();
    result["kind"] = "image";
    result["width"] = image.width();
    result["height"] = image.height();
    result["channels"] = image.channels();
    result["fit"] = kFits[image.fit()];
    result["order"] = image.channels() == 1 ? "gray" : image.order_bgr() ? "bgr" : "rgb";
    result["pad"] = image.pad_value();
    result["mean"] = std::vector<float>(image.mean()->begin(), image.mean()->end());
    result["scale"] = std::vector<float>(image.scale()->begin(), image.scale()->end());
    return result;
  }
  const fb::Tensor& tensor = *program.tensors()->Get(binding.tensor());
  result["kind"] = binding.kind() == fb::BindingKind::Detections ? "detections" : "tensor";
  result["dtype"] = dtype_name(static_cast<DType>(tensor.dtype()));
  result["shape"] = std::vector<int64_t>(tensor.shape()->begin(), tensor.shape()->end());
  result["bytes"] = binding.io_bytes();
  return result;
}

using Decisions =
    std::map<std::pair<uint32_t, uint32_t>, const fb::Decision*>;  // by batch and step

json describe_step(const fb::Program& program, uint32_t index, const Decisions& decisions) {
  static const char* const kProvenances[] = {"predicted", "measured", "pinned"};
  const fb::Step& step = *program.steps()->Get(index);
  const cpu::KernelEntry* kernel = cpu::find_kernel(step.kernel());
  json result;
  result["index"] = index;
  result["name"] = text_of(step.name());
  result["kernel"] = kernel == nullptr ? std::to_string(step.kernel()) : kernel->name;
  if (const fb::Launch* launch = step.launch(); launch != nullptr) {
    result["kernel"] = text_of(launch->symbol());
    result["launch"] = {{"segment", launch->module_segment()},
                        {"grid", {launch->grid_x(), launch->grid_y(), launch->grid_z()}},
                        {"block", {launch->block_x(), launch->block_y(), launch->block_z()}},
                        {"dynamic_smem", launch->dynamic_smem()}};
  }
  result["inputs"] = json::array();
  result["outputs"] = json::array();
  for (uint32_t i = 0; step.inputs() != nullptr && i < step.inputs()->size(); ++i) {
    result["inputs"].push_back(describe_tensor(*program.tensors()->Get(step.inputs()->Get(i))));
  }
  for (uint32_t i = 0; step.outputs() != nullptr && i < step.outputs()->size(); ++i) {
    result["outputs"].push_back(describe_tensor(*program.tensors()->Get(step.outputs()->Get(i))));
  }
  if (step.workspace() != kNone)
    result["workspace_bytes"] = program.tensors()->Get(step.workspace())->shape()->Get(0);
  const auto found = decisions.find({program.batch(), index});
  if (found == decisions.end()) return result;
  const fb::Decision& decision = *found->second;
  result["tactic"] = text_of(decision.choice());
  if (static_cast<size_t>(decision.provenance()) < 3)
    result["provenance"] = kProvenances[static_cast<size_t>(decision.provenance())];
  result["predicted_us"] = decision.predicted_us();
  if (decision.measured_us() > 0) result["measured_us"] = decision.measured_us();
  result["precision"] = dtype_name(static_cast<DType>(decision.precision()));
  result["flops"] = decision.flops();
  result["bytes"] = decision.bytes();
  return result;
}

json describe_program(const fb::Program& program, const Decisions& decisions) {
  json result;
  result["batch"] = program.batch();
  result["peak_bytes"] = program.peak_bytes();
  result["lower_bound_bytes"] = program.lower_bound();
  result["io_bytes"] = program.io_bytes();
  result["worker_scratch_bytes"] = program.worker_scratch();
  result["edges"] = program.edges() == nullptr ? 0 : program.edges()->size();
  result["inputs"] = json::array();
  result["outputs"] = json::array();
  for (const fb::Binding* binding : *program.bindings()) {
    result[binding->is_input() ? "inputs" : "outputs"].push_back(
        describe_binding(program, *binding));
  }
  result["arenas"] = json::array();
  for (const fb::Arena* arena : *program.arenas()) {
    result["arenas"].push_back(
        {{"space", arena->space() == fb::MemorySpace::Host ? "host" : "device"},
         {"bytes", arena->bytes()},
         {"alignment", arena->alignment()}});
  }
  result["steps"] = json::array();
  double flops = 0, predicted_us = 0;
  for (uint32_t i = 0; i < program.steps()->size(); ++i) {
    result["steps"].push_back(describe_step(program, i, decisions));
    flops += result["steps"].back().value("flops", 0.0);
    predicted_us += result["steps"].back().value("predicted_us", 0.0);
  }
  result["flops"] = flops;
  result["predicted_us"] = predicted_us;
  result["memory_map"] = json::array();
  for (const MemoryBlock& block : map_memory(program)) {
    json names = json::array();
    for (uint32_t tensor : block.tensors)
      names.push_back(text_of(program.tensors()->Get(tensor)->name()));
    result["memory_map"].push_back({{"arena", block.arena},
                                    {"offset", block.offset},
                                    {"bytes", block.bytes},
                                    {"first_step", block.first},
                                    {"last_step", block.last},
                                    {"workspace", block.workspace},
                                    {"tensors", names}});
  }
  return result;
}

// Element types of the floating-point tensors that steps write, and of the constants they read.
json describe_precision(const fb::Program& program) {
  std::map<std::string, uint64_t> activations, weights;
  for (const fb::Tensor* tensor : *program.tensors()) {
    TensorExtent extent;
    if (!measure_tensor(*tensor, 0, &extent).ok()) continue;
    auto& kind = tensor->storage() == fb::StorageKind::Segment ? weights : activations;
    kind[dtype_name(static_cast<DType>(tensor->dtype()))] += extent.elements;
  }
  return {{"activation_elements", activations}, {"weight_elements", weights}};
}

json describe_variant(const fb::TargetVariant& variant) {
  Decisions decisions;
  for (uint32_t i = 0; variant.decisions() != nullptr && i < variant.decisions()->size(); ++i) {
    const fb::Decision* decision = variant.decisions()->Get(i);
    decisions[{decision->batch(), decision->step()}] = decision;
  }
  json result;
  result["name"] = text_of(variant.name());
  result["kind"] = variant.kind() == fb::TargetKind::Cpu ? "cpu" : "cuda";
  if (variant.kind() == fb::TargetKind::Cuda) {
    result["sm"] = variant.sm();
    result["min_driver"] = variant.min_driver();
    result["codegen_options"] = text_of(variant.codegen_options());
  }
  const WeightBytes weights = count_weight_bytes(variant);
  result["weights"] = {{"bytes", weights.all}, {"other_order_bytes", weights.other_orders}};
  result["programs"] = json::array();
  for (const fb::Program* program : *variant.programs()) {
    result["programs"].push_back(describe_program(*program, decisions));
    result["programs"].back()["precision"] = describe_precision(*program);
  }
  return result;
}

}  // namespace

json describe_json(const std::vector<std::byte>& bytes) {
  const AlignedPlan aligned(bytes);
  const fb::Plan& plan = aligned.root();
  FileHeader header;
  std::memcpy(&header, aligned.data(), sizeof header);
  json result;
  result["schema"] = kDescriptionSchema;
  result["name"] = text_of(plan.name());
  result["format"] = std::to_string(header.major) + "." + std::to_string(header.minor);
  result["builder"] = text_of(plan.builder());
  result["source_sha256"] = hex(plan.source_hash());
  result["file_bytes"] = header.total_bytes;
  result["structure_bytes"] = header.flatbuffer_bytes;
  result["labels"] = json::array();
  for (uint32_t i = 0; plan.labels() != nullptr && i < plan.labels()->size(); ++i) {
    result["labels"].push_back(text_of(plan.labels()->Get(i)));
  }
  result["segments"] = json::array();
  for (uint32_t i = 0; i < header.segment_count; ++i) {
    SegmentEntry entry;
    std::memcpy(&entry, aligned.data() + header.segment_table_offset + i * sizeof entry,
                sizeof entry);
    result["segments"].push_back(
        {{"kind", entry.kind == SegmentKind::kWeights ? "weights" : "cubin"},
         {"bytes", entry.bytes},
         {"offset", entry.offset},
         {"alignment", entry.alignment}});
  }
  result["targets"] = json::array();
  for (const fb::TargetVariant* variant : *plan.variants())
    result["targets"].push_back(describe_variant(*variant));
  return result;
}

}  // namespace stint::builder
