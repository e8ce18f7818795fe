#include "gst_plugin/engine/batcher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <thread>

#include "tests/unit/gst_plugin/fake_executor.h"

using namespace stint::gst;
using namespace std::chrono_literals;

namespace {

struct CountingHold : FrameHold {
  explicit CountingHold(std::atomic<int>& count) : count_(count) { ++count_; }
  ~CountingHold() override { --count_; }
  std::atomic<int>& count_;
};

InferResult infer(Batcher::Member& member, uint32_t width, uint32_t height = 1,
                  const Submission& submission = {}) {
  member.jobs().resize(1);
  member.jobs()[0].image.width = width;
  member.jobs()[0].image.height = height;
  return member.infer(submission, nullptr);
}

/// Waits until `condition` holds, at most five seconds.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

/// Occupies the device with a frame of width 1 until released.
struct BusyDevice {
  BusyDevice(FakeExecutor& e, Batcher& batcher) : executor(e), member(batcher.join()) {
    executor.set_open(false);
    const size_t before = executor.runs().size();
    thread = std::thread([this] { infer(*member, 1); });
    REQUIRE(executor.wait_for_runs(before + 1));
  }
  void release() {
    executor.set_open(true);
    if (thread.joinable()) thread.join();
  }
  ~BusyDevice() { release(); }
  FakeExecutor& executor;
  std::unique_ptr<Batcher::Member> member;
  std::thread thread;
};

}  // namespace

