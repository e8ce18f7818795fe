#include "host_builder/cli/runner.h"

#include <algorithm>
#include <chrono>

#include "agent/measure.h"
#include "core/include/stint/device.hpp"
#include "host_builder/support/error.h"

namespace stint::builder {

Shape binding_shape(const stint_binding_info& info) { return {info.shape, info.shape + info.rank}; }

namespace {

std::string version_text(uint32_t cuda_version) {
  return std::to_string(cuda_version / 1000) + "." + std::to_string(cuda_version % 1000 / 10);
}

}  // namespace

void Runner::choose_device(const std::string& wanted, const std::string& plan_path) {
  DeviceName device;
  if (!device.parse(wanted))
    throw UsageError("--device " + wanted + ": expected auto, cpu, cuda or cuda:N");
  TargetInfo target;
  const stint_status status = plan().choose_target(device.kind, device.ordinal, &target);
  if (status.code == STINT_NO_SUCH_TARGET) {
    CudaDeviceInfo info;
    const bool is_cuda = status.found != 0 && ok(stint_cuda_device(device.ordinal, &info));
    const std::string needed = is_cuda ? "sm_" + std::to_string(info.sm) : "cpu";
    throw BuildError(plan_path + ": holds no program for " +
                     (is_cuda ? info.name + (" (" + needed + ")") : needed) + ", only for " +
                     target_names(plan()) + "; build it with --target " + needed);
  }
  if (device.kind == STINT_DEVICE_ANY) device.kind = STINT_DEVICE_CUDA;  // what was missing
  require(status, "--device " + device.text());
  target_ = target.name;
  on_cuda_ = target.kind == STINT_DEVICE_CUDA;
  device_ = target.device;
}

void Runner::choose_batch(uint32_t wanted, const std::string& plan_path) {
  std::vector<uint32_t> batches;
  require(list_batches(plan(), target_.c_str(), &batches), plan_path);
  batch_ = wanted == 0 ? batches[0] : wanted;
  if (std::find(batches.begin(), batches.end(), batch_) != batches.end()) return;
  std::string known;
  for (const uint32_t batch : batches) known += (known.empty() ? "" : ",") + std::to_string(batch);
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
  require(loaded_.create(plan(), target_.c_str(), batch_, session_options_), plan_path);
  require(list_bindings(loaded_.program(), &inputs_, &outputs_), plan_path);
}

std::string Runner::device_text() const {
  CudaDeviceInfo info;
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
    CudaMemory memory;
  } context;
  if (on_cuda_)
    require(stint_cuda_allocate(device_, STINT_CUDA_DEVICE_MEMORY, 1, &context.memory), path_);
  // Both at once would need the plan's memory twice, which a small device may not have.
  loaded_.release();
  const auto start = std::chrono::steady_clock::now();
  Plan verified;  // of the bytes that were measured: the file may be another one by now
  require(verified.open(file_.data(), file_.size()), path_);
  require(loaded_.create(plan(), target_.c_str(), batch_, session_options_), path_);
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
  std::vector<Detections> slots(batch_);
  for (uint32_t slot = 0; slot < batch_; ++slot) {
    require(session().detections(slot, &slots[slot]), "detections");
    longest = std::max<size_t>(longest, slots[slot].size());
  }
  rows.assign(longest * batch_ * 6, 0.0f);
  for (uint32_t slot = 0; slot < batch_; ++slot) {
    for (uint32_t k = 0; k < slots[slot].size(); ++k) {
      const stint_detection& d = slots[slot][k];
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
