#include "host_builder/import/onnx/operators/index_operands.h"

#include <algorithm>
#include <numeric>

namespace stint::builder {
namespace {

/// Indices that are known, as they are written.
std::vector<int64_t> constant_indices(NodeTranslation& n, ValueId id) {
  const Value& v = n.network().graph().value(id);
  if (!v.is_constant())
    n.fail("its indices ('" + v.name +
               "') depend on the model's inputs, and where it writes must be known at build time",
           "choose with Where, or make the indices an initializer");
  const ValueId wide = n.network().cast(id, DType::kI64);
  const Value& w = n.network().graph().value(wide);
  if (!w.is_constant())
    n.fail("its indices exceed what may be computed at build time", "store them as int64");
  const auto* p = reinterpret_cast<const int64_t*>(w.constant->data());
  return {p, p + w.elements()};
}

/// An index counted from the start. Throws if it is outside.
int64_t counted_from_start(const NodeTranslation& n, int64_t index, int64_t extent) {
  if (index < -extent || index >= extent)
    n.fail("index " + std::to_string(index) + " is outside an axis of extent " +
               std::to_string(extent),
           "check the indices in the model and export it again");
  return index < 0 ? index + extent : index;
}

}  // namespace

int64_t product(const Shape& shape, size_t first, size_t last) {
  return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(first),
                         shape.begin() + static_cast<std::ptrdiff_t>(last), int64_t{1},
                         std::multiplies<>());
}

int64_t stride_of(const Shape& shape, size_t axis) {
  return product(shape, axis + 1, shape.size());
}

ValueId positions(NetworkBuilder& net, const std::vector<int64_t>& rows) {
  return net.constant(DType::kI64, {static_cast<int64_t>(rows.size())}, rows);
}

std::vector<int64_t> listed(const HostTensor& t) {
  const auto* p = t.as<int64_t>();
  return {p, p + t.data.size() / sizeof(int64_t)};
}

bool spread_samples(NodeTranslation& n, Operands& o) {
  NetworkBuilder& net = n.network();
  if (!net.batch().on()) return false;
  bool any = false;
  for (ValueId id : {o.data, o.indices, o.updates}) {
    if (id == kNoValue || !net.batch().carries(id)) continue;
    any = true;
    if (net.batch().place(id) != BatchPlace{})
      return false;  // the rules of the parts see what it is
  }
  if (!any) return false;
  for (ValueId* id : {&o.data, &o.indices, &o.updates}) {
    if (*id == kNoValue) continue;
    *id = net.repeated_for_batch(*id, {});
    const Shape& shape = net.graph().value(*id).shape;
    if (shape.empty() || shape[0] != net.graph().batch) {
      net.batch().lose("its operand " + shape_text(shape) + " has no axis for the samples", {});
      return false;
    }
  }
  return true;
}

bool name_samples(NodeTranslation& n, Operands& o) {
  NetworkBuilder& net = n.network();
  const Value& indices = net.graph().value(o.indices);
  if (!net.batch().on() || !indices.is_constant() || indices.dtype != DType::kI64 ||
      indices.shape.size() < 2 || indices.shape[0] != 1 || indices.shape.back() < 1)
    return false;
  const auto depth = static_cast<size_t>(indices.shape.back());
  const auto* p = reinterpret_cast<const int64_t*>(indices.constant->data());
  const std::vector<int64_t> once(p, p + indices.elements());
  for (size_t i = 0; i < once.size(); i += depth)
    if (once[i] != 0 && once[i] != -1) return false;
  Operands spread = o;
  spread.indices = kNoValue;
  if (!spread_samples(n, spread)) return false;
  std::vector<int64_t> all;
  for (int64_t sample = 0; sample < net.graph().batch; ++sample) {
    for (size_t i = 0; i < once.size(); ++i) all.push_back(i % depth == 0 ? sample : once[i]);
  }
  Shape shape = indices.shape;
  shape[0] = net.graph().batch;
  spread.indices = net.constant(DType::kI64, shape, all);
  o = spread;
  return true;
}

Tuples tuples_of(const NodeTranslation& n, const Shape& x, const Shape& indices,
                 int64_t batch_dims) {
  Tuples t;
  if (indices.empty() || x.empty()) n.fail("needs data and indices of rank 1 or more", kCheckModel);
  const int64_t depth = indices.back();
  if (batch_dims < 0 || depth < 1 || batch_dims + depth > static_cast<int64_t>(x.size()) ||
      batch_dims >= static_cast<int64_t>(indices.size()) ||
      !std::equal(x.begin(), x.begin() + batch_dims, indices.begin())) {
    n.fail("indices " + shape_text(indices) + " with " + std::to_string(batch_dims) +
               " batch axes do not fit data " + shape_text(x),
           kCheckModel);
  }
  t.batch_dims = static_cast<size_t>(batch_dims);
  t.depth = static_cast<size_t>(depth);
  t.row = product(x, t.batch_dims + t.depth, x.size());
  t.places.assign(indices.begin(), indices.end() - 1);
  return t;
}

int64_t rows_between(const Tuples& t, const Shape& x, size_t axis) {
  return product(x, axis + 1, t.batch_dims + t.depth);
}

int64_t batch_rows(const Tuples& t, const Shape& x, const Shape& at) {
  int64_t row = 0;
  for (size_t b = 0; b < t.batch_dims; ++b) row += at[b] * rows_between(t, x, b);
  return row;
}

std::vector<int64_t> constant_rows(NodeTranslation& n, const Tuples& t, const Shape& x,
                                   ValueId which) {
  const auto indices = constant_indices(n, which);
  const int64_t* tuple = indices.data();
  const HostTensor rows = table(n, t.places, [&](const Shape& at) {
    int64_t row = batch_rows(t, x, at);
    for (size_t d = 0; d < t.depth; ++d, ++tuple) {
      const size_t axis = t.batch_dims + d;
      row += counted_from_start(n, *tuple, x[axis]) * rows_between(t, x, axis);
    }
    return row;
  });
  return listed(rows);
}

size_t elements_axis(NodeTranslation& n) {
  return static_cast<size_t>(normalize_axis(n.integer("axis", 0), n.rank(0), "axis"));
}

void check_elements(const NodeTranslation& n, const Shape& x, const Shape& indices, size_t axis) {
  bool fits = indices.size() == x.size();
  for (size_t a = 0; fits && a < x.size(); ++a) fits = a == axis || indices[a] <= x[a];
  if (!fits)
    n.fail("indices " + shape_text(indices) + " do not fit data " + shape_text(x), kCheckModel);
}

int64_t offset_beside(const Shape& x, const Shape& at, size_t axis) {
  int64_t offset = 0;
  for (size_t a = 0; a < at.size(); ++a)
    if (a != axis) offset += at[a] * stride_of(x, a);
  return offset;
}

std::vector<int64_t> constant_elements(NodeTranslation& n, const Operands& o, size_t axis) {
  const auto indices = constant_indices(n, o.indices);
  const Shape& x = n.network().graph().value(o.data).shape;
  const int64_t* index = indices.data();
  return listed(table(n, n.network().graph().value(o.indices).shape, [&](const Shape& at) {
    return offset_beside(x, at, axis) +
           counted_from_start(n, *index++, x[axis]) * stride_of(x, axis);
  }));
}

}  // namespace stint::builder
