// Against sets of bytes: the answer "no byte in common" must never be wrong, and must be given for
// every pair of views that a builder makes.
#include "core/plan/strided_bytes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace stint;

namespace {

std::set<uint64_t> every_byte(const StridedBytes& view) {
  std::set<uint64_t> starts = {view.begin}, bytes;
  for (uint32_t axis = 0; axis < view.rank; ++axis) {
    std::set<uint64_t> next;
    for (uint64_t start : starts)
      for (int64_t i = 0; i < view.shape[axis]; ++i)
        next.insert(start + static_cast<uint64_t>(i * view.strides[axis]));
    starts = std::move(next);
  }
  for (uint64_t start : starts)
    for (uint32_t i = 0; i < view.element; ++i) bytes.insert(start + i);
  return bytes;
}

bool are_apart(const StridedBytes& a, const StridedBytes& b) {
  const std::set<uint64_t> x = every_byte(a), y = every_byte(b);
  return std::none_of(x.begin(), x.end(), [&y](uint64_t byte) { return y.count(byte) > 0; });
}

StridedBytes view(uint64_t begin, uint32_t element, const std::vector<int64_t>& shape,
                  const std::vector<int64_t>& strides) {
  StridedBytes bytes;
  bytes.begin = begin;
  bytes.element = element;
  bytes.rank = static_cast<uint32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), bytes.shape);
  std::copy(strides.begin(), strides.end(), bytes.strides);
  return bytes;
}

class Random {
 public:
  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  int64_t from_to(int64_t low, int64_t high) { return low + below(high - low + 1); }

 private:
  std::mt19937_64 engine_{20261129};
};

/// Anything that verify_tensors lets through, strides of 0 and overlapping elements included.
StridedBytes any_view(Random& random) {
  StridedBytes bytes;
  bytes.begin = static_cast<uint64_t>(random.below(48));
  bytes.element = 1u << random.below(4);
  bytes.rank = static_cast<uint32_t>(random.below(5));
  for (uint32_t axis = 0; axis < bytes.rank; ++axis) {
    bytes.shape[axis] = random.below(12) == 0 ? 0 : random.from_to(1, 4);
    bytes.strides[axis] = random.below(random.below(2) == 0 ? 4 : 40) * bytes.element;
  }
  return bytes;
}

/// A slice of a dense tensor at `base`, as concatenations, splits and reshapes place values: parts
/// of axes, steps, axes split in two or joined, axes in any order.
StridedBytes part_of(Random& random, uint64_t base, uint32_t element,
                     const std::vector<int64_t>& outer) {
  std::vector<int64_t> shape, strides;
  int64_t stride = element;
  uint64_t begin = base;
  for (size_t axis = outer.size(); axis-- > 0; stride *= outer[axis]) {
    const int64_t step = random.below(4) == 0 ? random.from_to(1, outer[axis]) : 1;
    const int64_t start = random.below(2) == 0 ? 0 : random.below(outer[axis]);
    const int64_t most = (outer[axis] - start + step - 1) / step;
    const int64_t extent = random.below(3) == 0 ? most : random.from_to(1, most);
    begin += static_cast<uint64_t>(start * stride);
    if (!strides.empty() && extent > 1 && random.below(2) == 0 &&
        strides.back() * shape.back() == stride * step) {
      shape.back() *= extent;  // the reshape that joins two axes
    } else if (extent % 2 == 0 && shape.size() + 2 <= 7 && random.below(3) == 0) {
      shape.insert(shape.end(), {2, extent / 2});
      strides.insert(strides.end(), {stride * step, 2 * stride * step});
    } else {
      shape.push_back(extent);
      strides.push_back(stride * step);
    }
  }
  for (size_t i = shape.size(); i-- > 1;) {
    const auto k = static_cast<size_t>(random.below(static_cast<int64_t>(i) + 1));
    std::swap(shape[i], shape[k]);
    std::swap(strides[i], strides[k]);
  }
  return view(begin, element, shape, strides);
}

}  // namespace

