// Deterministic mutations of byte strings.
#pragma once

#include <random>

#include "tests/fuzz/fuzz_target.h"

namespace stint::test {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  /// A mutated copy of one of the seeds. Equal for equal generator state and seeds.
  FuzzBytes mutate(const std::vector<FuzzBytes>& seeds);

  /// Uniform in [0, n).
  size_t below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(random_() % n); }

 private:
  void mutate_once(FuzzBytes* bytes, const std::vector<FuzzBytes>& seeds);
  void set_integer(FuzzBytes* bytes);
  void copy_range(FuzzBytes* bytes, const FuzzBytes& from);

  std::mt19937_64 random_;
};

}  // namespace stint::test