TEST_CASE("every stream gets the results of its own frames, in order, whatever the batches were") {
  FakeExecutor executor;
  executor.delay = 100us;
  Batcher batcher(executor);
  constexpr uint32_t kStreams = 12, kFrames = 60;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t s = 0; s < kStreams; ++s) {
    threads.emplace_back([&, s] {
      auto member = batcher.join();
      for (uint32_t f = 0; f < kFrames; ++f) {
        const InferResult result = infer(*member, 100 + s, f);
        const auto& found = member->jobs()[0].detections;
        if (result.outcome != Outcome::kDone || found.size() != 1 ||
            found[0].class_id != static_cast<int>(100 + s) || found[0].x1 != float(f)) {
          ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  const BatcherStats stats = batcher.stats();
  CHECK(stats.jobs == kStreams * kFrames);
  CHECK(stats.members == 0);
  uint64_t jobs = 0, batches = 0;
  for (size_t n = 0; n < stats.fill.size(); ++n)
    jobs += n * stats.fill[n], batches += stats.fill[n];
  CHECK(jobs == stats.jobs);
  CHECK(batches == stats.batches);
  CHECK(stats.batches < stats.jobs);  // the device was busy, so batches must have formed
  for (const auto& run : executor.runs()) {
    CHECK(run.widths.size() <= run.batch);
    // The smallest size of 1, 2, 4, 8 that fits.
    CHECK((run.batch == 1 || run.widths.size() > run.batch / 2));
  }
}

TEST_CASE("a free device starts at once, alone if need be") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto member = batcher.join();
  auto idle = batcher.join();  // a stream that never hands anything in
  const InferResult result = infer(*member, 7);
  CHECK(result.outcome == Outcome::kDone);
  CHECK(result.batch_fill == 1);
  REQUIRE(executor.runs().size() == 1);
  CHECK(executor.runs()[0].batch == 1);
}

TEST_CASE("batch-timeout waits for company, no longer than it says, and not when nobody can come") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto a = batcher.join();
  Submission patient;
  patient.batch_timeout = 150ms;

  SUBCASE("alone among one member: no wait") {
    const auto start = Clock::now();
    CHECK(infer(*a, 1, 1, patient).outcome == Outcome::kDone);
    CHECK(Clock::now() - start < 100ms);
  }
  SUBCASE("a stalled second member: the timeout bounds the wait") {
    auto b = batcher.join();
    const auto start = Clock::now();
    CHECK(infer(*a, 1, 1, patient).outcome == Outcome::kDone);
    CHECK(Clock::now() - start >= 150ms);
  }
  SUBCASE("a flushing second member does not count") {
    auto b = batcher.join();
    b->set_flushing(true);
    const auto start = Clock::now();
    CHECK(infer(*a, 1, 1, patient).outcome == Outcome::kDone);
    CHECK(Clock::now() - start < 100ms);
  }
  SUBCASE("company comes: one batch of two") {
    auto b = batcher.join();
    auto c = batcher.join();
    std::thread other([&] {
      std::this_thread::sleep_for(20ms);
      CHECK(infer(*b, 2, 1, patient).outcome == Outcome::kDone);
    });
    const InferResult result = infer(*a, 1, 1, patient);
    other.join();
    CHECK(result.batch_fill == 2);
    REQUIRE(executor.runs().size() == 1);
    CHECK(executor.runs()[0].batch == 2);
  }
  SUBCASE("a waiting stream leaves: the rest goes at once") {
    auto b = batcher.join();
    patient.batch_timeout = 10s;
    std::thread leaving([&] {
      std::this_thread::sleep_for(20ms);
      b.reset();
    });
    const auto start = Clock::now();
    CHECK(infer(*a, 1, 1, patient).outcome == Outcome::kDone);
    CHECK(Clock::now() - start < 5s);
    leaving.join();
  }
}

TEST_CASE(
    "earliest deadline first; priority moves a deadline; max_batch and the plan bound a batch") {
  FakeExecutor executor({1, 2});
  Batcher batcher(executor);
  const TimePoint now = Clock::now();
  std::vector<std::unique_ptr<Batcher::Member>> members;
  std::vector<std::thread> threads;
  {
    BusyDevice busy(executor, batcher);
    const auto hand_in = [&](uint32_t width, Nanoseconds age, int priority, uint32_t max_batch) {
      members.push_back(batcher.join());
      threads.emplace_back([&, member = members.back().get(), width, age, priority, max_batch] {
        Submission submission;
        submission.captured_at = now - age;
        submission.priority = priority;
        submission.max_batch = max_batch;
        CHECK(infer(*member, width, 1, submission).outcome == Outcome::kDone);
      });
      std::this_thread::sleep_for(10ms);
    };
    hand_in(10, 0ms, 0, 0);
    hand_in(11, 30ms, 0, 0);
    hand_in(12, 20ms, 0, 0);
    hand_in(13, 5ms, 5, 1);  // counts as 55 ms old, and wants to be alone
  }
  for (auto& thread : threads) thread.join();
  const auto runs = executor.runs();
  REQUIRE(runs.size() == 4);  // the busy one, then 13 | 11 12 | 10
  CHECK(runs[1].widths == std::vector<uint32_t>{13});
  CHECK(runs[2].widths == std::vector<uint32_t>{11, 12});
  CHECK(runs[3].widths == std::vector<uint32_t>{10});
}

TEST_CASE("several jobs of one frame: one per stream first, then the rest, results complete") {
  FakeExecutor executor({1, 4});
  Batcher batcher(executor);
  auto many = batcher.join();
  auto one = batcher.join();
  std::thread first, second;
  {
    BusyDevice busy(executor, batcher);
    first = std::thread([&] {
      many->jobs().resize(6);
      for (uint32_t i = 0; i < 6; ++i) many->jobs()[i].image.width = 20 + i;
      CHECK(many->infer({}, nullptr).outcome == Outcome::kDone);
      for (uint32_t i = 0; i < 6; ++i) {
        REQUIRE(many->jobs()[i].detections.size() == 1);
        CHECK(many->jobs()[i].detections[0].class_id == static_cast<int>(20 + i));
      }
    });
    std::this_thread::sleep_for(20ms);
    second = std::thread([&] { CHECK(infer(*one, 9).outcome == Outcome::kDone); });
    std::this_thread::sleep_for(20ms);
  }
  first.join();
  second.join();
  const auto runs = executor.runs();
  REQUIRE(runs.size() == 3);
  CHECK(runs[1].widths == std::vector<uint32_t>{20, 9, 21, 22});
  CHECK(runs[2].widths == std::vector<uint32_t>{23, 24, 25});
}

TEST_CASE("frames whose limits cannot share a batch run apart") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto a = batcher.join(), b = batcher.join(), c = batcher.join();
  std::vector<std::thread> threads;
  {
    BusyDevice busy(executor, batcher);
    const auto hand_in = [&](Batcher::Member* member, uint32_t width, Limits limits) {
      threads.emplace_back([=] {
        member->jobs().resize(1);
        member->jobs()[0].image.width = width;
        member->jobs()[0].limits = limits;
        CHECK(member->infer({}, nullptr).outcome == Outcome::kDone);
      });
      std::this_thread::sleep_for(10ms);
    };
    hand_in(a.get(), 30, {0.5f, 0.4f, 0});
    hand_in(b.get(), 31, {0.5f, 0.6f, 0});
    hand_in(c.get(), 32, {0.7f, 0.4f, 0});
  }
  for (auto& thread : threads) thread.join();
  const auto runs = executor.runs();
  REQUIRE(runs.size() == 3);
  CHECK(runs[1].widths == std::vector<uint32_t>{30, 32});
  CHECK(runs[2].widths == std::vector<uint32_t>{31});
}

TEST_CASE("a frame that is too old is late, at its deadline and without the device") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto member = batcher.join();
  Submission submission;
  submission.max_age = 50ms;

  SUBCASE("on arrival") {
    submission.captured_at = Clock::now() - 60ms;
    CHECK(infer(*member, 5, 1, submission).outcome == Outcome::kLate);
    CHECK(executor.runs().empty());
  }
  SUBCASE("while the device is busy with another stream") {
    BusyDevice busy(executor, batcher);
    submission.captured_at = Clock::now();
    const InferResult result = infer(*member, 5, 1, submission);
    CHECK(result.outcome == Outcome::kLate);
    CHECK(result.age >= 50ms);
    CHECK(result.age < 2s);
    busy.release();
    CHECK(executor.runs().size() == 1);
  }
  SUBCASE("not when it is in time") {
    submission.max_age = 10s;
    CHECK(infer(*member, 5, 1, submission).outcome == Outcome::kDone);
  }
}

