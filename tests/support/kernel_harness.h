// Runs one CPU kernel as a session would: dense or gapped tensors, poisoned outputs, check before
// run, one or several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "kernels/cpu/kernel.h"
#include "plan_schema/kernel_id.h"

namespace stint::test {

/// Owns a tensor's memory. With `gap` > 0 every axis but the innermost has `gap` unused elements
/// after each row (a part of a wider buffer, as concatenation without copies gives it). Everything
/// is filled with 0xAA: NaN-like poison.
class Tensor {
 public:
  Tensor(DType dtype, std::vector<int64_t> shape, int64_t gap = 0) {
    view_.dtype = dtype;
    view_.rank = static_cast<uint8_t>(shape.size());
    int64_t stride = 1;
    for (int i = view_.rank - 1; i >= 0; --i) {
      view_.shape[i] = shape[static_cast<size_t>(i)];
      view_.strides[i] = stride;
      stride *= view_.shape[i];
      if (gap > 0) stride += gap;
    }
    bytes_.assign(static_cast<size_t>(stride > 0 ? stride : 0) * dtype_bytes(dtype) + kGuard,
                  std::byte{0xAA});
    view_.data = bytes_.data();
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  Tensor(Tensor&&) = default;  // a vector's storage does not move with it

  const cpu::TensorView& view() const { return view_; }
  int64_t size() const { return view_.elements(); }
  void poison() { std::memset(bytes_.data(), 0xAA, bytes_.size()); }

  /// Storage element of the i-th element in row-major order.
  int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int a = view_.rank - 1; a >= 0; --a) {
      at += i % view_.shape[a] * view_.strides[a];
      i /= view_.shape[a];
    }
    return at;
  }
  template <typename T>
  T& at(int64_t i) {
    return view_.as<T>()[offset(i)];
  }
  template <typename T>
  void set(const std::vector<T>& values) {
    for (int64_t i = 0; i < size(); ++i) at<T>(i) = values[static_cast<size_t>(i)];
  }
  template <typename T>
  std::vector<T> get() {
    std::vector<T> values(static_cast<size_t>(size()));
    for (int64_t i = 0; i < size(); ++i) values[static_cast<size_t>(i)] = at<T>(i);
    return values;
  }
  template <typename T>
  void fill_uniform(std::mt19937& random, double low, double high) {
    std::uniform_real_distribution<double> value(low, high);
    for (int64_t i = 0; i < size(); ++i) at<T>(i) = static_cast<T>(value(random));
  }
  /// True when nothing outside the tensor's own elements was written.
  bool gaps_untouched() const {
    std::vector<bool> own(bytes_.size(), false);
    const size_t element = dtype_bytes(view_.dtype);
    for (int64_t i = 0; i < size(); ++i)
      for (size_t b = 0; b < element; ++b) own[static_cast<size_t>(offset(i)) * element + b] = true;
    for (size_t b = 0; b < bytes_.size(); ++b)
      if (!own[b] && bytes_[b] != std::byte{0xAA}) return false;
    return true;
  }

 private:
  static constexpr size_t kGuard = 64;
  cpu::TensorView view_;
  std::vector<std::byte> bytes_;
};

/// Real threads, started per call: slow, but every kernel meets true concurrency under the thread
/// sanitizer.
inline void run_on_threads(void* workers, uint32_t tasks, cpu::Parallel::Task task, void* context) {
  const uint32_t count = *static_cast<uint32_t*>(workers);
  std::atomic<uint32_t> next{0};
  std::vector<std::thread> threads;
  const auto work = [&](uint32_t worker) {
    for (uint32_t i = next++; i < tasks; i = next++) task(context, i, worker);
  };
  for (uint32_t w = 1; w < count; ++w) threads.emplace_back(work, w);
  work(0);
  for (std::thread& t : threads) t.join();
}

/// One call of a kernel. check() sees no data pointers, as in a session.
struct KernelCall {
  KernelId kernel;
  std::vector<std::byte> params;
  std::vector<const Tensor*> inputs;
  std::vector<const Tensor*> outputs;
  uint64_t workspace_bytes = 0;
  uint64_t worker_scratch_bytes = 0;
  std::vector<ImageView> images = {};  // one per batch slot, for steps with an image binding
  const cpu::DetectionLimits* limits = nullptr;

  Status check() const { return call(1, false); }
  /// check, then run when it is OK.
  Status run(uint32_t threads = 1) const { return call(threads, true); }

 private:
  Status call(uint32_t threads, bool execute) const {
    std::vector<uint64_t> aligned((params.size() + 7) / 8 + 1);
    if (!params.empty()) std::memcpy(aligned.data(), params.data(), params.size());
    std::vector<cpu::TensorView> in, out;
    for (const Tensor* t : inputs) in.push_back(t->view());
    for (const Tensor* t : outputs) out.push_back(t->view());
    for (cpu::TensorView& v : in) v.data = nullptr;
    for (cpu::TensorView& v : out) v.data = nullptr;
    const cpu::KernelEntry* entry = cpu::find_kernel(static_cast<uint16_t>(kernel));
    if (entry == nullptr) return corrupt("the kernel is not in the table");
    cpu::StepArgs args;
    args.params = aligned.data();
    args.params_bytes = static_cast<uint32_t>(params.size());
    args.inputs = in.data();
    args.input_count = static_cast<uint32_t>(in.size());
    args.outputs = out.data();
    args.output_count = static_cast<uint32_t>(out.size());
    args.workspace_bytes = workspace_bytes;
    args.worker_scratch_bytes = worker_scratch_bytes;
    args.image_count = static_cast<uint32_t>(images.size());
    args.limits = limits;
    args.parallel.run = run_on_threads;
    args.parallel.pool = &threads;
    args.parallel.workers = threads;
    const Status status = entry->check(args);
    if (!status.ok() || !execute) return status;
    for (size_t i = 0; i < in.size(); ++i) in[i].data = inputs[i]->view().data;
    for (size_t i = 0; i < out.size(); ++i) out[i].data = outputs[i]->view().data;
    struct alignas(64) Line {
      std::byte bytes[64];
    };
    std::vector<Line> workspace(workspace_bytes / 64 + 1);
    std::vector<Line> scratch(worker_scratch_bytes * threads / 64 + threads);
    args.images = images.empty() ? nullptr : images.data();
    args.workspace = workspace.data()->bytes;
    args.worker_scratch = scratch.data()->bytes;
    entry->run(args);
    return status;
  }
};

/// Bytes of a POD, or of a POD and the array behind it.
template <typename P>
std::vector<std::byte> pod_bytes(const P& pod) {
  std::vector<std::byte> bytes(sizeof(P));
  std::memcpy(bytes.data(), &pod, sizeof(P));
  return bytes;
}
template <typename P, typename T>
std::vector<std::byte> pod_bytes(const P& pod, const std::vector<T>& trailing) {
  std::vector<std::byte> bytes(sizeof(P) + trailing.size() * sizeof(T));
  std::memcpy(bytes.data(), &pod, sizeof(P));
  if (!trailing.empty())
    std::memcpy(bytes.data() + sizeof(P), trailing.data(), trailing.size() * sizeof(T));
  return bytes;
}

}  // namespace stint::test
