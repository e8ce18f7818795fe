#include "tests/noalloc/counting_allocator.h"

#include <errno.h>

#include <atomic>
#include <cstddef>

// glibc's own names for its allocator.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace stint::test {
namespace {

std::atomic<uint64_t> calls{0};
std::atomic<int64_t> live{0};
std::atomic<int64_t> until_failure{-1};

bool refused() {
  calls.fetch_add(1);
  int64_t left = until_failure.load();
  if (left < 0) return false;
  if (left == 0) {
    errno = ENOMEM;
    return true;
  }
  until_failure.fetch_sub(1);
  return false;
}

void* counted(void* block) {
  if (block != nullptr) live.fetch_add(1);
  return block;
}

}  // namespace

uint64_t allocator_calls() { return calls.load(); }
int64_t live_blocks() { return live.load(); }
void fail_from(int64_t n) { until_failure.store(n); }

}  // namespace stint::test

extern "C" {

void* malloc(size_t size) {
  return stint::test::refused() ? nullptr : stint::test::counted(__libc_malloc(size));
}

void* calloc(size_t count, size_t size) {
  return stint::test::refused() ? nullptr : stint::test::counted(__libc_calloc(count, size));
}

void* realloc(void* block, size_t size) {
  if (stint::test::refused()) return nullptr;
  void* moved = __libc_realloc(block, size);
  if (block == nullptr) stint::test::counted(moved);
  return moved;
}

void* memalign(size_t alignment, size_t size) {
  return stint::test::refused() ? nullptr : stint::test::counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

void free(void* block) {
  stint::test::calls.fetch_add(1);
  if (block != nullptr) stint::test::live.fetch_sub(1);
  __libc_free(block);
}

}  // extern "C"