TEST_CASE("a failure reaches every stream of the batch, once, and the next frame is fine") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto a = batcher.join(), b = batcher.join();
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  {
    BusyDevice busy(executor, batcher);
    for (auto* member : {a.get(), b.get()}) {
      threads.emplace_back([&, member] {
        const InferResult result = infer(*member, 3);
        if (result.outcome == Outcome::kFailed && result.problem.message == "broken") ++failed;
      });
    }
    CHECK(eventually([&] { return batcher.members() == 3; }));
    std::this_thread::sleep_for(30ms);
    executor.fail_with({Problem::Kind::kFailed, "broken", "", "", ""});
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 2);
  executor.fail_with({});
  CHECK(infer(*a, 3).outcome == Outcome::kDone);
  CHECK(infer(*b, 3).outcome == Outcome::kDone);
}

TEST_CASE("a bad frame fails its own stream only") {
  FakeExecutor executor;
  executor.bad_width = 66;
  Batcher batcher(executor);
  auto good = batcher.join(), bad = batcher.join();
  std::thread other;
  InferResult bad_result, good_result;
  {
    BusyDevice busy(executor, batcher);
    other = std::thread([&] { bad_result = infer(*bad, 66); });
    std::thread third([&] { good_result = infer(*good, 5); });
    std::this_thread::sleep_for(30ms);
    busy.release();
    third.join();
  }
  other.join();
  CHECK(bad_result.outcome == Outcome::kFailed);
  CHECK(bad_result.problem.message == "bad frame");
  CHECK(good_result.outcome == Outcome::kDone);
  CHECK(good_result.batch_fill == 2);  // they did run together
}

TEST_CASE("a frame that waits for company never runs once its stream is flushing") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto member = batcher.join(), other = batcher.join();  // the other one never sends
  Submission patient;
  patient.batch_timeout = 10s;
  for (int i = 0; i < 100; ++i) {
    std::thread stream([&] { CHECK(infer(*member, 1, 1, patient).outcome == Outcome::kFlushing); });
    std::this_thread::sleep_for(1ms);
    member->set_flushing(true);
    stream.join();
    member->set_flushing(false);
  }
  CHECK(executor.runs().empty());
}

TEST_CASE(
    "flushing wakes a stream at once, queued or running, and never frees a frame being read") {
  FakeExecutor executor;
  std::atomic<int> holds{0};
  Batcher batcher(executor);
  auto member = batcher.join();

  SUBCASE("queued") {
    BusyDevice busy(executor, batcher);
    std::thread stream([&] {
      member->jobs().resize(1);
      CHECK(member->infer({}, std::make_unique<CountingHold>(holds)).outcome == Outcome::kFlushing);
    });
    CHECK(eventually([&] { return holds == 1; }));
    std::this_thread::sleep_for(10ms);
    member->set_flushing(true);
    stream.join();  // the device is still busy
    CHECK(holds == 0);
    busy.release();
    CHECK(executor.runs().size() == 1);
  }
  SUBCASE("running") {
    executor.set_open(false);
    std::thread stream([&] {
      member->jobs().resize(1);
      CHECK(member->infer({}, std::make_unique<CountingHold>(holds)).outcome == Outcome::kFlushing);
    });
    REQUIRE(executor.wait_for_runs(1));
    member->set_flushing(true);
    stream.join();
    CHECK(holds == 1);  // the device still reads it
    executor.set_open(true);
    CHECK(eventually([&] { return holds == 0; }));
  }
  CHECK(infer(*member, 4).outcome == Outcome::kFlushing);
  member->set_flushing(false);
  const InferResult after = infer(*member, 4);
  CHECK(after.outcome == Outcome::kDone);
  CHECK(member->jobs()[0].detections[0].class_id == 4);
}

