// Windows that slide over spatial axes: what convolutions and pools share.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/ops/parts.h"
#include "plan_schema/params/conv.h"

namespace stint::builder {

// Kernel extents, strides, dilations and pads beyond this are errors of the file; products of two
// stay far from overflow.
inline constexpr int64_t kMaxWindow = int64_t{1} << 30;

struct Window {
  const std::vector<int64_t>& kernel;
  const std::vector<int64_t>& strides;
  const std::vector<int64_t>& dilations;
  const std::vector<int64_t>& pads_begin;
  const std::vector<int64_t>& pads_end;

  int64_t extent(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

template <typename A>
Window window_of(const A& a) {
  return {a.kernel, a.strides, a.dilations, a.pads_begin, a.pads_end};
}

inline size_t spatial_rank_of(const InferenceContext& c) {
  const size_t rank = c.rank(0);
  c.require(rank >= 3 && rank <= 2 + kMaxSpatial,
            "needs an operand with 1 to " + std::to_string(kMaxSpatial) + " spatial axes, it is " +
                shape_text(c.shape(0)));
  return rank - 2;
}

inline void check_window(const InferenceContext& c, const Window& w, size_t spatial) {
  auto check = [&](const std::vector<int64_t>& values, int64_t least, const char* what) {
    c.require(values.size() == spatial, std::string(what) + " has " +
                                            std::to_string(values.size()) + " entries, needs " +
                                            std::to_string(spatial));
    for (int64_t v : values) {
      c.require(v >= least && v <= kMaxWindow,
                std::string(what) + " holds " + std::to_string(v) + ", out of range");
    }
  };
  check(w.kernel, 1, "kernel shape");
  check(w.strides, 1, "strides");
  check(w.dilations, 1, "dilations");
  check(w.pads_begin, 0, "pads");
  check(w.pads_end, 0, "pads");
}

/// Windows of one element may lie along any axis, others beside the samples only. Axis 1, of
/// channels, is the operation's own matter.
template <typename A>
bool mixes_windows(const A& a, const BatchPlace& at) {
  if (at.axis < 2) return false;
  const size_t i = at.axis - 2;
  return a.kernel[i] != 1 || a.strides[i] != 1 || a.pads_begin[i] != 0 || a.pads_end[i] != 0;
}

inline Words window_words(const Window& w) {
  Words words;
  words.list("kernel", w.kernel).list_unless("strides", w.strides, 1);
  words.list_unless("dilations", w.dilations, 1).list_unless("pads_begin", w.pads_begin, 0);
  words.list_unless("pads_end", w.pads_end, 0);
  return words;
}

}  // namespace stint::builder
