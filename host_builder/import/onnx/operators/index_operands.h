// What operators that read or write single places of a tensor share: their operands, with the
// samples of a batch, and the places that constant indices name.
#pragma once

#include "host_builder/import/onnx/operators/at_build_time/known.h"

namespace stint::builder {

/// Product of the extents of some axes.
int64_t product(const Shape& shape, size_t first, size_t last);
/// Elements from one position of an axis to the next.
int64_t stride_of(const Shape& shape, size_t axis);

/// Row numbers as a constant.
ValueId positions(NetworkBuilder& net, const std::vector<int64_t>& rows);
std::vector<int64_t> listed(const HostTensor& t);

/// The number f(coordinates) for every element of a shape.
template <typename F>
HostTensor table(NodeTranslation& n, const Shape& shape, F&& f) {
  HostTensor t = room(n, DType::kI64, shape);
  const int64_t count = product(shape, 0, shape.size());
  spend(n, static_cast<double>(count) * static_cast<double>(shape.size() + 1));
  Shape at(shape.size(), 0);
  for (int64_t k = 0; k < count; ++k) {
    t.as<int64_t>()[k] = f(at);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
  return t;
}

/// The operands; with samples along their first axes, each of all samples.
struct Operands {
  ValueId data = kNoValue, indices = kNoValue, updates = kNoValue;

  explicit Operands(NodeTranslation& n) : data(n.in(0)), indices(n.in(1)) {
    if (n.has(2)) updates = n.in(2);
  }
};

/// Indices count inside of every sample while this lives: what comes of them has its samples along
/// the first axis too.
class PerSample {
 public:
  explicit PerSample(BatchAxis& batch) : batch_(batch) { batch_.pause(); }
  ~PerSample() { batch_.resume(); }
  PerSample(const PerSample&) = delete;
  PerSample& operator=(const PerSample&) = delete;

 private:
  BatchAxis& batch_;
};

/// Whether all samples lie along the operands' first axes and nowhere else. Those that have none
/// get a copy for every sample.
bool spread_samples(NodeTranslation& n, Operands& o);

/// Constant tuples that name the one sample of a batch of 1, for each sample of this one: their
/// first index, 0, becomes the sample's number. False: they are others.
bool name_samples(NodeTranslation& n, Operands& o);

/// Where the tuples of a GatherND or ScatterND lie: `depth` indices each, after `batch_dims` axes
/// that indices and data share.
struct Tuples {
  size_t batch_dims = 0, depth = 0;
  int64_t row = 1;  // elements that one tuple stands for
  Shape places;     // of the tuples: the indices' shape but for the last axis
};

Tuples tuples_of(const NodeTranslation& n, const Shape& x, const Shape& indices,
                 int64_t batch_dims);
/// Rows from one position of an axis to the next.
int64_t rows_between(const Tuples& t, const Shape& x, size_t axis);
/// Rows that a place's batch coordinates skip.
int64_t batch_rows(const Tuples& t, const Shape& x, const Shape& at);
/// The rows of the data that constant tuples name. Throws if one is outside.
std::vector<int64_t> constant_rows(NodeTranslation& n, const Tuples& t, const Shape& x,
                                   ValueId which);

/// The axis of GatherElements and ScatterElements.
size_t elements_axis(NodeTranslation& n);
/// Checks that the indices fit beside the axis.
void check_elements(const NodeTranslation& n, const Shape& x, const Shape& indices, size_t axis);
/// Offset of a place of the indices in the data, the one axis left out where the index counts.
int64_t offset_beside(const Shape& x, const Shape& at, size_t axis);
/// The elements of the data that constant indices name. Throws if one is outside.
std::vector<int64_t> constant_elements(NodeTranslation& n, const Operands& o, size_t axis);

}  // namespace stint::builder
