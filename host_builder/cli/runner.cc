#include "host_builder/cli/runner.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "agent/measure.h"
#include "host_builder/support/error.h"

namespace stint::builder {

void require(const stint_status& status, const std::string& what) {
  if (status.code == STINT_FILE_FAILED)
    throw BuildError(what + ": " + status.message + ": " +
                     std::strerror(static_cast<int>(status.found)));
  if (!ok(status)) throw BuildError(what + ": " + describe(status));
}

Shape binding_shape(const stint_binding_info& info) { return {info.shape, info.shape + info.rank}; }

namespace {

std::string known_targets(const Plan& plan) {
  std::string known;
  for (uint32_t i = 0; i < plan.target_count(); ++i)
    known += (i == 0 ? "" : ", ") + std::string(plan.target_name(i));
  return known;
}

std::string version_text(uint32_t cuda_version) {
  return std::to_string(cuda_version / 1000) + "." + std::to_string(cuda_version % 1000 / 10);
}

/// Name of the plan's first target for a device of that SM (0: the CPU), "" if there is none.
std::string target_for(const Plan& plan, uint32_t sm) {
  for (uint32_t i = 0; i < plan.target_count(); ++i) {
    if (plan.target_sm(i) == sm) return plan.target_name(i);
  }
  return "";
}

/// N of "cuda:N", 0 for "cuda".
uint32_t device_ordinal(const std::string& device) {
  if (device == "cuda") return 0;
  const std::string number = device.rfind("cuda:", 0) == 0 ? device.substr(5) : "";
  if (number.empty() || number.size() > 3 ||
      number.find_first_not_of("0123456789") != std::string::npos) {
    throw UsageError("--device " + device + ": expected auto, cpu, cuda or cuda:N");
  }
  return static_cast<uint32_t>(std::stoul(number));
}

}  // namespace

void Runner::choose_device(const std::string& wanted, const std::string& plan_path) {
  stint_cuda_device_info info = {};
  if (wanted == "auto") {
    for (uint32_t i = 0; !on_cuda_ && ok(stint_cuda_device(i, &info)); ++i) {
      on_cuda_ = !target_for(plan(), info.sm).empty();
      device_ = i;
    }
  }
  // A plan for GPUs only says what is wrong with the GPU there is.
  const bool needs_cuda = wanted == "auto" && !on_cuda_ && target_for(plan(), 0).empty();
  if ((wanted != "auto" && wanted != "cpu") || needs_cuda) {
    device_ = needs_cuda ? 0 : device_ordinal(wanted);
    require(stint_cuda_device(device_, &info), "--device cuda:" + std::to_string(device_));
    on_cuda_ = true;
  }
  target_ = target_for(plan(), on_cuda_ ? info.sm : 0);
  if (!target_.empty()) return;
  const std::string needed = on_cuda_ ? "sm_" + std::to_string(info.sm) : "cpu";
  throw BuildError(plan_path + ": holds no program for " +
                   (on_cuda_ ? info.name + (" (" + needed + ")") : needed) + ", only for " +
                   known_targets(plan()) + "; build it with --target " + needed);
}

void Runner::choose_batch(uint32_t wanted, const std::string& plan_path) {
  uint32_t batches[64];
  const uint32_t count = std::min<uint32_t>(plan().batches(target_.c_str(), batches, 64), 64);
  batch_ = wanted == 0 ? batches[0] : wanted;
  if (std::find(batches, batches + count, batch_) != batches + count) return;
  std::string known;
  for (uint32_t i = 0; i < count; ++i)
    known += (known.empty() ? "" : ",") + std::to_string(batches[i]);
  throw BuildError(plan_path + ": holds batch " + known + ", not " + std::to_string(batch_) +
                   "; build it with --batch " + known + "," + std::to_string(batch_));
}

Runner::Runner(const std::string& plan_path, const RunnerOptions& options) : path_(plan_path) {
  require(file_.open(plan_path.c_str()), plan_path);
  choose_device(options.device, plan_path);
  choose_batch(options.batch, plan_path);
  session_options_.threads = options.threads;
  session_options_.profile = options.profile ? 1 : 0;
  session_options_.device = device_;
  session_options_.frame_bytes = options.frame_bytes;
  require(engine_.create(plan(), target_.c_str(), batch_, session_options_), plan_path);
  inputs_.resize(plan().input_count(target_.c_str(), batch_));
  for (uint32_t i = 0; i < inputs_.size(); ++i)
    require(plan().input(target_.c_str(), batch_, i, &inputs_[i]), plan_path);
  outputs_.resize(plan().output_count(target_.c_str(), batch_));
  for (uint32_t i = 0; i < outputs_.size(); ++i)
    require(plan().output(target_.c_str(), batch_, i, &outputs_[i]), plan_path);
}

std::string Runner::device_text() const {
  stint_cuda_device_info info = {};
  if (!on_cuda_ || !ok(stint_cuda_device(device_, &info))) return "cpu";
  return "cuda:" + std::to_string(device_) + " " + info.name + " (sm_" + std::to_string(info.sm) +
         ", driver for CUDA " + version_text(info.driver_version) + ")";
}

uint32_t Runner::input_index(const std::string& name) const {
  std::string known;
  for (uint32_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].name == name) return i;
    known += (known.empty() ? "" : ", ") + std::string(inputs_[i].name);
  }
  throw BuildError("the plan has no input '" + name + "'; its inputs are: " + known);
}

