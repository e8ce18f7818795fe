// Two elements share a byte when their addresses differ by less than an element. The difference of
// two addresses is a sum of strides, each times a number of a known range: the question is whether
// such a sum can fall into a small interval. In general that is a search (subset sum is a case of
// it), but the strides of one memory's views nest, and then hardly anything is left to try.
#include "core/plan/strided_bytes.h"

namespace stint {
namespace {

// Of 30,000 random pairs of parts of dense tensors none needed more than 32, most a handful. What
// needs more than this is not called apart, so that a hostile file cannot buy much time.
constexpr uint32_t kMaxTries = 64;

/// Every multiple of `stride` from low * stride to high * stride; low <= 0 <= high.
struct Axis {
  int64_t stride = 1;
  int64_t low = 0;
  int64_t high = 0;
};

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }
int64_t ceil_divide(int64_t a, int64_t b) { return a / b + (a % b > 0); }

int64_t greatest_common_divisor(int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// Whether the sum of one choice from every axis can lie in an interval.
class SumSearch {
 public:
  void add(int64_t stride, int64_t low, int64_t high) {
    uint32_t at = count_++;  // sorted, largest stride first
    for (; at > 0 && axes_[at - 1].stride < stride; --at) axes_[at] = axes_[at - 1];
    axes_[at] = {stride, low, high};
  }

  void prepare() {
    merge();
    for (uint32_t k = count_; k-- > 0;) {
      low_[k] = low_[k + 1] + axes_[k].low * axes_[k].stride;
      high_[k] = high_[k + 1] + axes_[k].high * axes_[k].stride;
      divisor_[k] = greatest_common_divisor(axes_[k].stride, divisor_[k + 1]);
    }
  }

  /// False: certainly not.
  bool may_hit(int64_t first, int64_t last) { return may_hit_from(0, first, last); }

 private:
  /// An axis whose steps the next smaller one fills without gaps is the same axis, continued.
  void merge() {
    uint32_t kept = count_;  // merged axes end at count_, from the smallest stride up
    for (uint32_t k = count_; k-- > 0;) {
      if (kept != count_ && continues(axes_[k], axes_[kept])) {
        const int64_t ratio = axes_[k].stride / axes_[kept].stride;
        axes_[kept].low += axes_[k].low * ratio;
        axes_[kept].high += axes_[k].high * ratio;
      } else {
        axes_[--kept] = axes_[k];
      }
    }
    for (uint32_t k = kept; k < count_; ++k) axes_[k - kept] = axes_[k];
    count_ -= kept;
  }

  static bool continues(const Axis& outer, const Axis& inner) {
    return outer.stride % inner.stride == 0 &&
           inner.high - inner.low + 1 >= outer.stride / inner.stride;
  }

  /// With the axes from `k` on.
  bool may_hit_from(uint32_t k, int64_t first, int64_t last) {
    if (first < low_[k]) first = low_[k];
    if (last > high_[k]) last = high_[k];
    if (first > last) return false;
    if (k == count_) return true;  // both are 0
    if (floor_divide(last, divisor_[k]) * divisor_[k] < first) return false;
    const Axis& axis = axes_[k];
    int64_t from = ceil_divide(first - high_[k + 1], axis.stride);
    int64_t to = floor_divide(last - low_[k + 1], axis.stride);
    if (from < axis.low) from = axis.low;
    if (to > axis.high) to = axis.high;
    for (int64_t i = from; i <= to; ++i) {
      if (tries_++ == kMaxTries) return true;
      if (may_hit_from(k + 1, first - i * axis.stride, last - i * axis.stride)) return true;
    }
    return false;
  }

  Axis axes_[2 * kMaxRank];
  uint32_t count_ = 0;
  // Of the axes from k on: the least and the greatest sum, and what divides every sum.
  int64_t low_[2 * kMaxRank + 1] = {};
  int64_t high_[2 * kMaxRank + 1] = {};
  int64_t divisor_[2 * kMaxRank + 1] = {};
  uint32_t tries_ = 0;
};

bool is_empty(const StridedBytes& view) {
  for (uint32_t axis = 0; axis < view.rank; ++axis)
    if (view.shape[axis] == 0) return true;
  return false;
}

uint64_t bytes_to_last(const StridedBytes& view) {
  uint64_t bytes = view.element;
  for (uint32_t axis = 0; axis < view.rank; ++axis)
    bytes +=
        static_cast<uint64_t>(view.shape[axis] - 1) * static_cast<uint64_t>(view.strides[axis]);
  return bytes;
}

}  // namespace

bool share_no_byte(const StridedBytes& a, const StridedBytes& b) {
  if (is_empty(a) || is_empty(b)) return true;
  if (a.begin + bytes_to_last(a) <= b.begin || b.begin + bytes_to_last(b) <= a.begin) return true;
  // The ranges meet, so that the distance, like everything below, is less than 2^63.
  const auto distance = static_cast<int64_t>(a.begin - b.begin);
  SumSearch search;
  for (uint32_t axis = 0; axis < a.rank; ++axis)
    if (a.shape[axis] > 1 && a.strides[axis] != 0)
      search.add(a.strides[axis], 0, a.shape[axis] - 1);
  for (uint32_t axis = 0; axis < b.rank; ++axis)
    if (b.shape[axis] > 1 && b.strides[axis] != 0)
      search.add(b.strides[axis], 1 - b.shape[axis], 0);
  search.prepare();
  return !search.may_hit(1 - int64_t{a.element} - distance, int64_t{b.element} - 1 - distance);
}

}  // namespace stint
