#include "host_builder/network/window.h"

#include <doctest/doctest.h>

#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

using Extents = std::vector<int64_t>;

Window window(int64_t kernel, int64_t stride, int64_t dilation, Padding padding) {
  Window w;
  w.kernel = {kernel};
  w.strides = {stride};
  w.dilations = {dilation};
  w.padding = padding;
  return w;
}

TEST_CASE(
    "SAME padding gives ceil(extent / stride) windows; an odd element goes where it is said") {
  for (const Padding padding : {Padding::kSameUpper, Padding::kSameLower}) {
    for (int64_t extent = 1; extent < 12; ++extent) {
      for (int64_t kernel = 1; kernel < 6; ++kernel) {
        for (int64_t stride = 1; stride < 4; ++stride) {
          for (int64_t dilation = 1; dilation < 3; ++dilation) {
            CAPTURE(extent);
            CAPTURE(kernel);
            CAPTURE(stride);
            CAPTURE(dilation);
            const Window w = resolved(window(kernel, stride, dilation, padding), {1, 1, extent});
            const int64_t begin = w.pads_begin[0], end = w.pads_end[0];
            const int64_t count = (extent + begin + end - w.reach(0)) / stride + 1;
            if (w.reach(0) <= extent + begin + end) CHECK(count == (extent + stride - 1) / stride);
            const int64_t odd = padding == Padding::kSameUpper ? end - begin : begin - end;
            CHECK((odd == 0 || odd == 1));
            // No more than is needed.
            if (begin + end > 0) CHECK((count - 1) * stride + w.reach(0) == extent + begin + end);
            CHECK(w.padding == Padding::kExplicit);
          }
        }
      }
    }
  }
}

TEST_CASE("VALID ignores pads; what is left out is 1, or 0 for pads") {
  Window w;
  w.kernel = {3, 2};
  w.pads_begin = w.pads_end = {1, 1};
  w.padding = Padding::kValid;
  w = resolved(w, {1, 1, 8, 8});
  CHECK(w.pads_begin == Extents{0, 0});
  CHECK(w.pads_end == Extents{0, 0});
  CHECK(w.strides == Extents{1, 1});
  CHECK(w.dilations == Extents{1, 1});
}

TEST_CASE("rounding up: the last window hangs over the end, but never starts beyond the input") {
  const auto count = [](int64_t kernel, int64_t stride, int64_t pad, int64_t extent) {
    Window w = window(kernel, stride, 1, Padding::kExplicit);
    w.pads_begin = w.pads_end = {pad};
    return rounded_up(resolved(w, {1, 1, extent}), {1, 1, extent})[2];
  };
  CHECK(count(2, 2, 0, 3) == 2);
  CHECK(count(2, 2, 0, 4) == 2);
  CHECK(count(3, 2, 0, 6) == 3);
  CHECK(count(3, 2, 0, 7) == 3);
  CHECK(count(3, 3, 1, 3) == 2);  // starts at 2, of 3
  CHECK(count(2, 2, 1, 3) == 2);  // one more would start in the padding behind
  CHECK(count(5, 1, 0, 3) == 1);  // larger than the input
}

TEST_CASE("a transposed window pads away what its product has beyond the wanted extent, or adds") {
  Extents output_padding;
  // 4 elements with stride 2 and a window of 3 give 9; SAME wants 8.
  Window w =
      resolved_transposed(window(3, 2, 1, Padding::kSameUpper), {1, 1, 4}, {}, output_padding);
  CHECK(w.pads_begin == Extents{0});
  CHECK(w.pads_end == Extents{1});
  CHECK(output_padding == Extents{0});
  w = resolved_transposed(window(3, 2, 1, Padding::kSameLower), {1, 1, 4}, {}, output_padding);
  CHECK(w.pads_begin == Extents{1});
  CHECK(w.pads_end == Extents{0});
  w = resolved_transposed(window(3, 2, 1, Padding::kExplicit), {1, 1, 4}, {11}, output_padding);
  CHECK(w.pads_begin == Extents{0});
  CHECK(w.pads_end == Extents{0});
  CHECK(output_padding == Extents{2});
}

TEST_CASE("windows that cannot be are refused") {
  const auto refused = [](Window w, const Shape& x) {
    try {
      resolved(std::move(w), x);
    } catch (const Refusal& refusal) {
      CHECK(ends_with_action(refusal.what()));
      return true;
    }
    return false;
  };
  const Window good = window(3, 1, 1, Padding::kExplicit);
  CHECK_FALSE(refused(good, {1, 1, 8}));
  CHECK(refused(good, {1, 8}));
  CHECK(refused(good, {1, 1, 8, 8}));
  CHECK(refused(good, {1, 1, 1, 1, 1, 1}));
  CHECK(refused(good, {1, 1, kMaxWindowExtent + 1}));
  CHECK(refused(window(0, 1, 1, Padding::kExplicit), {1, 1, 8}));
  CHECK(refused(window(3, 0, 1, Padding::kExplicit), {1, 1, 8}));
  CHECK(refused(window(3, 1, kMaxWindowExtent + 1, Padding::kExplicit), {1, 1, 8}));
  Window short_pads = good;
  short_pads.pads_begin = {1, 1};
  CHECK(refused(short_pads, {1, 1, 8}));
}

}  // namespace
}  // namespace stint::builder
