// When the next frame of a stream may be expected: what it was so far says it, by the median
// distance of its last frames.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gst_plugin/engine/time_source.h"

namespace stint::gst {

class ArrivalRhythm {
 public:
  /// A frame came.
  void arrived(TimePoint now) {
    if (has_last_) {
      intervals_[next_] = now - last_;
      next_ = (next_ + 1) % intervals_.size();
      count_ = std::min(count_ + 1, intervals_.size());
    }
    last_ = now;
    has_last_ = true;
    silent_ = waited_in_vain_ = false;
  }

  /// Nothing will come until further notice, which is the next frame or resume(). The pause does
  /// not count as a distance between frames.
  void stop() { silent_ = true, has_last_ = false; }
  void resume() { silent_ = waited_in_vain_ = false; }

  /// How long somebody who waits until `at` should wait for this stream's next frame: `at`, or less
  /// where the frame would be overdue before, or TimePoint::min() if it is not to be expected by
  /// then. Of a stream whose rhythm is not known yet a frame may come at any time, once: after a
  /// wait in vain it is not waited for until it has sent something.
  TimePoint worth_waiting(TimePoint now, TimePoint at) const {
    if (silent_) return TimePoint::min();
    if (!has_last_ || count_ == 0) return waited_in_vain_ ? TimePoint::min() : at;
    const Nanoseconds period = median();
    const TimePoint overdue = last_ + 2 * period;
    if (last_ + period > at || overdue <= now) return TimePoint::min();
    return std::min(at, overdue);
  }
  void waited_in_vain() { waited_in_vain_ = true; }

 private:
  Nanoseconds median() const {
    std::array<Nanoseconds, kIntervals> sorted = intervals_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(count_ / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(count_));
    return *middle;
  }

  // Few, so that a stream that changes its rate is known again after three frames; a median, so
  // that one frame that came late or was lost changes nothing.
  static constexpr size_t kIntervals = 5;
  std::array<Nanoseconds, kIntervals> intervals_{};
  size_t next_ = 0, count_ = 0;
  TimePoint last_;
  bool has_last_ = false;
  bool silent_ = false;
  bool waited_in_vain_ = false;
};

}  // namespace stint::gst
