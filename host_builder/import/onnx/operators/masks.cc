// Operators that choose by position: triangles, identities and one-hot rows. Their masks are
// constants where positions are, and choose with Where.
#include <algorithm>
#include <numeric>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

/// Row-major flags chosen(row, column).
template <typename F>
std::vector<uint8_t> flags(NodeTranslation& n, int64_t rows, int64_t columns, F&& chosen) {
  const auto count = checked_elements({rows, columns});
  if (!count || static_cast<uint64_t>(*count) > n.emitter().limits().constant_bytes)
    n.fail("its matrix " + shape_text({rows, columns}) + " exceeds the limit for constants",
           "build a smaller model");
  std::vector<uint8_t> result(static_cast<size_t>(*count));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c)
      result[static_cast<size_t>(r * columns + c)] = chosen(r, c) ? 1 : 0;
  }
  return result;
}

void translate_trilu(NodeTranslation& n) {
  const bool upper = n.integer("upper", 1) != 0;
  if (n.rank(0) < 2)
    n.fail("needs matrices, its operand is " + shape_text(n.shape(0)), kCheckModel);
  const int64_t rows = n.shape(0)[n.rank(0) - 2], columns = n.shape(0)[n.rank(0) - 1];
  int64_t k = n.has(1) ? n.constant_integer(1, "the diagonal") : 0;
  k = std::clamp(k, -rows - 1, columns + 1);  // beyond, every diagonal means the same
  GraphEmitter& e = n.emitter();
  const ValueId kept =
      e.constant(DType::kBool, {rows, columns}, flags(n, rows, columns, [&](int64_t r, int64_t c) {
                   return upper ? c - r >= k : c - r <= k;
                 }));
  n.bind(0, e.emit(Op::kWhere, {}, {kept, n.in(0), e.scalar(n.dtype(0), 0.0)}));
}

/// Only the operand's shape matters.
void translate_eye_like(NodeTranslation& n) {
  if (n.rank(0) != 2)
    n.fail("needs a matrix, its operand is " + shape_text(n.shape(0)), kCheckModel);
  DType dtype = n.dtype(0);
  if (n.has_attribute("dtype")) {
    const auto to = static_cast<int32_t>(n.integer("dtype", 0));
    const auto wanted = dtype_from_onnx(to);
    if (!wanted)
      n.fail("of type " + onnx_type_name(to) + " is not supported",
             "export the model with type float");
    dtype = *wanted;
  }
  const int64_t k = n.integer("k", 0), rows = n.shape(0)[0], columns = n.shape(0)[1];
  GraphEmitter& e = n.emitter();
  const ValueId ones =
      e.constant(DType::kBool, {rows, columns},
                 flags(n, rows, columns, [&](int64_t r, int64_t c) { return c - r == k; }));
  n.bind(0, e.cast(ones, dtype));
}

/// `on` where the position along a new axis is the index, `off` elsewhere. Negative indices count
/// from the end; an index outside gives a row of `off`.
ValueId one_hot(GraphEmitter& e, ValueId indices, int64_t axis, int64_t depth, ValueId on,
                ValueId off) {
  indices = e.cast(indices, DType::kI64);
  Shape shape = e.graph().value(indices).shape;
  const ValueId from_end =
      e.binary(EltOp::kAdd, indices, e.scalar(DType::kI64, static_cast<double>(depth)));
  const ValueId negative = e.binary(EltOp::kLess, indices, e.scalar(DType::kI64, 0.0));
  const ValueId position = e.emit(Op::kWhere, {}, {negative, from_end, indices});
  const size_t inner = shape.size() - static_cast<size_t>(axis);
  shape.insert(shape.begin() + axis, 1);
  std::vector<int64_t> range(static_cast<size_t>(depth));
  std::iota(range.begin(), range.end(), 0);
  Shape along(inner + 1, 1);
  along[0] = depth;
  const ValueId hit =
      e.binary(EltOp::kEqual, e.reshape(position, shape), e.constant(DType::kI64, along, range));
  return e.emit(Op::kWhere, {}, {hit, on, off});
}

void translate_one_hot(NodeTranslation& n) {
  GraphEmitter& e = n.emitter();
  const int64_t axis = normalize_axis(n.integer("axis", -1), n.rank(0) + 1, "axis");
  const auto depth = static_cast<int64_t>(n.constant_number(1, "the depth"));
  if (depth < 0 || n.rank(0) + 1 > static_cast<size_t>(kMaxRank) ||
      static_cast<uint64_t>(depth) > n.emitter().limits().constant_bytes / sizeof(int64_t))
    n.fail("a depth of " + std::to_string(depth) + " for indices " + shape_text(n.shape(0)) +
               " is not possible",
           kCheckModel);
  if (n.value(2).elements() != 2)
    n.fail("needs two values, off and on, they are " + shape_text(n.shape(2)), kCheckModel);
  const ValueId values = e.reshape(n.in(2), {2});
  const auto entry = [&](int64_t i) {
    return e.reshape(e.emit(Op::kSlice, SliceAttributes{{i}, {1}}, {values}, {{n.dtype(2), {1}}}),
                     {});
  };
  n.bind(0, one_hot(e, n.in(0), axis, depth, entry(1), entry(0)));
}

/// 1 at the first largest element along an axis, before opset 13 along all axes from there on.
void translate_hardmax(NodeTranslation& n) {
  GraphEmitter& e = n.emitter();
  const Shape x = n.shape(0);
  const int64_t axis = normalize_axis(n.integer("axis", n.opset() < 13 ? 1 : -1), x.size(), "axis");
  Shape shape = x;
  if (n.opset() < 13) {
    shape.resize(static_cast<size_t>(axis));
    shape.push_back(std::accumulate(x.begin() + axis, x.end(), int64_t{1}, std::multiplies<>()));
  }
  if (static_cast<uint64_t>(shape[static_cast<size_t>(axis)]) >
      e.limits().constant_bytes / sizeof(int64_t))
    n.fail("its axis exceeds the limit for constants", "build a smaller model");
  const ValueId largest = e.emit(Op::kArgReduce, ArgReduceAttributes{true, axis, false, false},
                                 {e.reshape(n.in(0), shape)});
  const DType dtype = n.dtype(0);
  const ValueId hot = one_hot(e, largest, axis, shape[static_cast<size_t>(axis)],
                              e.scalar(dtype, 1.0), e.scalar(dtype, 0.0));
  n.bind(0, e.reshape(hot, x));
}

}  // namespace

const std::vector<OperatorEntry> kMaskOperators = {
    {"Trilu", 14, kNewestOpset, translate_trilu},
    {"EyeLike", 9, kNewestOpset, translate_eye_like},
    {"OneHot", 9, kNewestOpset, translate_one_hot},
    {"Hardmax", 1, kNewestOpset, translate_hardmax},
};

}  // namespace stint::builder
