// How long batch-timeout makes a free device wait, and for whom. In virtual time: every figure is
// exact.
#include <doctest/doctest.h>

#include <functional>
#include <numeric>
#include <thread>

#include "gst_plugin/engine/batcher.h"
#include "tests/unit/gst_plugin/fake_executor.h"
#include "tests/unit/gst_plugin/virtual_time.h"

using namespace stint::gst;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds kThirtieth = 33333333ns;

/// A stream that sends a frame every `period`, or as soon as the one before is done.
struct Camera {
  Nanoseconds period = kThirtieth;
  int frames = 0;
  Nanoseconds batch_timeout{0};
  Nanoseconds start{0};
  std::function<void(Batcher::Member&)> at_the_end = [](Batcher::Member&) {};

  std::vector<InferResult> results;
  Nanoseconds took{0};

  Nanoseconds waited(size_t from = 0) const {
    return std::accumulate(results.begin() + static_cast<std::ptrdiff_t>(from), results.end(),
                           Nanoseconds{0}, [](Nanoseconds s, const auto& r) { return s + r.wait; });
  }
};

struct Scene {
  VirtualTime time{1};  // the batcher's thread
  FakeExecutor executor{{1, 2, 4}};
  Batcher batcher{executor, Batcher::kDefaultWatchdog, time};

  Scene() { executor.time = &time; }

  /// All cameras are members from the first frame of any to the last one of all.
  void play(std::vector<Camera*> cameras) {
    std::vector<std::unique_ptr<Batcher::Member>> members;
    for (size_t i = 0; i < cameras.size(); ++i) members.push_back(batcher.join());
    time.add_threads(cameras.size());
    std::vector<std::thread> threads;
    const TimePoint begin = time.now();
    for (size_t i = 0; i < cameras.size(); ++i) {
      threads.emplace_back([&, i] {
        Camera& camera = *cameras[i];
        Batcher::Member& member = *members[i];
        Submission submission;
        submission.batch_timeout = camera.batch_timeout;
        for (int f = 0; f < camera.frames; ++f) {
          time.sleep_until(begin + camera.start + f * camera.period);
          member.jobs().resize(1);
          member.jobs()[0].image.width = static_cast<uint32_t>(i + 1);
          submission.captured_at = time.now();
          camera.results.push_back(member.infer(submission, nullptr));
        }
        camera.at_the_end(member);
        camera.took = time.now() - begin;
        time.leave();
      });
    }
    for (auto& thread : threads) thread.join();
    for (const Camera* camera : cameras) {
      for (const InferResult& result : camera->results) CHECK(result.outcome == Outcome::kDone);
    }
  }
};

}  // namespace

TEST_CASE("cameras of one rate wait for each other and run together") {
  Scene scene;
  Camera cameras[4];
  for (int i = 0; i < 4; ++i) {
    cameras[i].frames = 30;
    cameras[i].start = i * 3ms;
    cameras[i].batch_timeout = 20ms;
  }
  scene.play({&cameras[0], &cameras[1], &cameras[2], &cameras[3]});
  for (const Camera& camera : cameras) {
    for (size_t f = 3; f < camera.results.size(); ++f) CHECK(camera.results[f].batch_fill == 4);
  }
  CHECK(cameras[0].waited(3) == 27 * 9ms);  // until the last one is there, not longer
  CHECK(cameras[3].waited(3) == 0ms);
}

TEST_CASE("a stream that ended, is paused or left is not waited for") {
  Scene scene;
  Camera gone, stays;
  gone.frames = 5;
  gone.batch_timeout = stays.batch_timeout = 100ms;
  stays.frames = 200;
  SUBCASE("ended") {
    gone.at_the_end = [](Batcher::Member& member) { member.end(); };
  }
  SUBCASE("paused") {
    gone.at_the_end = [](Batcher::Member& member) { member.set_paused(true); };
  }
  SUBCASE("flushing") {
    gone.at_the_end = [](Batcher::Member& member) { member.set_flushing(true); };
  }
  scene.play({&gone, &stays});
  for (size_t f = 0; f < 5; ++f) CHECK(stays.results[f].batch_fill == 2);
  CHECK(stays.waited(5) == 0ms);
  CHECK(stays.took == 199 * kThirtieth);
}

TEST_CASE("a stream that stalls is waited for until its frame is overdue, and then no more") {
  Scene scene;
  Camera stalls, stays;
  stalls.frames = 5;
  stays.frames = 200;
  stalls.batch_timeout = stays.batch_timeout = 100ms;
  scene.play({&stalls, &stays});
  CHECK(stays.waited() > 0ms);
  CHECK(stays.waited() <= 2 * kThirtieth);
  CHECK(stays.waited(8) == 0ms);
}

