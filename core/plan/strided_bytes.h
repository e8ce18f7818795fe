// The bytes that a strided view touches, and whether two views of one memory have one in common.
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

/// `element` bytes at every begin + sum(i_k * strides[k]) with 0 <= i_k < shape[k].
struct StridedBytes {
  uint64_t begin = 0;
  uint32_t element = 1;            // bytes, at least 1
  uint32_t rank = 0;               // at most kMaxRank
  int64_t shape[kMaxRank] = {};    // >= 0; 0 anywhere: no byte at all
  int64_t strides[kMaxRank] = {};  // bytes, >= 0
};

/// True: no byte belongs to both. False: one does, or it would take too long to find out, which
/// happens only to views whose strides are no multiples of each other; parts of one dense tensor
/// (slices, parts of concatenations, reshaped or not) are always told apart. Of each view the bytes
/// from the first to the last must be at most 2^62, and `begin` plus that must fit in 64 bits.
bool share_no_byte(const StridedBytes& a, const StridedBytes& b);

}  // namespace stint