void Runner::set_input(uint32_t index, const HostTensor& tensor) {
  const stint_binding_info& info = inputs_.at(index);
  const std::string name = std::string("input '") + info.name + "'";
  if (info.kind != STINT_BINDING_TENSOR)
    throw BuildError(name + " takes a picture (.png, .jpg), not a tensor");
  if (static_cast<uint32_t>(tensor.dtype) != info.dtype || tensor.shape != binding_shape(info)) {
    throw BuildError(name + ": found " + dtype_name(tensor.dtype) + " " + shape_text(tensor.shape) +
                     ", the plan needs " + dtype_name(static_cast<DType>(info.dtype)) + " " +
                     shape_text(binding_shape(info)));
  }
  if (!tensor.data.empty())  // without elements there is no buffer either
    std::memcpy(session().input_data(index), tensor.data.data(), tensor.data.size());
}

void Runner::run() { require(session().run(), "run"); }

double Runner::reload_ms() {
  // Without this the device's context would end with the old session.
  struct Context {
    ~Context() { stint_cuda_free(&memory); }
    stint_cuda_memory memory = {};
  } context;
  if (on_cuda_)
    require(stint_cuda_allocate(device_, STINT_CUDA_DEVICE_MEMORY, 1, &context.memory), path_);
  // Both at once would need the plan's memory twice, which a small device may not have.
  engine_.release();
  const auto start = std::chrono::steady_clock::now();
  Plan verified;  // of the bytes that were measured: the file may be another one by now
  require(verified.open(file_.data(), file_.size()), path_);
  require(engine_.create(plan(), target_.c_str(), batch_, session_options_), path_);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

HostTensor Runner::output(uint32_t index) {
  const stint_binding_info& info = outputs_.at(index);
  HostTensor tensor;
  tensor.dtype = static_cast<DType>(info.dtype);
  tensor.shape = binding_shape(info);
  if (info.kind != STINT_BINDING_DETECTIONS) {
    const auto* data = static_cast<const std::byte*>(session().output_data(index));
    tensor.data.assign(data, data + info.bytes);
    return tensor;
  }
  std::vector<float> rows;
  size_t longest = 0;
  std::vector<std::pair<const stint_detection*, uint32_t>> slots(batch_);
  for (uint32_t slot = 0; slot < batch_; ++slot) {
    require(session().detections(slot, &slots[slot].first, &slots[slot].second), "detections");
    longest = std::max<size_t>(longest, slots[slot].second);
  }
  rows.assign(longest * batch_ * 6, 0.0f);
  for (uint32_t slot = 0; slot < batch_; ++slot) {
    for (uint32_t k = 0; k < slots[slot].second; ++k) {
      const stint_detection& d = slots[slot].first[k];
      const float row[6] = {d.x1, d.y1, d.x2, d.y2, d.score, static_cast<float>(d.class_id)};
      std::copy(row, row + 6, rows.begin() + static_cast<std::ptrdiff_t>((slot * longest + k) * 6));
    }
  }
  tensor.dtype = DType::kF32;
  tensor.shape = {batch_, static_cast<int64_t>(longest), 6};
  tensor.data.resize(rows.size() * sizeof(float));
  if (!rows.empty()) std::memcpy(tensor.data.data(), rows.data(), tensor.data.size());
  return tensor;
}

HostTensor random_tensor(const stint_binding_info& info, uint64_t seed) {
  HostTensor tensor;
  tensor.dtype = static_cast<DType>(info.dtype);
  tensor.shape = binding_shape(info);
  tensor.data.resize(info.bytes);
  fill_noise(info.dtype, tensor.data.data(), info.bytes, seed);
  return tensor;
}

}  // namespace stint::builder
