// ScatterND and ScatterElements with constant indices. What fills a box of the tensor is a
// concatenation of what surrounds it; else a Gather chooses between the tensor and the updates
// behind it.
#include <algorithm>
#include <numeric>
#include <optional>

#include "host_builder/import/onnx/operators/index_operands.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// How an update meets what stands at its place.
struct Reduction {
  bool replaces = true;
  EltOp op = EltOp::kCopy;
};

Reduction reduction_of(NodeTranslation& n, int64_t since) {
  const std::string text = n.opset() >= since ? n.text("reduction", "none") : "none";
  if (text == "none") return {};
  if (text == "add") return {false, EltOp::kAdd};
  if (text == "mul") return {false, EltOp::kMul};
  if (text == "max") return {false, EltOp::kMax};
  if (text == "min") return {false, EltOp::kMin};
  n.fail("attribute 'reduction' is '" + text + "', needs none, add, mul, max or min", kCheckModel);
}

/// x with rows replaced: row targets[i] becomes row updates[i] of `updates`.
ValueId replace_rows(NodeTranslation& n, ValueId x, ValueId updates,
                     const std::vector<int64_t>& targets, const std::vector<int64_t>& sources) {
  NetworkBuilder& net = n.network();
  const int64_t count = net.graph().value(x).shape[0];
  HostTensor map = table(n, {count}, [](const Shape& at) { return at[0]; });
  for (size_t i = 0; i < targets.size(); ++i) map.as<int64_t>()[targets[i]] = count + sources[i];
  const ValueId both = net.add(Op::kConcat, AxisAttributes{0}, {x, updates});
  return net.add(Op::kGather, AxisAttributes{0}, {both, net.constant(std::move(map))});
}

/// More updates than this of one place would make as many steps.
constexpr size_t kMostUpdatesOfOnePlace = 64;

/// Which updates follow each other: each round meets every place at most once.
std::vector<std::vector<int64_t>> rounds_of(NodeTranslation& n, const std::vector<int64_t>& targets,
                                            int64_t places, bool replaces) {
  std::vector<std::vector<int64_t>> rounds;
  HostTensor seen = room(n, DType::kI64, {places});
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto round = static_cast<size_t>(replaces ? 0 : seen.as<int64_t>()[targets[i]]++);
    if (round >= kMostUpdatesOfOnePlace)
      n.fail("updates one place more than " + std::to_string(kMostUpdatesOfOnePlace) + " times",
             "reduce the updates before they are scattered");
    if (round == rounds.size()) rounds.emplace_back();
    rounds[round].push_back(static_cast<int64_t>(i));
  }
  return rounds;
}

/// Part of a tensor: along its leading axes, from begin to before end.
struct Box {
  Shape begin, end;

  bool covers(const Shape& x, size_t axis) const {
    return begin[axis] == 0 && end[axis] == x[axis];
  }
};

Shape coordinates(int64_t row, const Shape& extents) {
  Shape at(extents.size(), 0);
  for (size_t i = extents.size(); i-- > 0; row /= extents[i]) at[i] = row % extents[i];
  return at;
}

/// The box that the targets fill in order, if there is one. `extents`: of the axes they count.
std::optional<Box> filled_box(const std::vector<int64_t>& targets, const Shape& extents) {
  Box box{coordinates(targets.front(), extents), coordinates(targets.back(), extents)};
  Shape sizes;
  for (size_t i = 0; i < extents.size(); ++i) {
    if (++box.end[i] <= box.begin[i]) return std::nullopt;
    sizes.push_back(box.end[i] - box.begin[i]);
  }
  if (product(sizes, 0, sizes.size()) != static_cast<int64_t>(targets.size())) return std::nullopt;
  for (size_t k = 0; k < targets.size(); ++k) {
    const Shape at = coordinates(static_cast<int64_t>(k), sizes);
    int64_t row = 0;
    for (size_t i = 0; i < extents.size(); ++i) row = row * extents[i] + box.begin[i] + at[i];
    if (row != targets[k]) return std::nullopt;
  }
  return box;
}

ValueId part(NetworkBuilder& net, ValueId x, size_t axis, int64_t begin, int64_t end) {
  const Value& v = net.graph().value(x);
  Shape result = v.shape;
  if (begin == 0 && end == result[axis]) return x;
  result[axis] = end - begin;
  SliceAttributes a{std::vector<int64_t>(result.size(), 0), std::vector<int64_t>(result.size(), 1)};
  a.starts[axis] = begin;
  return net.add(Op::kSlice, std::move(a), {x}, {{v.dtype, result}});
}

ValueId box_of(NetworkBuilder& net, ValueId x, const Box& box) {
  for (size_t axis = 0; axis < box.begin.size(); ++axis)
    x = part(net, x, axis, box.begin[axis], box.end[axis]);
  return x;
}