TEST_CASE("a stream that never sends anything is waited for once") {
  Scene scene;
  Camera silent, stays;
  stays.frames = 50;
  stays.period = 200ms;
  stays.batch_timeout = 100ms;
  scene.play({&silent, &stays});
  CHECK(stays.results[0].wait == 100ms);
  CHECK(stays.waited(1) == 0ms);
}

TEST_CASE("a slow stream is waited for only shortly before its frames are due") {
  Scene scene;
  Camera slow, fast[3];
  slow.period = 1s;  // one frame a second, or every-n=30
  slow.frames = 20;
  slow.start = 7ms;
  std::vector<Camera*> all{&slow};
  for (int i = 0; i < 3; ++i) {
    fast[i].period = 67ms;
    fast[i].frames = 280;
    fast[i].start = i * 1ms;
    fast[i].batch_timeout = 50ms;
    all.push_back(&fast[i]);
  }
  scene.play(all);
  for (const Camera& camera : fast) {
    CHECK(camera.took <= 280 * 67ms);  // none was held up beyond its period
    // At most once a second for the slow one, and the few milliseconds among the three.
    CHECK(camera.waited(10) <= 20 * 50ms + 270 * 2ms);
    const auto long_waits = std::count_if(camera.results.begin() + 10, camera.results.end(),
                                          [](const InferResult& r) { return r.wait > 2ms; });
    CHECK(long_waits <= 20);
  }
}

TEST_CASE("a stream that comes back, or changes its rate, is company again") {
  Scene scene;
  Camera first, second;
  first.frames = 60;
  first.batch_timeout = 20ms;
  second.frames = 20;
  second.start = 20 * kThirtieth + 5ms;
  scene.play({&first, &second});
  CHECK(first.waited(1) > 0ms);
  CHECK(first.results[10].batch_fill == 1);
  for (size_t f = 23; f < 40; ++f) CHECK(first.results[f].batch_fill == 2);
  CHECK(first.waited(43) == 0ms);
}

TEST_CASE("nobody waits where a fuller batch was measured to be slower per frame") {
  Scene scene;
  scene.executor.delay = 10ms;
  Camera warm;
  warm.frames = 1;
  scene.play({&warm});  // the first batch of all measures, whatever is known
  scene.batcher.seed_service_time(1, 10ms);
  scene.batcher.seed_service_time(2, 30ms);
  Camera a, b;
  a.frames = b.frames = 20;
  a.batch_timeout = b.batch_timeout = 15ms;
  b.start = 12ms;
  scene.play({&a, &b});
  CHECK(a.waited() == 0ms);
  CHECK(b.waited() == 0ms);
}

TEST_CASE("a wait for company longer than the watchdog is no failure of the device") {
  Scene scene;
  Camera silent, patient;
  patient.frames = 1;
  patient.batch_timeout = 90s;
  scene.play({&silent, &patient});
  CHECK(patient.results[0].wait == 90s);
}

TEST_CASE("the rhythm of a stream: one lost frame changes nothing, a pause does not count") {
  ArrivalRhythm rhythm;
  TimePoint now{1h};
  const auto worth = [&](Nanoseconds timeout) { return rhythm.worth_waiting(now, now + timeout); };
  CHECK(worth(5ms) == now + 5ms);  // unknown: it may come at any time
  rhythm.waited_in_vain();
  CHECK(worth(5ms) == TimePoint::min());
  for (int i = 0; i < 6; ++i) rhythm.arrived(now += 40ms);
  CHECK(worth(39ms) == TimePoint::min());  // due in 40
  CHECK(worth(40ms) == now + 40ms);
  CHECK(worth(1s) == now + 80ms);  // overdue then
  rhythm.arrived(now += 80ms);
  CHECK(worth(39ms) == TimePoint::min());
  CHECK(worth(40ms) == now + 40ms);
  now += 100ms;
  CHECK(worth(1s) == TimePoint::min());  // overdue
  rhythm.stop();
  CHECK(worth(1s) == TimePoint::min());
  rhythm.resume();
  CHECK(worth(1s) == now + 1s);
  rhythm.arrived(now += 10s);
  CHECK(worth(39ms) == TimePoint::min());  // known from before
  CHECK(worth(40ms) == now + 40ms);
  for (int i = 0; i < 3; ++i) rhythm.arrived(now += 1s);  // another rate
  CHECK(worth(999ms) == TimePoint::min());
  CHECK(worth(1s) == now + 1s);
}
