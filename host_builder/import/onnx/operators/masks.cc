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
  if (!count || static_cast<uint64_t>(*count) > n.network().limits().constant_bytes)
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
  NetworkBuilder& net = n.network();
  const ValueId kept = net.constant(DType::kBool, {rows, columns},
                                    flags(n, rows, columns, [&](int64_t r, int64_t c) {
                                      return upper ? c - r >= k : c - r <= k;
                                    }));
  n.bind(0, net.add(Op::kWhere, {}, {kept, n.in(0), net.scalar(n.dtype(0), 0.0)}));
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
  NetworkBuilder& net = n.network();
  const ValueId ones =
      net.constant(DType::kBool, {rows, columns},
                   flags(n, rows, columns, [&](int64_t r, int64_t c) { return c - r == k; }));
  n.bind(0, net.cast(ones, dtype));
}

/// `on` where the position along a new axis is the index, `off` elsewhere. Negative indices count
/// from the end; an index outside gives a row of `off`.
ValueId one_hot(NetworkBuilder& net, ValueId indices, int64_t axis, int64_t depth, ValueId on,
                ValueId off) {
  indices = net.cast(indices, DType::kI64);
  Shape shape = net.graph().value(indices).shape;
  const ValueId from_end =
      net.binary(EltOp::kAdd, indices, net.scalar(DType::kI64, static_cast<double>(depth)));
  const ValueId negative = net.binary(EltOp::kLess, indices, net.scalar(DType::kI64, 0.0));
  const ValueId position = net.add(Op::kWhere, {}, {negative, from_end, indices});
  const size_t inner = shape.size() - static_cast<size_t>(axis);
  shape.insert(shape.begin() + axis, 1);
  std::vector<int64_t> range(static_cast<size_t>(depth));
  std::iota(range.begin(), range.end(), 0);
  Shape along(inner + 1, 1);
  along[0] = depth;
  const ValueId hit = net.binary(EltOp::kEqual, net.reshape(position, shape),
                                 net.constant(DType::kI64, along, range));
  return net.add(Op::kWhere, {}, {hit, on, off});
}

void translate_one_hot(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const int64_t axis = normalize_axis(n.integer("axis", -1), n.rank(0) + 1, "axis");
  const auto depth = static_cast<int64_t>(n.constant_number(1, "the depth"));
  if (depth < 0 || n.rank(0) + 1 > static_cast<size_t>(kMaxRank) ||
      static_cast<uint64_t>(depth) > n.network().limits().constant_bytes / sizeof(int64_t))
    n.fail("a depth of " + std::to_string(depth) + " for indices " + shape_text(n.shape(0)) +
               " is not possible",
           kCheckModel);
  if (n.value(2).elements() != 2)
    n.fail("needs two values, off and on, they are " + shape_text(n.shape(2)), kCheckModel);
  const ValueId values = net.reshape(n.in(2), {2});
  const auto entry = [&](int64_t i) {
    return net.reshape(
        net.add(Op::kSlice, SliceAttributes{{i}, {1}}, {values}, {{n.dtype(2), {1}}}), {});
  };
  n.bind(0, one_hot(net, n.in(0), axis, depth, entry(1), entry(0)));
}

/// 1 at the first largest element along an axis, before opset 13 along all axes from there on.
void translate_hardmax(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const Shape x = n.shape(0);
  const int64_t axis = normalize_axis(n.integer("axis", n.opset() < 13 ? 1 : -1), x.size(), "axis");
  Shape shape = x;
  if (n.opset() < 13) {
    shape.resize(static_cast<size_t>(axis));
    shape.push_back(std::accumulate(x.begin() + axis, x.end(), int64_t{1}, std::multiplies<>()));
  }
  if (static_cast<uint64_t>(shape[static_cast<size_t>(axis)]) >
      net.limits().constant_bytes / sizeof(int64_t))
    n.fail("its axis exceeds the limit for constants", "build a smaller model");
  const ValueId largest = net.add(Op::kArgReduce, ArgReduceAttributes{true, axis, false, false},
                                  {net.reshape(n.in(0), shape)});
  const DType dtype = n.dtype(0);
  const ValueId hot = one_hot(net, largest, axis, shape[static_cast<size_t>(axis)],
                              net.scalar(dtype, 1.0), net.scalar(dtype, 0.0));
  n.bind(0, net.reshape(hot, x));
}

}  // namespace

const std::vector<OperatorEntry> kMaskOperators = {
    {"Trilu", 14, kNewestOpset, translate_trilu},
    {"EyeLike", 9, kNewestOpset, translate_eye_like},
    {"OneHot", 9, kNewestOpset, translate_one_hot},
    {"Hardmax", 1, kNewestOpset, translate_hardmax},
};

}  // namespace stint::builder
