// 64-bit checksum of a byte range: detects damage, not forgery. Four independent lanes so that a
// large weights segment is read at memory speed.
#pragma once

#include <cstdint>
#include <cstring>

namespace stint {

inline uint64_t checksum64(const void* data, uint64_t bytes) {
  constexpr uint64_t kMul = 0x9E3779B97F4A7C15ull;  // 2^64 / golden ratio
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t lane[4] = {bytes, bytes ^ kMul, ~bytes, bytes + kMul};
  auto mix = [](uint64_t h, uint64_t w) {
    h = (h ^ w) * kMul;
    return h ^ (h >> 29);
  };
  uint64_t i = 0;
  for (; bytes - i >= 32; i += 32) {
    uint64_t w[4];
    std::memcpy(w, p + i, 32);
    for (int k = 0; k < 4; ++k) lane[k] = mix(lane[k], w[k]);
  }
  for (; i < bytes; ++i) lane[i & 3] = mix(lane[i & 3], p[i]);
  uint64_t h = mix(mix(mix(lane[0], lane[1]), lane[2]), lane[3]);
  return h ^ (h >> 32);
}

}  // namespace stint
