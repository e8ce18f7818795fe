// AffineGrid: places to sample an image at, after an affine map of its own places.
#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Place `i` of an axis in -1..1.
float place(int64_t i, int64_t extent, bool align_corners) {
  const auto at = static_cast<double>(i), n = static_cast<double>(extent);
  if (align_corners) return static_cast<float>(extent > 1 ? 2.0 * at / (n - 1.0) - 1.0 : 0.0);
  return static_cast<float>((2.0 * at + 1.0) / n - 1.0);
}

/// [1, places, axes + 1]: x, y, (z,) 1 of every place, the last axis of the image fastest.
HostTensor own_places(NodeTranslation& n, const Shape& extents, bool align_corners) {
  const auto count = checked_elements(extents);
  if (!count) n.fail("its size is not possible", kCheckModel);
  const size_t axes = extents.size();
  HostTensor t = room(n, DType::kF32, {1, *count, static_cast<int64_t>(axes) + 1});
  float* p = t.as<float>();
  for (int64_t k = 0; k < *count; ++k) {
    int64_t rest = k;
    for (size_t i = 0; i < axes; ++i) {  // x is the last axis
      const int64_t extent = extents[axes - 1 - i];
      *p++ = place(rest % extent, extent, align_corners);
      rest /= extent;
    }
    *p++ = 1.0f;
  }
  return t;
}

void translate_affine_grid(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const bool align_corners = n.integer("align_corners", 0) != 0;
  Shape size = n.constant_integers(1, "the size");
  const auto axes = static_cast<int64_t>(size.size()) - 2;
  if ((axes != 2 && axes != 3) || n.rank(0) != 3 || n.shape(0)[1] != axes ||
      n.shape(0)[2] != axes + 1)
    n.fail("maps " + shape_text(n.shape(0)) + " do not fit a size " + shape_text(size),
           kCheckModel);
  const Shape extents(size.begin() + 2, size.end());
  const DType dtype = n.dtype(0);
  const ValueId places = net.cast(net.constant(own_places(n, extents, align_corners)), dtype);
  const ValueId grid =
      net.add(Op::kMatMul, MatMulAttributes{}, {places, net.transpose(n.in(0), {0, 2, 1})});
  Shape result{n.shape(0)[0]};
  result.insert(result.end(), extents.begin(), extents.end());
  result.push_back(axes);
  n.bind(0, net.reshape(grid, result));
}

}  // namespace

const std::vector<OperatorEntry> kAffineGridOperators = {
    {"AffineGrid", 20, kNewestOpset, translate_affine_grid},
};

}  // namespace stint::builder
