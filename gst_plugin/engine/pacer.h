// Decides which frames of one stream are inferred at all: every n-th, and not more than so many per
// second.
#pragma once

#include <cstdint>
#include <optional>

namespace stint::gst {

/// Why a frame carries no inference of its own. The values appear in metadata; append only.
enum class SkipReason : uint32_t {
  kNone = 0,       // it was inferred
  kEveryN = 1,     // not its turn
  kMaxRate = 2,    // the stream's inference rate is used up
  kLate = 3,       // older than max-age when its turn came
  kNoRegions = 4,  // region=rois and the frame has no usable region
};
inline constexpr uint32_t kSkipReasonCount = 5;

constexpr const char* skip_reason_name(SkipReason reason) {
  switch (reason) {
    case SkipReason::kNone:
      return "none";
    case SkipReason::kEveryN:
      return "every-n";
    case SkipReason::kMaxRate:
      return "max-rate";
    case SkipReason::kLate:
      return "late";
    case SkipReason::kNoRegions:
      return "no-regions";
  }
  return "?";
}

class Pacer {
 public:
  /// Starts over. Streams with different `phase` take turns.
  void restart(uint32_t phase) {
    phase_ = phase;
    index_ = 0;
    next_due_.reset();
  }

  /// Called for every frame in order. `every_n` >= 1; `interval_ns` is the shortest distance
  /// between two inferred frames (0: none); `time_ns` never goes back (MediaTime).
  SkipReason admit(uint32_t every_n, uint64_t interval_ns, uint64_t time_ns) {
    const uint64_t index = index_++;
    if (every_n > 1 && index % every_n != phase_ % every_n) return SkipReason::kEveryN;
    if (interval_ns == 0) return SkipReason::kNone;
    // The grid keeps the mean rate exact when frame times are rounded; the tolerance absorbs the
    // rounding. A due time farther away than an interval is that of a lower rate, set before.
    const uint64_t tolerance = interval_ns / 16;
    const bool is_set = next_due_ && *next_due_ <= time_ns + interval_ns;
    if (is_set && time_ns + tolerance < *next_due_) return SkipReason::kMaxRate;
    const bool on_grid = is_set && time_ns < *next_due_ + interval_ns;
    next_due_ = (on_grid ? *next_due_ : time_ns) + interval_ns;
    return SkipReason::kNone;
  }

 private:
  uint32_t phase_ = 0;
  uint64_t index_ = 0;
  std::optional<uint64_t> next_due_;
};

}  // namespace stint::gst
