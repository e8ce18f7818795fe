#include "host_builder/quantize/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace stint::builder {

void in_parallel(size_t threads, size_t count,
                 const std::function<void(size_t thread, size_t i)>& part) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed_at = count;
  std::exception_ptr failure;
  const auto loop = [&](size_t thread) {
    for (size_t i = next++; i < count; i = next++) {
      try {
        part(thread, i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed_at) {
          failed_at = i;
          failure = std::current_exception();
        }
        next = count;
        return;
      }
    }
  };
  std::vector<std::thread> others;
  for (size_t thread = 1; thread < std::min(threads, count); ++thread)
    others.emplace_back(loop, thread);
  loop(0);
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace stint::builder
