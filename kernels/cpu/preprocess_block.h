// One block of sampled pixels of a network row: what the scalar gather hands to the vector
// arithmetic.
#pragma once

#include <cstdint>

namespace stint::cpu {

inline constexpr int32_t kPreprocessBlock = 128;  // pixels; a multiple of every vector length

/// Four neighbours of each pixel of one component, and where between them the sample lies.
struct BilinearTaps {
  alignas(64) uint8_t top_left[kPreprocessBlock];
  alignas(64) uint8_t top_right[kPreprocessBlock];
  alignas(64) uint8_t bottom_left[kPreprocessBlock];
  alignas(64) uint8_t bottom_right[kPreprocessBlock];
};

/// Linear map from sampled components to one network channel: clamp(sum(m[i] * component[i]) +
/// offset, 0, 255).
struct ChannelMix {
  float m[3];
  float offset;
};

struct PreprocessBlock {
  int32_t count = 0;                   // pixels in use
  int32_t components = 0;              // 1 or 3
  const BilinearTaps* taps = nullptr;  // one per component
  const float* weight_x[3] = {};       // per pixel, per component; 64-byte aligned
  float weight_y[3] = {};
  int32_t channels = 0;  // 1 or 3
  ChannelMix mix[3];
  float mean[3];
  float scale[3];
  void* out = nullptr;  // channels dense, a pixel every `pixel_stride` elements
  bool is_u8 = false;   // of `out`: u8, rounded; else f32
  int64_t pixel_stride = 0;
};

/// Interpolates, converts the colour, normalises and stores one block.
void store_preprocess_block(const PreprocessBlock& block);

}  // namespace stint::cpu
