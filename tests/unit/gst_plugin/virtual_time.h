// A clock that stands still while any thread works and jumps to the next deadline when all of them
// wait: what threads do at which time is then exact, and takes no time.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "gst_plugin/engine/time_source.h"

namespace stint::gst {

class VirtualTime : public TimeSource {
 public:
  /// `threads`: how many will wait here; those added later must be added before they start. A
  /// thread that is not counted (the test's own) must not wait here, and may do what it likes while
  /// all the others wait without a limit.
  explicit VirtualTime(size_t threads) : threads_(threads) {}

  void add_threads(size_t count) {
    std::lock_guard lock(mutex_);
    threads_ += count;
  }
  /// The calling thread will not wait any more.
  void leave() {
    std::lock_guard lock(mutex_);
    --threads_;
    advance();
  }

  TimePoint now() const override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  void sleep_until(TimePoint until) {
    std::unique_lock own(mutex_);
    rest(own, nullptr, nullptr, until);
  }
  void sleep(Nanoseconds time) { sleep_until(now() + time); }

  void wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                  TimePoint until) override {
    std::unique_lock own(mutex_);
    rest(own, &changed, &lock, until);
  }
  void notify_all(std::condition_variable& changed) override {
    std::lock_guard lock(mutex_);
    wake_if([&](const Sleeper& sleeper) { return sleeper.changed == &changed; });
  }

 private:
  struct Sleeper {
    const std::condition_variable* changed;
    TimePoint until;
    bool woken = false;
    std::condition_variable up;
  };

  /// `lock` is given up only once a notification would be noticed.
  void rest(std::unique_lock<std::mutex>& own, const std::condition_variable* changed,
            std::unique_lock<std::mutex>* lock, TimePoint until) {
    if (until <= now_) return;
    Sleeper sleeper{changed, until, false, {}};
    sleepers_.push_back(&sleeper);
    if (lock) lock->unlock();
    advance();
    sleeper.up.wait(own, [&] { return sleeper.woken; });
    own.unlock();
    if (lock) lock->lock();
  }

  void advance() {
    if (sleepers_.size() < threads_ || sleepers_.empty()) return;
    TimePoint next = TimePoint::max();
    for (const Sleeper* sleeper : sleepers_) next = std::min(next, sleeper->until);
    if (next == TimePoint::max()) return;
    now_ = next;
    wake_if([&](const Sleeper& sleeper) { return sleeper.until <= now_; });
  }

  template <typename Condition>
  void wake_if(Condition condition) {
    std::erase_if(sleepers_, [&](Sleeper* sleeper) {
      if (!condition(*sleeper)) return false;
      sleeper->woken = true;
      sleeper->up.notify_one();
      return true;
    });
  }

  mutable std::mutex mutex_;
  TimePoint now_{std::chrono::hours(1)};
  size_t threads_;
  std::vector<Sleeper*> sleepers_;
};

}  // namespace stint::gst
