// Work in numbered parts, spread over threads.
#pragma once

#include <cstddef>
#include <functional>

namespace stint::builder {

/// Calls `part(thread, i)` for every i below `count`, in any order; `thread` is below `threads` and
/// belongs to one thread at a time, the caller being 0. If parts throw, no further ones begin, and
/// what the one with the least i threw is thrown when all threads are done.
void in_parallel(size_t threads, size_t count,
                 const std::function<void(size_t thread, size_t i)>& part);

}  // namespace stint::builder
