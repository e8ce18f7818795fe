// Windows of convolutions and pools: where they lie when padding follows from the extents (SAME),
// and how many there are when the last one hangs over the end (ceil mode).
#pragma once

#include <cstdint>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Bound of what a file may ask of a window, so that sums and products of a few of them cannot
/// overflow.
inline constexpr int64_t kMaxWindowExtent = int64_t{1} << 30;

enum class Padding : uint8_t {
  kExplicit,   // pads_begin and pads_end
  kValid,      // none
  kSameUpper,  // as many results as ceil(extent / stride); an odd element goes to the end
  kSameLower,  // the same; an odd element goes to the beginning
};

/// One entry for each spatial axis.
struct Window {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides, dilations;    // empty: 1
  std::vector<int64_t> pads_begin, pads_end;  // of Padding::kExplicit; empty: 0
  Padding padding = Padding::kExplicit;
  bool round_up = false;  // pools: a last window may hang over the end

  bool same() const { return padding == Padding::kSameUpper || padding == Padding::kSameLower; }
  /// Input elements from the first to the last that one window reads along an axis.
  int64_t reach(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

/// Spatial axes of a value N, C, spatial...: 1 to 3, none of an extent beyond the bound. Throws
/// Refusal.
size_t spatial_rank(const Shape& x);

/// With all lists as long as the kernel and within bounds, and the padding explicit, for an input
/// N, C, spatial... Throws Refusal.
Window resolved(Window window, const Shape& x);

/// The same for the window of a transposed convolution, whose padding is what its result of
/// `extents` lacks (empty: the input's times the strides, for SAME; else nothing is wanted). An
/// extent beyond the product itself becomes output padding.
Window resolved_transposed(Window window, const Shape& x, const std::vector<int64_t>& extents,
                           std::vector<int64_t>& output_padding);

/// Shape of a pool's result with round_up, of a window that is resolved: the last window must not
/// start beyond the input.
Shape rounded_up(const Window& window, const Shape& x);

/// Of a window that is resolved.
PoolAttributes pool_attributes(PoolKind kind, const Window& window);

}  // namespace stint::builder
