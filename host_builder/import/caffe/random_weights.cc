#include "host_builder/import/caffe/random_weights.h"

#include <cmath>

namespace stint::builder {
namespace {

/// FNV-1a: the same on every machine.
uint64_t seed_of(const std::string& layer, size_t index) {
  uint64_t hash = 14695981039346656037u + index;
  for (const char c : layer) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

/// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<float> random_weights(const std::string& layer, size_t index, size_t count,
                                  const MadeUp& made_up) {
  if (made_up.summands <= 0) return std::vector<float>(count, made_up.constant);
  // Uniform with a variance of 2 / summands: keeps the size of what passes through a rectifier (He
  // et al. 2015).
  const double bound = std::sqrt(6.0 / static_cast<double>(made_up.summands));
  uint64_t state = seed_of(layer, index);
  std::vector<float> values(count);
  for (float& value : values) {
    const double unit = static_cast<double>(next(state) >> 11) * 0x1p-53;  // in [0, 1)
    value = static_cast<float>((2.0 * unit - 1.0) * bound);
  }
  return values;
}

}  // namespace stint::builder