/// x with its box replaced: what lies before and behind it along an axis, around the same for the
/// axes after.
ValueId replace_box(NetworkBuilder& net, ValueId x, ValueId updates, const Box& box, size_t axis) {
  const Shape shape = net.graph().value(x).shape;
  while (axis < box.begin.size() && box.covers(shape, axis)) ++axis;
  if (axis == box.begin.size()) return updates;
  const int64_t begin = box.begin[axis], end = box.end[axis];
  std::vector<ValueId> parts;
  if (begin > 0) parts.push_back(part(net, x, axis, 0, begin));
  parts.push_back(replace_box(net, part(net, x, axis, begin, end), updates, box, axis + 1));
  if (end < shape[axis]) parts.push_back(part(net, x, axis, end, shape[axis]));
  return net.add(Op::kConcat, AxisAttributes{static_cast<int64_t>(axis)}, parts);
}

/// Writes rows of the updates to rows of the data: `targets` count the places of its leading
/// `counted_axes`.
ValueId scatter(NodeTranslation& n, const Operands& o, size_t counted_axes,
                const std::vector<int64_t>& targets, const Reduction& reduction) {
  NetworkBuilder& net = n.network();
  const Graph& graph = net.graph();
  const Shape shape = graph.value(o.data).shape;
  const Shape counted(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(counted_axes));
  const int64_t row = product(shape, counted_axes, shape.size());
  if (graph.value(o.updates).dtype != graph.value(o.data).dtype)
    n.fail("data and updates differ in type", "cast one of them");
  const auto updated = static_cast<int64_t>(targets.size());
  if (graph.value(o.updates).elements() != updated * row)
    n.fail("updates " + shape_text(graph.value(o.updates).shape) + " do not fit the indices " +
               shape_text(graph.value(o.indices).shape),
           kCheckModel);
  if (row == 0 || targets.empty()) return o.data;
  if (const auto box = filled_box(targets, counted)) {
    Shape size = shape;
    for (size_t i = 0; i < counted.size(); ++i) size[i] = box->end[i] - box->begin[i];
    ValueId updates = net.reshape(o.updates, size);
    if (!reduction.replaces) updates = net.binary(reduction.op, box_of(net, o.data, *box), updates);
    return replace_box(net, o.data, updates, *box, 0);
  }
  const int64_t places = graph.value(o.data).elements() / row;
  ValueId x = net.reshape(o.data, {places, row});
  const ValueId updates = net.reshape(o.updates, {updated, row});
  const auto taken = [&](ValueId from, const std::vector<int64_t>& which) {
    return net.add(Op::kGather, AxisAttributes{0}, {from, positions(net, which)});
  };
  for (const auto& round : rounds_of(n, targets, places, reduction.replaces)) {
    std::vector<int64_t> to;
    for (int64_t i : round) to.push_back(targets[static_cast<size_t>(i)]);
    if (reduction.replaces) {
      x = replace_rows(n, x, updates, to, round);
      continue;
    }
    const ValueId met = net.binary(reduction.op, taken(x, to), taken(updates, round));
    std::vector<int64_t> in_order(round.size());
    std::iota(in_order.begin(), in_order.end(), 0);
    x = replace_rows(n, x, met, to, in_order);
  }
  return net.reshape(x, shape);
}

void translate_scatter_nd(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  Operands o(n);
  n.in(2);
  std::optional<PerSample> per_sample;
  if (name_samples(n, o)) per_sample.emplace(net.batch());
  const Shape x = net.graph().value(o.data).shape;
  const Tuples t = tuples_of(n, x, net.graph().value(o.indices).shape, 0);
  const ValueId y = scatter(n, o, t.depth, constant_rows(n, t, x, o.indices), reduction_of(n, 16));
  if (per_sample) net.batch().mark(y, {});
  n.bind(0, y);
}

void translate_scatter_elements(NodeTranslation& n) {
  NetworkBuilder& net = n.network();
  const size_t axis = elements_axis(n);
  Operands o(n);
  n.in(2);
  std::optional<PerSample> per_sample;
  if (axis != 0 && spread_samples(n, o)) per_sample.emplace(net.batch());
  const Shape& indices = net.graph().value(o.indices).shape;
  check_elements(n, net.graph().value(o.data).shape, indices, axis);
  if (indices != net.graph().value(o.updates).shape)
    n.fail("updates " + shape_text(net.graph().value(o.updates).shape) +
               " do not fit the indices " + shape_text(indices),
           kCheckModel);
  const ValueId y = scatter(n, o, n.rank(0), constant_elements(n, o, axis), reduction_of(n, 16));
  if (per_sample) net.batch().mark(y, {});
  n.bind(0, y);
}

}  // namespace

const std::vector<OperatorEntry> kScatterOperators = {
    {"ScatterND", 11, kNewestOpset, translate_scatter_nd},
    {"ScatterElements", 11, kNewestOpset, translate_scatter_elements},
    {"Scatter", 9, 10, translate_scatter_elements},
};

}  // namespace stint::builder
