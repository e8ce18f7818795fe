// How long a program takes on noise: what stint bench and stint-agent share.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/include/stint/stint.hpp"

namespace stint {

/// Seeded values of a dtype: floats uniform in 0..1, integers in 0..7. `bytes` is a multiple of the
/// element's.
void fill_noise(uint32_t dtype, void* data, uint64_t bytes, uint64_t seed);

// Noise frames of a usual camera size; zeros would flatter every kernel.
inline constexpr uint32_t kNoiseFrameWidth = 1280, kNoiseFrameHeight = 720;

/// Noise at every input of a session, NV12 for frames. Owns the memory it binds, so it must outlive
/// the session's last run.
class NoiseInputs {
 public:
  NoiseInputs() = default;
  ~NoiseInputs();
  NoiseInputs(const NoiseInputs&) = delete;
  NoiseInputs& operator=(const NoiseInputs&) = delete;

  /// `inputs` are the bindings of the session's program, in order.
  STINT_NODISCARD stint_status bind(const std::vector<BindingInfo>& inputs, uint32_t batch,
                                    Session& session);
  /// The same in memory of a CUDA device, and the outputs that are tensors too: a run copies
  /// nothing then but detections.
  STINT_NODISCARD stint_status bind_on_device(const std::vector<BindingInfo>& inputs,
                                              const std::vector<BindingInfo>& outputs,
                                              uint32_t batch, uint32_t device, Session& session);
  /// Whether that binds everything, so that the session needs no buffers of its own.
  static bool binds_all_on_device(const std::vector<BindingInfo>& inputs,
                                  const std::vector<BindingInfo>& outputs);
  bool has_frames() const { return !frames_.empty(); }

 private:
  stint_status bind_frame(Session& session, uint32_t input, uint32_t slot, const uint8_t* pixels);
  const std::vector<uint8_t>& make_frame(uint32_t slot);
  stint_status allocate(uint32_t device, uint64_t bytes, stint_cuda_memory** memory);
  stint_status upload(uint32_t device, const void* data, uint64_t bytes, void** address);

  std::vector<std::vector<uint8_t>> frames_;
  std::vector<CudaMemory> on_device_;
};

struct MeasureOptions {
  uint32_t iterations = 200;
  std::chrono::milliseconds warm_up{200};  // and at least three runs, or a burst
  /// CUDA: so many runs are enqueued one behind the other, and each of them counts with the mean,
  /// so that what is measured is the device and not the way to it. 0: every run is waited for.
  uint32_t burst = 0;
  std::chrono::milliseconds time_limit{0};  // not much longer, but five values; 0: no limit
};

/// Enough runs for waiting once not to count.
inline constexpr uint32_t kBurst = 10;

/// Microseconds a run, ascending; of bursts one value each.
STINT_NODISCARD stint_status measure_runs(Session& session, const MeasureOptions& options,
                                          std::vector<double>* times);

/// Of ascending values, at least one: 0.5 is the median.
double percentile(const std::vector<double>& sorted, double fraction);

}  // namespace stint
