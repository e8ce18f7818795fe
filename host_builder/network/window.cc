#include "host_builder/network/window.h"

#include <algorithm>

#include "host_builder/graph/shape.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

void check(const std::vector<int64_t>& values, size_t count, int64_t least, const char* what) {
  if (values.size() != count) {
    throw Refusal(std::string("its ") + what + " have " + std::to_string(values.size()) +
                      " entries, the input has " + std::to_string(count) + " spatial axes",
                  "give one for each spatial axis");
  }
  for (const int64_t value : values) {
    if (value < least || value > kMaxWindowExtent)
      throw Refusal(
          std::string("its ") + what + " hold " + std::to_string(value) + ", which is out of range",
          "check the window");
  }
}

void fill(std::vector<int64_t>& values, size_t count, int64_t value) {
  if (values.empty()) values.assign(count, value);
}

/// Every list complete and within bounds.
void complete(Window& w, size_t spatial) {
  fill(w.strides, spatial, 1);
  fill(w.dilations, spatial, 1);
  if (w.padding != Padding::kExplicit) {
    w.pads_begin.clear();
    w.pads_end.clear();
  }
  fill(w.pads_begin, spatial, 0);
  fill(w.pads_end, spatial, 0);
  check(w.kernel, spatial, 1, "kernel's extents");
  check(w.strides, spatial, 1, "strides");
  check(w.dilations, spatial, 1, "dilations");
  check(w.pads_begin, spatial, 0, "pads");
  check(w.pads_end, spatial, 0, "pads");
}

void split(int64_t total, bool more_at_end, int64_t& begin, int64_t& end) {
  begin = more_at_end ? total / 2 : total - total / 2;
  end = total - begin;
}

}  // namespace

size_t spatial_rank(const Shape& x) {
  if (x.size() < 3 || x.size() > 5) {
    throw Refusal("needs an input with 1 to 3 spatial axes, it is " + shape_text(x),
                  "reshape the input to three spatial axes at most");
  }
  for (const int64_t extent : x) {
    if (extent < 0 || extent > kMaxWindowExtent)
      throw Refusal("input " + shape_text(x) + " has an extent out of range", "reduce its extents");
  }
  return x.size() - 2;
}

Window resolved(Window w, const Shape& x) {
  complete(w, spatial_rank(x));
  for (size_t i = 0; w.same() && i < w.kernel.size(); ++i) {
    const int64_t extent = x[2 + i];
    const int64_t outputs = (extent + w.strides[i] - 1) / w.strides[i];
    const int64_t total = std::max<int64_t>((outputs - 1) * w.strides[i] + w.reach(i) - extent, 0);
    split(total, w.padding == Padding::kSameUpper, w.pads_begin[i], w.pads_end[i]);
  }
  w.padding = Padding::kExplicit;
  return w;
}

Window resolved_transposed(Window w, const Shape& x, const std::vector<int64_t>& extents,
                           std::vector<int64_t>& output_padding) {
  const size_t spatial = spatial_rank(x);
  complete(w, spatial);
  fill(output_padding, spatial, 0);
  check(output_padding, spatial, 0, "output pads");
  if (!extents.empty()) check(extents, spatial, 1, "wanted extents");
  for (size_t i = 0; (w.same() || !extents.empty()) && i < spatial; ++i) {
    const int64_t extent = x[2 + i];
    const int64_t wanted = extents.empty() ? extent * w.strides[i] : extents[i];
    const int64_t total = (extent - 1) * w.strides[i] + output_padding[i] + w.reach(i) - wanted;
    if (total < 0) output_padding[i] -= total;  // larger than the product itself: zeros at the end
    split(std::max<int64_t>(total, 0), w.padding == Padding::kSameUpper, w.pads_begin[i],
          w.pads_end[i]);
  }
  w.padding = Padding::kExplicit;
  return w;
}

Shape rounded_up(const Window& w, const Shape& x) {
  Shape result = x;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    const int64_t padded = x[2 + i] + w.pads_begin[i] + w.pads_end[i];
    const int64_t room = std::max<int64_t>(padded - w.reach(i), 0);
    int64_t count = (room + w.strides[i] - 1) / w.strides[i] + 1;
    if ((count - 1) * w.strides[i] >= x[2 + i] + w.pads_begin[i]) --count;
    result[2 + i] = count;
  }
  return result;
}

PoolAttributes pool_attributes(PoolKind kind, const Window& w) {
  PoolAttributes a;
  a.kind = kind;
  a.kernel = w.kernel;
  a.strides = w.strides;
  a.dilations = w.dilations;
  a.pads_begin = w.pads_begin;
  a.pads_end = w.pads_end;
  return a;
}

}  // namespace stint::builder