TEST_CASE("the frame is released before infer returns") {
  FakeExecutor executor;
  std::atomic<int> holds{0};
  Batcher batcher(executor);
  auto member = batcher.join();
  for (int i = 0; i < 100; ++i) {
    member->jobs().resize(1);
    CHECK(member->infer({}, std::make_unique<CountingHold>(holds)).outcome == Outcome::kDone);
    CHECK(holds == 0);
  }
}

TEST_CASE("shutdown wakes everybody; a device that hangs is reported by the watchdog") {
  FakeExecutor executor;
  SUBCASE("shutdown") {
    Batcher batcher(executor);
    auto member = batcher.join();
    BusyDevice busy(executor, batcher);
    std::thread stream([&] { CHECK(infer(*member, 1).outcome == Outcome::kFlushing); });
    std::this_thread::sleep_for(20ms);
    batcher.shutdown();
    stream.join();
  }
  SUBCASE("watchdog") {
    Batcher batcher(executor, 50ms);
    auto member = batcher.join();
    executor.set_open(false);
    const InferResult result = infer(*member, 1);
    CHECK(result.outcome == Outcome::kFailed);
    CHECK(result.problem.message.find("did not answer") != std::string::npos);
    executor.set_open(true);
  }
}

TEST_CASE("streams join, leave and flush at random while others run") {
  FakeExecutor executor;
  executor.delay = 50us;
  Batcher batcher(executor);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int round = 0; round < 40; ++round) {
        auto member = batcher.join();
        std::thread flusher;
        const bool flushes = random() % 3 == 0;
        if (flushes) {
          flusher = std::thread([&] {
            std::this_thread::sleep_for(100us);
            member->set_flushing(true);
          });
        }
        for (uint32_t f = 0; f < 5; ++f) {
          const InferResult result = infer(*member, t * 1000 + f);
          const bool right = result.outcome == Outcome::kDone
                                 ? member->jobs()[0].detections[0].class_id == int(t * 1000 + f)
                                 : flushes && result.outcome == Outcome::kFlushing;
          if (!right) ++wrong;
        }
        if (flusher.joinable()) flusher.join();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(batcher.members() == 0);
}

TEST_CASE("ordinals are the smallest free ones") {
  FakeExecutor executor;
  Batcher batcher(executor);
  auto a = batcher.join(), b = batcher.join(), c = batcher.join();
  CHECK(a->ordinal() == 0);
  CHECK(c->ordinal() == 2);
  b.reset();
  CHECK(batcher.join()->ordinal() == 1);
}

TEST_CASE("a batch that is only part full runs in pieces where that was measured to be faster") {
  FakeExecutor executor({1, 4});
  Batcher batcher(executor);
  auto warm = batcher.join();
  infer(*warm, 1);  // the first batch of all measures, whatever is known
  std::vector<std::unique_ptr<Batcher::Member>> members;
  std::vector<std::thread> threads;
  const auto two_at_once = [&](Nanoseconds one, Nanoseconds four) {
    BusyDevice busy(executor, batcher);
    for (const uint32_t width : {70u, 71u}) {
      members.push_back(batcher.join());
      threads.emplace_back([&, member = members.back().get(), width] { infer(*member, width); });
      std::this_thread::sleep_for(10ms);
    }
    // The busy run itself counts as one for batch 1, an eighth of the mean: make it not matter.
    batcher.seed_service_time(1, one);
    batcher.seed_service_time(4, four);
  };
  SUBCASE("four cost four times one") {
    two_at_once(10s, 40s);
    for (auto& thread : threads) thread.join();
    const auto runs = executor.runs();
    REQUIRE(runs.size() == 4);
    CHECK(runs[2].widths == std::vector<uint32_t>{70});
    CHECK(runs[3].widths == std::vector<uint32_t>{71});
  }
  SUBCASE("four cost little more than one") {
    two_at_once(10s, 11s);
    for (auto& thread : threads) thread.join();
    REQUIRE(executor.runs().size() == 3);
    CHECK(executor.runs()[2].batch == 4);
  }
}

TEST_CASE("service time: seeded, scaled for sizes that never ran, then measured") {
  FakeExecutor executor({1, 4});
  Batcher batcher(executor);
  CHECK(batcher.service_time(1) == 0ns);
  batcher.seed_service_time(1, 10ms);
  CHECK(batcher.service_time(1) == 10ms);
  CHECK(batcher.service_time(3) == 40ms);
  auto member = batcher.join();
  executor.delay = 20ms;
  infer(*member, 1);
  CHECK(batcher.service_time(1) > 10ms);
}