TEST_CASE("views of any kind are never called apart when they share a byte") {
  Random random;
  int apart = 0, told = 0;
  for (int i = 0; i < 30000; ++i) {
    const StridedBytes a = any_view(random), b = any_view(random);
    const bool expected = are_apart(a, b), found = share_no_byte(a, b);
    REQUIRE_MESSAGE((expected || !found), "pair " << i);
    REQUIRE(found == share_no_byte(b, a));
    apart += expected;
    told += found;
  }
  CHECK(apart > 5000);
  CHECK(told == apart);  // views this small never exhaust the search
}

TEST_CASE("parts of one dense tensor are told apart exactly") {
  Random random;
  int apart = 0;
  for (int i = 0; i < 30000; ++i) {
    std::vector<int64_t> outer(static_cast<size_t>(random.from_to(1, 4)));
    for (int64_t& extent : outer) extent = random.from_to(1, 7);
    const auto base = static_cast<uint64_t>(random.below(100));
    const uint32_t element = 1u << random.below(4);
    const StridedBytes a = part_of(random, base, element, outer);
    const StridedBytes b = part_of(random, base, element, outer);
    const bool expected = are_apart(a, b);
    REQUIRE_MESSAGE(share_no_byte(a, b) == expected, "pair " << i);
    apart += expected;
  }
  CHECK(apart > 5000);
  CHECK(apart < 25000);
}

TEST_CASE("channels of a large concatenation lie apart wherever its storage begins") {
  // 52 channels of a 224 x 224 map of 3 images, two parts and the gap between; one part is
  // reshaped.
  const int64_t row = 224 * 52, image = 224 * row;
  for (uint64_t base : {0u, 4u, 36u, 64u, 100u, 12345u * 4}) {
    const auto a = view(base, 4, {3, 224, 224, 12}, {4 * image, 4 * row, 4 * 52, 4});
    const auto b = view(base + 4 * 12, 4, {3, 224, 224, 40}, {4 * image, 4 * row, 4 * 52, 4});
    const auto joined = view(base + 4 * 12, 4, {3, 224 * 224, 40}, {4 * image, 4 * 52, 4});
    const auto one_more = view(base, 4, {3, 224, 224, 13}, {4 * image, 4 * row, 4 * 52, 4});
    CHECK(share_no_byte(a, b));
    CHECK(share_no_byte(a, joined));
    CHECK_FALSE(share_no_byte(one_more, b));
    CHECK_FALSE(share_no_byte(one_more, joined));
    CHECK_FALSE(share_no_byte(
        a, view(base + 4 * 12, 4, {3, 224, 224, 41}, {4 * image, 4 * row, 4 * 52, 4})));
  }
}

TEST_CASE("the largest views that a plan may hold do not wrap around") {
  const int64_t far = int64_t{1} << 61;
  const uint64_t high = ~uint64_t{0} - (uint64_t{1} << 62) - 64;
  for (uint64_t base : {uint64_t{0}, high}) {
    const auto ends = view(base, 8, {3}, {far - 8});
    CHECK(share_no_byte(ends, view(base + 8, 8, {2}, {far - 8})));
    CHECK_FALSE(share_no_byte(ends, view(base + 8, 8, {2}, {far - 16})));
    CHECK_FALSE(share_no_byte(ends, view(base + 1, 8, {2}, {far})));
    CHECK(share_no_byte(ends, view(base + 16, 8, {2, 2}, {far - 16, 8})));
  }
}

TEST_CASE("what takes too long to tell is not called apart") {
  // Multiples of 4 against multiples of 4 and their successors, 2 further: apart. But the axis of
  // stride 1 comes last, behind more sums of the others than anybody wants to look at.
  const std::vector<int64_t> primes = {1000003, 999983, 999979, 999961, 999959, 999953, 999931};
  std::vector<int64_t> a, b = {1}, shape(7, 9), other = {2};
  for (int64_t prime : primes) {
    a.push_back(4 * prime);
    b.push_back(4 * (prime + 100));
    other.push_back(9);
  }
  CHECK_FALSE(share_no_byte(view(0, 1, shape, a), view(80000002, 1, other, b)));
  b[0] = 4;
  CHECK(share_no_byte(view(0, 1, shape, a), view(80000002, 1, other, b)));  // at once
}
