#include "agent/measure.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "plan_schema/half.h"
#include "plan_schema/types.h"

namespace stint {
namespace {

constexpr int kWarmUpRuns = 3;
constexpr size_t kLeastValues = 5;
constexpr uint64_t kFramePixels = uint64_t{kNoiseFrameWidth} * kNoiseFrameHeight;

using Clock = std::chrono::steady_clock;

template <typename T, typename Make>
void fill(void* data, uint64_t bytes, uint64_t seed, Make make) {
  std::mt19937_64 random(seed);
  auto* values = static_cast<T*>(data);
  for (uint64_t i = 0; i < bytes / sizeof(T); ++i)
    values[i] = make(static_cast<double>(random() >> 11) / 9007199254740992.0);  // 2^53
}

/// Noise that repeats itself after a while: a tuner binds large inputs hundreds of times, and
/// numbers take longer to make than to copy.
std::vector<uint8_t> repeated_noise(const stint_binding_info& info, uint64_t seed) {
  constexpr uint64_t kPeriod = 1 << 20;
  std::vector<uint8_t> noise(info.bytes);
  fill_noise(info.dtype, noise.data(), std::min<uint64_t>(kPeriod, info.bytes), seed);
  for (uint64_t done = kPeriod; done < info.bytes; done += kPeriod)
    std::memcpy(noise.data() + done, noise.data(), std::min(kPeriod, info.bytes - done));
  return noise;
}

template <typename T>
T small_integer(double unit) {
  return static_cast<T>(unit * 8);
}

}  // namespace

void fill_noise(uint32_t dtype, void* data, uint64_t bytes, uint64_t seed) {
  switch (static_cast<DType>(dtype)) {
    case DType::kF32:
      return fill<float>(data, bytes, seed, [](double v) { return static_cast<float>(v); });
    case DType::kF64:
      return fill<double>(data, bytes, seed, [](double v) { return v; });
    case DType::kF16:
      return fill<uint16_t>(data, bytes, seed,
                            [](double v) { return to_f16(static_cast<float>(v)).bits; });
    case DType::kBF16:
      return fill<uint16_t>(data, bytes, seed,
                            [](double v) { return to_bf16(static_cast<float>(v)).bits; });
    case DType::kI32:
    case DType::kU32:
      return fill<uint32_t>(data, bytes, seed, small_integer<uint32_t>);
    case DType::kI64:
    case DType::kU64:
      return fill<uint64_t>(data, bytes, seed, small_integer<uint64_t>);
    case DType::kI16:
    case DType::kU16:
      return fill<uint16_t>(data, bytes, seed, small_integer<uint16_t>);
    case DType::kI8:
    case DType::kU8:
      return fill<uint8_t>(data, bytes, seed, small_integer<uint8_t>);
    case DType::kBool:
      return fill<uint8_t>(data, bytes, seed,
                           [](double v) { return static_cast<uint8_t>(v < 0.5 ? 0 : 1); });
  }
}

NoiseInputs::~NoiseInputs() {
  for (CudaMemory& memory : on_device_) stint_cuda_free(&memory);
}

stint_status NoiseInputs::bind(const std::vector<BindingInfo>& inputs, uint32_t batch,
                               Session& session) {
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].kind == STINT_BINDING_TENSOR) {
      fill_noise(inputs[i].dtype, session.input_data(i), inputs[i].bytes, i + 1);
      continue;
    }
    for (uint32_t slot = 0; slot < batch; ++slot) {
      const stint_status status = bind_frame(session, i, slot, make_frame(slot).data());
      if (!ok(status)) return status;
    }
  }
  return ok_result();
}

namespace {

bool has_data(const stint_binding_info& info) {
  return info.kind == STINT_BINDING_TENSOR && info.bytes != 0;
}

}  // namespace

bool NoiseInputs::binds_all_on_device(const std::vector<BindingInfo>& inputs,
                                      const std::vector<BindingInfo>& outputs) {
  return std::all_of(outputs.begin(), outputs.end(), has_data) &&
         std::all_of(inputs.begin(), inputs.end(), [](const stint_binding_info& info) {
           return info.kind != STINT_BINDING_TENSOR || has_data(info);
         });
}

