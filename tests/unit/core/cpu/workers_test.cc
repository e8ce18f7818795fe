#include "core/cpu/workers.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/aligned_bytes.h"

using namespace stint;

namespace {

struct Pool {
  explicit Pool(uint32_t count) : threads(count), stacks((count - 1) * cpu::worker_stack_bytes()) {
    REQUIRE(
        workers.start(count, threads.data(), stacks.size() == 0 ? nullptr : stacks.data()).ok());
  }
  ~Pool() { workers.stop(); }
  cpu::Workers workers;
  std::vector<cpu::Workers::Thread> threads;
  test::AlignedBytes stacks;
};

}  // namespace

TEST_CASE("every task runs exactly once, by a worker that exists") {
  for (uint32_t count : {1u, 2u, 4u, 7u}) {
    Pool pool(count);
    const cpu::Parallel parallel = pool.workers.parallel();
    REQUIRE(parallel.workers == count);
    std::vector<int> runs(257);
    std::atomic<int> wrong_worker{0};
    for (uint32_t tasks : {0u, 1u, 2u, 3u, 64u, 257u}) {
      for (int repeat = 0; repeat < 50; ++repeat) {
        auto task = [&](uint32_t i, uint32_t worker) {
          ++runs[i];  // plain: the sanitizer would see two workers on one task
          if (worker >= count) ++wrong_worker;
        };
        parallel.for_each(tasks, task);
      }
      for (uint32_t i = 0; i < tasks; ++i) REQUIRE(runs[i] == 50);
      runs.assign(runs.size(), 0);
    }
    CHECK(wrong_worker == 0);
  }
}

TEST_CASE("what tasks wrote is visible to the caller, job after job") {
  Pool pool(3);
  const cpu::Parallel parallel = pool.workers.parallel();
  std::vector<uint64_t> values(16);
  for (uint64_t job = 0; job < 20000; ++job) {
    auto task = [&](uint32_t i, uint32_t) { values[i] += job; };
    parallel.for_each(16, task);
  }
  for (uint64_t value : values) REQUIRE(value == 20000ull * 19999 / 2);
}

TEST_CASE("workers that went to sleep wake up for the next job") {
  Pool pool(2);
  const cpu::Parallel parallel = pool.workers.parallel();
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<uint32_t> workers_seen{0};
    // Each task waits for the other one: only two threads at once can finish this.
    auto task = [&](uint32_t, uint32_t) {
      ++workers_seen;
      while (workers_seen.load() < 2) std::this_thread::yield();
    };
    parallel.for_each(2, task);
    REQUIRE(workers_seen == 2);
  }
}

TEST_CASE("the caller sleeps through a long task of another worker") {
  Pool pool(2);
  const cpu::Parallel parallel = pool.workers.parallel();
  std::atomic<int> done{0};
  std::atomic<bool> other_started{false};
  auto task = [&](uint32_t, uint32_t worker) {
    if (worker == 1) {
      other_started = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    } else {
      while (!other_started.load()) std::this_thread::yield();
    }
    ++done;
  };
  parallel.for_each(2, task);
  CHECK(done == 2);
}

TEST_CASE("a pool that never ran anything stops, and stopping twice is harmless") {
  cpu::Workers unused;
  unused.stop();
  Pool pool(4);
  pool.workers.stop();
  pool.workers.stop();
}
