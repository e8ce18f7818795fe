// Percentiles of durations in constant memory: 16 buckets per power of two, so that a percentile is
// at most 1/16 too high.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace stint::gst {

class LatencyHistogram {
 public:
  void add(uint64_t ns) {
    ++buckets_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  /// Smallest bucket bound that `fraction` (0..1) of the values do not exceed; 0 without values.
  uint64_t percentile(double fraction) const {
    if (count_ == 0) return 0;
    const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(fraction * double(count_) + 0.5));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(upper_bound(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr unsigned kSub = 1u << kSubBits;

  static size_t bucket_of(uint64_t ns) {
    if (ns < kSub) return ns;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;
    return (size_t{shift} + 1) * kSub + ((ns >> shift) & (kSub - 1));
  }
  static uint64_t upper_bound(size_t bucket) {
    if (bucket < kSub) return bucket;
    const size_t shift = bucket / kSub - 1;
    return ((uint64_t{kSub} + bucket % kSub) << shift) + ((uint64_t{1} << shift) - 1);
  }

  std::array<uint64_t, (64 - kSubBits + 1) * kSub> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace stint::gst
