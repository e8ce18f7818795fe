// Operators that read single places of a tensor: GatherND, GatherElements, Compress,
// ReverseSequence. All are one Gather of rows of the flattened tensor.
#include <optional>

#include "host_builder/import/onnx/operators/index_operands.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Rows of `row` elements of the flattened x, as `result`.
ValueId rows_of(NetworkBuilder& net, ValueId x, int64_t row, ValueId which, const Shape& result) {
  const int64_t count = row == 0 ? 0 : net.graph().value(x).elements() / row;
  const ValueId flat = net.reshape(x, {count, row});
  return net.reshape(net.add(Op::kGather, AxisAttributes{0}, {flat, which}), result);
}

/// An index that the network computes, counted from the start.
ValueId counted_from_start(NetworkBuilder& net, ValueId index, int64_t extent) {
  const ValueId from_end =
      net.binary(EltOp::kAdd, index, net.scalar(DType::kI64, static_cast<double>(extent)));
  const ValueId negative = net.binary(EltOp::kLess, index, net.scalar(DType::kI64, 0.0));
  return net.add(Op::kWhere, {}, {negative, from_end, index});
}

/// index * stride, in rows.
ValueId scaled(NetworkBuilder& net, ValueId index, int64_t stride) {
  if (stride == 1) return index;
  return net.binary(EltOp::kMul, index, net.scalar(DType::kI64, static_cast<double>(stride)));
}

ValueId computed_rows(NodeTranslation& n, const Tuples& t, const Shape& x, ValueId which) {
  NetworkBuilder& net = n.network();
  HostTensor batch = table(n, t.places, [&](const Shape& at) { return batch_rows(t, x, at); });
  const Shape flat{product(t.places, 0, t.places.size())};
  const Shape pairs{flat[0], static_cast<int64_t>(t.depth)};
  const ValueId tuples = net.reshape(which, pairs);
  batch.shape = flat;
  ValueId row = net.constant(std::move(batch));
  for (size_t d = 0; d < t.depth; ++d) {
    const size_t axis = t.batch_dims + d;
    const SliceAttributes column{{0, static_cast<int64_t>(d)}, {1, 1}};
    const ValueId index =
        net.reshape(net.add(Op::kSlice, column, {tuples}, {{DType::kI64, {flat[0], 1}}}), flat);
    row =
        net.binary(EltOp::kAdd, row,
                   scaled(net, counted_from_start(net, index, x[axis]), rows_between(t, x, axis)));
  }
  return row;
}

void translate_gather_nd(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const int64_t batch_dims = n.opset() >= 12 ? n.integer("batch_dims", 0) : 0;
  Operands o(n);
  std::optional<PerSample> per_sample;
  if (batch_dims > 0 ? spread_samples(n, o) : name_samples(n, o)) per_sample.emplace(net.batch());
  const Shape x = net.graph().value(o.data).shape;
  const Tuples t = tuples_of(n, x, net.graph().value(o.indices).shape, batch_dims);
  Shape result = t.places;
  result.insert(result.end(), x.begin() + static_cast<std::ptrdiff_t>(t.batch_dims + t.depth),
                x.end());
  const bool constant = net.graph().value(o.indices).is_constant();
  const ValueId which = constant ? positions(net, constant_rows(n, t, x, o.indices))
                                 : computed_rows(n, t, x, o.indices);
  const ValueId y = rows_of(net, o.data, t.row, which, result);
  if (per_sample) net.batch().mark(y, {});
  n.bind(0, y);
}

ValueId computed_elements(NodeTranslation& n, const Operands& o, size_t axis) {
  NetworkBuilder& net = n.network();
  const Shape& x = net.graph().value(o.data).shape;
  const Shape indices = net.graph().value(o.indices).shape;
  HostTensor beside =
      table(n, indices, [&](const Shape& at) { return offset_beside(x, at, axis); });
  const ValueId along = scaled(
      net, counted_from_start(net, net.cast(o.indices, DType::kI64), x[axis]), stride_of(x, axis));
  const ValueId which = net.binary(EltOp::kAdd, along, net.constant(std::move(beside)));
  return net.reshape(which, {product(indices, 0, indices.size())});
}

void translate_gather_elements(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const size_t axis = elements_axis(n);
  Operands o(n);
  std::optional<PerSample> per_sample;
  if (axis != 0 && spread_samples(n, o)) per_sample.emplace(net.batch());
  const Value& indices = net.graph().value(o.indices);
  check_elements(n, net.graph().value(o.data).shape, indices.shape, axis);
  const Shape result = indices.shape;
  const ValueId which = indices.is_constant() ? positions(net, constant_elements(n, o, axis))
                                              : computed_elements(n, o, axis);
  const ValueId y = rows_of(net, o.data, 1, which, result);
  if (per_sample) net.batch().mark(y, {});
  n.bind(0, y);
}

void translate_compress(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const bool flat = !n.has_attribute("axis");
  const ValueId x = flat ? net.reshape(n.in(0), {n.value(0).elements()}) : n.in(0);
  const Shape& shape = net.graph().value(x).shape;
  const int64_t axis = normalize_axis(n.integer("axis", 0), shape.size(), "axis");
  const auto condition = n.constant_numbers(1, "the condition");
  if (n.rank(1) != 1 || static_cast<int64_t>(condition.size()) > shape[static_cast<size_t>(axis)]) {
    n.fail("a condition " + shape_text(n.shape(1)) + " does not fit an axis of " +
               std::to_string(shape[static_cast<size_t>(axis)]) + " elements",
           kCheckModel);
  }
  std::vector<int64_t> chosen;
  for (size_t i = 0; i < condition.size(); ++i)
    if (condition[i] != 0.0) chosen.push_back(static_cast<int64_t>(i));
  n.bind(0, net.add(Op::kGather, AxisAttributes{axis}, {x, positions(net, chosen)}));
}

void translate_reverse_sequence(NodeTranslation& n) {
  const Shape x = n.shape(0);
  if (x.size() < 2) n.fail("needs rank 2 or more, its operand is " + shape_text(x), kCheckModel);
  const auto time = static_cast<size_t>(normalize_axis(n.integer("time_axis", 0), 2, "time_axis"));
  const auto batch =
      static_cast<size_t>(normalize_axis(n.integer("batch_axis", 1), 2, "batch_axis"));
  const auto lengths = n.constant_integers(1, "the lengths of the sequences");
  if (time == batch || static_cast<int64_t>(lengths.size()) != x[batch])
    n.fail("needs one length for each of " + std::to_string(x[batch]) + " sequences", kCheckModel);
  const HostTensor rows = table(n, {x[0], x[1]}, [&](const Shape& at) {
    const int64_t length = lengths[static_cast<size_t>(at[batch])];
    if (length < 0 || length > x[time])
      n.fail("a length of " + std::to_string(length) + " is not possible",
             "check the lengths of the sequences and export the model again");
    Shape from = at;
    if (at[time] < length) from[time] = length - 1 - at[time];
    return from[0] * x[1] + from[1];
  });
  NetworkBuilder& net = n.network();
  n.bind(0, rows_of(net, n.in(0), product(x, 2, x.size()), positions(net, listed(rows)), x));
}

}  // namespace

const std::vector<OperatorEntry> kGatherPlacesOperators = {
    {"GatherND", 11, kNewestOpset, translate_gather_nd},
    {"GatherElements", 11, kNewestOpset, translate_gather_elements},
    {"Compress", 9, kNewestOpset, translate_compress},
    {"ReverseSequence", 10, kNewestOpset, translate_reverse_sequence},
};

}  // namespace stint::builder
