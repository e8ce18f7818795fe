#include "host_builder/passes/strided_reshape.h"

namespace stint::builder {

std::optional<Shape> reshaped_strides(const Shape& shape, const Shape& strides, const Shape& to) {
  // Source axes that can be walked with one stride, outermost first; extents of 1 say nothing.
  struct Run {
    int64_t extent, stride;
  };
  std::vector<Run> runs;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (!runs.empty() && runs.back().stride == strides[i] * shape[i])
      runs.back() = {runs.back().extent * shape[i], strides[i]};
    else
      runs.push_back({shape[i], strides[i]});
  }
  // Innermost first: every wanted axis must divide what is left of its run.
  Shape result(to.size(), 1);
  size_t run = runs.size();
  int64_t left = 1, stride = 1;
  for (size_t i = to.size(); i-- > 0;) {
    if (to[i] != 1 && left == 1) {
      if (run == 0) return std::nullopt;
      left = runs[--run].extent;
      stride = runs[run].stride;
    }
    result[i] = stride;
    if (to[i] == 1) continue;
    if (left % to[i] != 0) return std::nullopt;
    left /= to[i];
    stride *= to[i];
  }
  if (run != 0 || left != 1) return std::nullopt;
  if (!to.empty() && to.back() == 1) result.back() = 1;
  if (!to.empty() && result.back() != 1) return std::nullopt;
  return result;
}

}  // namespace stint::builder