stint_status NoiseInputs::bind_on_device(const std::vector<BindingInfo>& inputs,
                                         const std::vector<BindingInfo>& outputs, uint32_t batch,
                                         uint32_t device, Session& session) {
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    void* address = nullptr;
    if (inputs[i].kind == STINT_BINDING_TENSOR) {
      if (inputs[i].bytes == 0) continue;
      const std::vector<uint8_t> noise = repeated_noise(inputs[i], i + 1);
      stint_status status = upload(device, noise.data(), noise.size(), &address);
      if (ok(status)) status = session.bind_input(i, address, inputs[i].bytes);
      if (!ok(status)) return status;
      continue;
    }
    for (uint32_t slot = 0; slot < batch; ++slot) {
      const std::vector<uint8_t>& frame = make_frame(slot);
      stint_status status = upload(device, frame.data(), frame.size(), &address);
      if (ok(status)) status = bind_frame(session, i, slot, static_cast<const uint8_t*>(address));
      if (!ok(status)) return status;
    }
  }
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    if (!has_data(outputs[i])) continue;
    stint_cuda_memory* memory = nullptr;
    stint_status status = allocate(device, outputs[i].bytes, &memory);
    if (ok(status)) status = session.bind_output(i, memory->data, outputs[i].bytes);
    if (!ok(status)) return status;
  }
  return ok_result();
}

const std::vector<uint8_t>& NoiseInputs::make_frame(uint32_t slot) {
  std::vector<uint8_t>& frame = frames_.emplace_back(kFramePixels * 3 / 2);
  fill_noise(STINT_DTYPE_U8, frame.data(), frame.size(), slot + 1);
  for (uint8_t& byte : frame) byte = static_cast<uint8_t>(byte * 31);
  return frame;
}

stint_status NoiseInputs::bind_frame(Session& session, uint32_t input, uint32_t slot,
                                     const uint8_t* pixels) {
  Image image;
  image.planes[0] = pixels;
  image.planes[1] = pixels + kFramePixels;
  image.strides[0] = image.strides[1] = kNoiseFrameWidth;
  image.width = kNoiseFrameWidth;
  image.height = kNoiseFrameHeight;
  image.format = STINT_FORMAT_NV12;
  return session.bind_image(input, slot, image);
}

stint_status NoiseInputs::allocate(uint32_t device, uint64_t bytes, stint_cuda_memory** memory) {
  CudaMemory fresh;
  const stint_status status = stint_cuda_allocate(device, STINT_CUDA_DEVICE_MEMORY, bytes, &fresh);
  if (!ok(status)) return status;
  on_device_.push_back(fresh);
  *memory = &on_device_.back();
  return status;
}

stint_status NoiseInputs::upload(uint32_t device, const void* data, uint64_t bytes,
                                 void** address) {
  stint_cuda_memory* memory = nullptr;
  if (stint_status status = allocate(device, bytes, &memory); !ok(status)) return status;
  *address = memory->data;
  return stint_cuda_copy(memory, memory->data, data, bytes);
}

stint_status measure_runs(Session& session, const MeasureOptions& options,
                          std::vector<double>* times) {
  const uint32_t runs = std::max(1u, options.burst);
  const auto run = [&] {
    if (options.burst == 0) return session.run();
    for (uint32_t i = 0; i < runs; ++i) {
      if (stint_status status = session.enqueue(); !ok(status)) return status;
    }
    return session.synchronize();
  };
  const int warm_up_runs = options.burst == 0 ? kWarmUpRuns : 1;
  const auto warm_up_end = Clock::now() + options.warm_up;
  for (int i = 0; i < warm_up_runs || Clock::now() < warm_up_end; ++i) {
    if (stint_status status = run(); !ok(status)) return status;
  }
  session.reset_profile();
  times->clear();
  times->reserve((options.iterations + runs - 1) / runs);
  const auto begin = Clock::now();
  while (times->size() * runs < options.iterations) {
    const auto start = Clock::now();
    const bool is_late = options.time_limit.count() > 0 && start - begin > options.time_limit;
    if (is_late && times->size() >= kLeastValues) break;
    if (stint_status status = run(); !ok(status)) return status;
    times->push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() /
                     runs);
  }
  std::sort(times->begin(), times->end());
  return ok_result();
}

double percentile(const std::vector<double>& sorted, double fraction) {
  const auto index = static_cast<size_t>(fraction * static_cast<double>(sorted.size()));
  return sorted[std::min(sorted.size() - 1, index)];
}

}  // namespace stint
