// The process's allocator, counted, and made to fail on demand. Linking counting_allocator.cc
// replaces malloc and free for everything in the program, the C++ library and the thread library
// included.
#pragma once

#include <cstdint>

namespace stint::test {

/// Calls that asked for memory or gave it back, since the start.
uint64_t allocator_calls();

/// Blocks handed out and not given back.
int64_t live_blocks();

/// The n-th request from now on (0: the next one) fails, and every later one; -1: none does.
void fail_from(int64_t n);

}  // namespace stint::test
