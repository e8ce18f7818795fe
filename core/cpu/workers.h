// The threads of a session. They are made when it is created, claim tasks from one atomic counter,
// spin for a moment when there is nothing to do and then sleep in the kernel. Between create and
// destroy nothing here allocates.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

inline constexpr uint32_t kMaxWorkers = 256;

/// Bytes of one worker's stack in the session block; 0 where sanitizers need stacks of their own
/// making. 256 KiB: glibc puts the thread's static TLS there too, and kernels keep at most a few
/// tens of KiB of tiles.
uint64_t worker_stack_bytes();

class Workers {
 public:
  struct Thread {
    Workers* pool;
    uint32_t worker;
    pthread_t handle;
  };

  /// Starts `workers - 1` threads; the caller of run() is worker 0. `threads` has room for that
  /// many, `stacks` for that many times worker_stack_bytes(). On failure no thread is left. Not
  /// movable afterwards.
  Status start(uint32_t workers, Thread* threads, std::byte* stacks);
  void stop();

  /// What kernels get.
  Parallel parallel();

 private:
  static void run(void* pool, uint32_t tasks, Parallel::Task task, void* context);
  static void* thread_main(void* thread);

  void run_here_and_there(uint32_t tasks, Parallel::Task task, void* context);
  void claim_and_run(uint32_t worker);
  void wait_until_done(uint32_t tasks);
  bool wait_for_job(uint32_t seen);

  uint32_t workers_ = 1;
  Thread* threads_ = nullptr;

  // The job: written while no task of it can be claimed, read only after claiming one.
  uint32_t tasks_ = 0;
  Parallel::Task task_ = nullptr;
  void* context_ = nullptr;

  // Job number in the upper half, tasks left to claim in the lower: a claim can only succeed on the
  // job it looked at.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<uint32_t> job_{0};  // futex: changes with every job
  std::atomic<uint32_t> sleepers_{0};
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<uint32_t> done_{0};  // futex: tasks finished
  std::atomic<bool> caller_sleeps_{false};
};

}  // namespace stint::cpu
