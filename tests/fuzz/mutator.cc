#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <cstring>

namespace stint::test {
namespace {

// Integers at which sizes, counts and signs turn over.
constexpr uint64_t kInteresting[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     7,
                                     8,
                                     16,
                                     63,
                                     64,
                                     127,
                                     128,
                                     255,
                                     256,
                                     1024,
                                     4095,
                                     4096,
                                     32767,
                                     32768,
                                     65535,
                                     65536,
                                     0x7FFFFFFE,
                                     0x7FFFFFFF,
                                     0x80000000,
                                     0xFFFFFFFE,
                                     0xFFFFFFFF,
                                     0x100000000,
                                     0x3FFFFFFFFFFFFFFF,
                                     0x4000000000000000,
                                     0x7FFFFFFFFFFFFFFF,
                                     0x8000000000000000,
                                     0xFFFFFFFFFFFFFF00,
                                     0xFFFFFFFFFFFFFFFF};

}  // namespace

FuzzBytes Mutator::mutate(const std::vector<FuzzBytes>& seeds) {
  FuzzBytes bytes = seeds[below(seeds.size())];
  const size_t mutations =
      1 + below(below(8) + 1);  // mostly few: many at once never get past the first check
  for (size_t i = 0; i < mutations; ++i) mutate_once(&bytes, seeds);
  return bytes;
}

void Mutator::mutate_once(FuzzBytes* bytes, const std::vector<FuzzBytes>& seeds) {
  if (bytes->empty()) {
    bytes->push_back(static_cast<uint8_t>(random_()));
    return;
  }
  const size_t at = below(bytes->size());
  switch (below(12)) {
    case 0:
    case 1:
      (*bytes)[at] ^= static_cast<uint8_t>(1u << below(8));
      return;
    case 2:
      (*bytes)[at] = static_cast<uint8_t>(random_());
      return;
    case 3:
      (*bytes)[at] = static_cast<uint8_t>((*bytes)[at] + below(9) - 4);
      return;
    case 4:
      if (below(4) == 0) bytes->resize(at);
      return;
    case 5:
      copy_range(bytes, seeds[below(seeds.size())]);
      return;
    case 6:
      copy_range(bytes, FuzzBytes(*bytes));
      return;
    case 7:
      if (below(4) == 0) bytes->erase(bytes->begin() + static_cast<std::ptrdiff_t>(at));
      return;
    default:
      set_integer(bytes);
  }
}

/// Writes an integer where a field of 1, 2, 4 or 8 bytes may lie, or adds a little to what is
/// there.
void Mutator::set_integer(FuzzBytes* bytes) {
  const size_t width = size_t{1} << (below(8) < 2 ? below(2) : 2 + below(2));
  if (bytes->size() < width) return;
  const size_t at = below((bytes->size() - width) / width + 1) * width;
  uint64_t value = 0;
  std::memcpy(&value, bytes->data() + at, width);
  if (below(3) == 0) {
    value += below(33) - 16;
  } else {
    value = kInteresting[below(std::size(kInteresting))];
  }
  std::memcpy(bytes->data() + at, &value, width);  // little-endian, as the formats are
}

void Mutator::copy_range(FuzzBytes* bytes, const FuzzBytes& from) {
  if (from.empty()) return;
  const size_t source = below(from.size()) & ~size_t{3};
  const size_t target = below(bytes->size()) & ~size_t{3};
  const size_t length = std::min({1 + below(64), from.size() - source, bytes->size() - target});
  std::memcpy(bytes->data() + target, from.data() + source, length);
}

}  // namespace stint::test
