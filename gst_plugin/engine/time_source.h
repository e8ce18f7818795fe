// Where the batcher's threads get the time and how they wait: the system's clock, or in tests one
// that makes a minute of many streams a matter of milliseconds, and exact.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace stint::gst {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Nanoseconds = std::chrono::nanoseconds;

class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual TimePoint now() const { return Clock::now(); }
  /// As the condition variable's own; spurious wake-ups are allowed. TimePoint::max(): no limit.
  virtual void wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                          TimePoint until) {
    if (until == TimePoint::max()) {
      changed.wait(lock);
    } else {
      changed.wait_until(lock, until);
    }
  }
  /// The lock that the waiting threads gave up is held.
  virtual void notify_all(std::condition_variable& changed) { changed.notify_all(); }

  static TimeSource& system();
};

}  // namespace stint::gst
