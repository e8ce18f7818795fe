// The time that passes in a stream from frame to frame, whichever way it is played and whatever its
// time stamps are worth.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "gst_plugin/engine/time_source.h"

namespace stint::gst {

class MediaTime {
 public:
  void restart() { *this = {}; }

  /// Called for every frame in order. Nanoseconds since some frame in the past, never less than
  /// before: by the time stamps where they go on in the direction of play (`reverse`: backwards),
  /// else by `frame_ns`, the distance of frames that the stream promises, else (0: it promises
  /// none) by the time of arrival.
  uint64_t advance(std::optional<uint64_t> pts_ns, bool reverse, uint64_t frame_ns, TimePoint now) {
    // A day's jump is as good as any, and the sum cannot overflow within a lifetime.
    constexpr uint64_t kMostStep = uint64_t{24} * 3600 * 1'000'000'000;
    stamped_ = false;
    uint64_t step = 0;
    if (started_) {
      step = frame_ns > 0 ? frame_ns : static_cast<uint64_t>(Nanoseconds(now - last_now_).count());
    }
    if (pts_ns && last_pts_) {
      const uint64_t from = reverse ? *pts_ns : *last_pts_, to = reverse ? *last_pts_ : *pts_ns;
      stamped_ = to > from;
      if (stamped_) step = to - from;
    }
    stamped_ = stamped_ || (pts_ns && !last_pts_);
    position_ += std::min(step, kMostStep);
    started_ = true;
    last_now_ = now;
    last_pts_ = pts_ns;
    return position_;
  }

  /// Whether the last step went by a time stamp.
  bool stamped() const { return stamped_; }

 private:
  uint64_t position_ = 0;
  std::optional<uint64_t> last_pts_;
  TimePoint last_now_;
  bool started_ = false;
  bool stamped_ = false;
};

}  // namespace stint::gst
