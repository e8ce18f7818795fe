#include "core/cpu/workers.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STINT_OWN_STACKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STINT_OWN_STACKS 0
#endif
#endif
#ifndef STINT_OWN_STACKS
#define STINT_OWN_STACKS 1
#endif

namespace stint::cpu {
namespace {

// About 20 to 60 microseconds: longer than the gap between two steps, short enough not to burn a
// core between frames.
constexpr int kSpins = 2000;

void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) &&
              std::atomic<uint32_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

void futex_wait(std::atomic<uint32_t>* word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAIT_PRIVATE, expected, nullptr,
          nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>* word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr,
          0);
}

int create_thread(pthread_t* handle, std::byte* stack, void* (*entry)(void*), void* argument) {
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes); error != 0) return error;
  int error = 0;
#if STINT_OWN_STACKS
  error = pthread_attr_setstack(&attributes, stack, worker_stack_bytes());
#else
  (void)stack;
#endif
  if (error == 0) {
    // Signals of the application are handled by the application's threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(handle, &attributes, entry, argument);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

uint64_t worker_stack_bytes() { return STINT_OWN_STACKS ? 256 * 1024 : 0; }

Status Workers::start(uint32_t workers, Thread* threads, std::byte* stacks) {
  threads_ = threads;
  workers_ = 1;
  for (uint32_t worker = 1; worker < workers; ++worker) {
    Thread& thread = threads[worker - 1];
    thread.pool = this;
    thread.worker = worker;
    std::byte* stack = stacks == nullptr ? nullptr : stacks + (worker - 1) * worker_stack_bytes();
    if (int error = create_thread(&thread.handle, stack, &Workers::thread_main, &thread);
        error != 0) {
      stop();
      return {Code::kThreadFailed, at_thread(worker),
              "a worker thread could not be started; ask for fewer threads", error, 0};
    }
    workers_ = worker + 1;
  }
  return ok_status();
}

void Workers::stop() {
  if (workers_ == 1) return;
  stopping_.store(true);
  job_.fetch_add(1);
  futex_wake(&job_, INT_MAX);
  for (uint32_t i = 0; i + 1 < workers_; ++i) pthread_join(threads_[i].handle, nullptr);
  workers_ = 1;
}

Parallel Workers::parallel() { return {&Workers::run, this, workers_}; }

void Workers::run(void* pool, uint32_t tasks, Parallel::Task task, void* context) {
  auto* self = static_cast<Workers*>(pool);
  if (tasks <= 1 || self->workers_ == 1) {
    for (uint32_t i = 0; i < tasks; ++i) task(context, i, 0);
    return;
  }
  self->run_here_and_there(tasks, task, context);
}

void Workers::run_here_and_there(uint32_t tasks, Parallel::Task task, void* context) {
  tasks_ = tasks;
  task_ = task;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  const uint32_t job = job_.load(std::memory_order_relaxed) + 1;
  ticket_.store((uint64_t{job} << 32) | tasks, std::memory_order_release);
  // Order matters: either a worker going to sleep sees the new job, or we see the sleeper.
  job_.store(job);
  if (const uint32_t sleepers = sleepers_.load(); sleepers != 0) {
    futex_wake(&job_, static_cast<int>(tasks - 1 < sleepers ? tasks - 1 : sleepers));
  }
  claim_and_run(0);
  wait_until_done(tasks);
}

/// Runs tasks of the current job until none is left to claim.
void Workers::claim_and_run(uint32_t worker) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (static_cast<uint32_t>(ticket) != 0) {
    if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acquire)) continue;
    // The job cannot end before this task, so its fields are stable from here on.
    const uint32_t tasks = tasks_;
    task_(context_, tasks - static_cast<uint32_t>(ticket), worker);
    if (done_.fetch_add(1) + 1 == tasks && caller_sleeps_.load()) futex_wake(&done_, 1);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void Workers::wait_until_done(uint32_t tasks) {
  for (int i = 0; i < kSpins; ++i) {
    if (done_.load(std::memory_order_acquire) == tasks) return;
    spin_pause();
  }
  caller_sleeps_.store(true);
  for (uint32_t done = done_.load(); done != tasks; done = done_.load()) futex_wait(&done_, done);
  caller_sleeps_.store(false);
}

/// Returns false when the pool stops. `seen`: the job number already worked on.
bool Workers::wait_for_job(uint32_t seen) {
  for (int i = 0; i < kSpins; ++i) {
    if (job_.load(std::memory_order_acquire) != seen) return !stopping_.load();
    spin_pause();
  }
  sleepers_.fetch_add(1);
  while (job_.load() == seen) futex_wait(&job_, seen);
  sleepers_.fetch_sub(1);
  return !stopping_.load();
}

void* Workers::thread_main(void* argument) {
  auto* thread = static_cast<Thread*>(argument);
  Workers* pool = thread->pool;
  uint32_t seen = 0;
  while (pool->wait_for_job(seen)) {
    seen = pool->job_.load();
    pool->claim_and_run(thread->worker);
  }
  return nullptr;
}

}  // namespace stint::cpu
