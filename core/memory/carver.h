// Hands out parts of a caller's block, front to back. Without a block it only counts, so that one
// layout function gives both the requirement and the pointers.
#pragma once

#include <cstddef>

#include "core/plan/checked.h"

namespace stint {

class Carver {
 public:
  /// Counts only.
  Carver() = default;
  /// `base` must have the alignment that `alignment()` reported when counting.
  Carver(void* base, uint64_t bytes) : base_(static_cast<std::byte*>(base)), capacity_(bytes) {}

  /// Null when counting, when `bytes` is 0, or when the block is exhausted (see exhausted()).
  void* take(uint64_t bytes, uint64_t alignment) {
    uint64_t begin = 0;
    uint64_t end = 0;
    if (alignment > alignment_) alignment_ = alignment;
    if (!checked_align(used_, alignment, &begin) || !checked_add(begin, bytes, &end) ||
        end > capacity_) {
      exhausted_ = true;
      return nullptr;
    }
    used_ = end;
    return base_ == nullptr || bytes == 0 ? nullptr : base_ + begin;
  }

  template <typename T>
  T* take_array(uint64_t count) {
    uint64_t bytes = 0;
    if (!checked_multiply(count, sizeof(T), &bytes)) {
      exhausted_ = true;
      return nullptr;
    }
    return static_cast<T*>(take(bytes, alignof(T)));
  }

  uint64_t used() const { return used_; }
  uint64_t alignment() const { return alignment_; }
  bool exhausted() const { return exhausted_; }

 private:
  std::byte* base_ = nullptr;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t used_ = 0;
  uint64_t alignment_ = 64;  // blocks begin on a cache line
  bool exhausted_ = false;
};

}  // namespace stint
