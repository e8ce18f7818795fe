// The contract of every CPU kernel.
//
//   check(args)  validates params and tensor shapes against each other: called once at load, with
//                data pointers unset. After it returned OK, run may read and write every tensor
//                without looking again. A plan is hostile until then: check every index, product
//                and byte count that run relies on.
//   run(args)    computes. No allocation, no error, no system call. All tensors may be strided: any
//                non-negative strides with the innermost axis dense (stride 1) unless check demands
//                otherwise.
//
// Kernels are plain functions listed in one constexpr table (kernel_table.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan_schema/image.h"
#include "plan_schema/status.h"
#include "plan_schema/types.h"

namespace stint::cpu {

/// A strided tensor. Element (i0, i1, ...) lies at data + sum(i_k * strides[k]) elements.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  uint8_t rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t strides[kMaxRank] = {};

  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
  int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= shape[i];
    return n;
  }
};

/// Runs `task(context, i, worker)` for i in [0, tasks), spread over the workers; returns when all
/// are done. worker < workers identifies the thread (for per-worker scratch). Tasks must be
/// independent.
struct Parallel {
  using Task = void (*)(void* context, uint32_t i, uint32_t worker);
  void (*run)(void* pool, uint32_t tasks, Task task, void* context) = nullptr;
  void* pool = nullptr;
  uint32_t workers = 1;

  /// for_each(n, [&](uint32_t i, uint32_t worker) {...}) without allocation.
  template <typename F>
  void for_each(uint32_t tasks, F& f) const {
    run(
        pool, tasks, [](void* c, uint32_t i, uint32_t w) { (*static_cast<F*>(c))(i, w); }, &f);
  }
};

/// Thresholds the caller may change between runs (stint_set_detection_limits). A negative threshold
/// and 0 detections keep what the kernel's parameters say.
struct DetectionLimits {
  float score_threshold = -1.0f;
  float iou_threshold = -1.0f;
  uint32_t max_detections = 0;
};

struct StepArgs {
  const void* params = nullptr;  // 8-byte aligned
  uint32_t params_bytes = 0;
  uint32_t input_count = 0;
  uint32_t output_count = 0;
  const TensorView* inputs = nullptr;
  const TensorView* outputs = nullptr;
  std::byte* workspace = nullptr;  // shared by all workers, planned by the builder, 64-byte aligned
  uint64_t workspace_bytes = 0;
  std::byte* worker_scratch = nullptr;  // workers x worker_scratch_bytes, 64-byte aligned each
  uint64_t worker_scratch_bytes = 0;
  const ImageView* images = nullptr;  // frames of the image binding, one a slot; null at check
  uint32_t image_count = 0;           // batch, when the step has an image binding
  const DetectionLimits* limits = nullptr;
  Parallel parallel;
};

using CheckFn = Status (*)(const StepArgs&);
using RunFn = void (*)(const StepArgs&);

struct KernelEntry {
  const char* name = nullptr;
  CheckFn check = nullptr;
  RunFn run = nullptr;
};

/// Entry of a kernel; null for an identifier outside the table.
const KernelEntry* find_kernel(uint16_t id);

}  // namespace stint::cpu
