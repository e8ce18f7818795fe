// The smaller and the larger of two numbers, NaN if one of them is: what a network is given that is
// not a number must come out as such on every processor. std::min, std::fmax and the processors'
// own instructions each lose some NaN. Vectors: nan_keeping-inl.h.
#pragma once

namespace stint::cpu {

template <typename C>
inline C smaller(C a, C b) {
  return a < b || a != a ? a : b;
}
template <typename C>
inline C larger(C a, C b) {
  return a > b || a != a ? a : b;
}

}  // namespace stint::cpu
