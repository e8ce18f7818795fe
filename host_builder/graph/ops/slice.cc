// Parts of tensors, and tensors of parts.
#include <algorithm>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_concat(const InferenceContext& c) {
  c.require(!c.inputs.empty(), "nothing to concatenate");
  Shape result = c.shape(0);
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, result.size(), "axis");
  for (size_t i = 1; i < c.inputs.size(); ++i) {
    c.same_dtype(0, i);
    Shape other = c.shape(i);
    c.require(other.size() == result.size(), "operands " + shape_text(c.shape(0)) + " and " +
                                                 shape_text(other) + " differ in rank");
    const int64_t extent = other[axis];
    other[axis] = result[axis];
    c.require(other == result, "operands " + shape_text(c.shape(0)) + " and " +
                                   shape_text(c.shape(i)) + " differ outside axis " +
                                   std::to_string(axis));
    result[axis] +=
        extent;  // both at most kMaxElements, and so is every partial sum: see the check below
    c.require(result[axis] <= kMaxElements,
              "axis " + std::to_string(axis) + " of the result is too long");
  }
  return {{c.dtype(0), result}};
}

Types infer_slice(const InferenceContext& c) {
  const auto& attributes = c.as<SliceAttributes>();
  const Shape& wanted = c.declared_output().shape;
  const size_t rank = c.rank(0);
  c.require(
      wanted.size() == rank && attributes.starts.size() == rank && attributes.steps.size() == rank,
      "starts, steps and the result need one entry for each of " + std::to_string(rank) + " axes");
  for (size_t i = 0; i < rank; ++i) {
    const int64_t extent = c.shape(0)[i], start = attributes.starts[i], step = attributes.steps[i],
                  count = wanted[i];
    c.require(step != 0, "the step of axis " + std::to_string(i) + " is 0");
    c.require(count >= 0 && count <= extent,
              "axis " + std::to_string(i) + " has " + std::to_string(extent) +
                  " elements, the slice wants " + std::to_string(count));
    if (count == 0) continue;
    // With one element the step does not matter; otherwise a step beyond the extent cannot fit.
    c.require(start >= 0 && start < extent && (count == 1 || (step <= extent && step >= -extent)),
              "axis " + std::to_string(i) + " is sliced outside its " + std::to_string(extent) +
                  " elements");
    const int64_t last = count == 1 ? start : start + (count - 1) * step;
    c.require(last >= 0 && last < extent, "axis " + std::to_string(i) + " is sliced outside its " +
                                              std::to_string(extent) + " elements");
  }
  return {{c.dtype(0), wanted}};
}

Types infer_pad(const InferenceContext& c) {
  const auto& attributes = c.as<PadAttributes>();
  const size_t rank = c.rank(0);
  c.require(attributes.begin.size() == rank && attributes.end.size() == rank,
            "pads need one begin and one end for each of " + std::to_string(rank) + " axes");
  Shape result = c.shape(0);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t begin = attributes.begin[i], end = attributes.end[i], extent = result[i];
    c.require(begin >= -kMaxElements && begin <= kMaxElements && end >= -kMaxElements &&
                  end <= kMaxElements,
              "padding of axis " + std::to_string(i) + " is out of range");
    result[i] += begin + end;
    c.require(result[i] >= 0 && -begin <= extent && -end <= extent,
              "negative padding removes more than axis " + std::to_string(i) + " has");
    if (attributes.mode == PadMode::kReflect) {
      c.require(begin < extent && end < extent && (extent > 0 || result[i] == 0),
                "reflection of axis " + std::to_string(i) + " needs padding below its extent " +
                    std::to_string(extent));
    }
    if (attributes.mode == PadMode::kEdge || attributes.mode == PadMode::kWrap) {
      c.require(extent > 0 || result[i] == 0,
                "axis " + std::to_string(i) + " is empty: there is no edge to repeat");
    }
  }
  return {{c.dtype(0), result}};
}

std::string print_slice(const Attributes& attributes) {
  const auto& a = std::get<SliceAttributes>(attributes);
  return Words().list("starts", a.starts).list_unless("steps", a.steps, 1).text();
}

std::string print_pad(const Attributes& attributes) {
  static constexpr const char* kModes[] = {"constant", "reflect", "edge", "wrap"};
  const auto& a = std::get<PadAttributes>(attributes);
  Words w;
  w.add("mode", kModes[static_cast<int>(a.mode)]).list("begin", a.begin).list("end", a.end);
  if (a.mode == PadMode::kConstant) w.add("value", a.value);
  return w.text();
}

std::optional<Permutation> sink_slice(const Graph&, Node& node, const Permutation& perm) {
  auto& a = node.as<SliceAttributes>();
  a.starts = unpermuted(a.starts, perm);
  a.steps = unpermuted(a.steps, perm);
  return perm;
}

std::optional<Permutation> sink_pad(const Graph&, Node& node, const Permutation& perm) {
  auto& a = node.as<PadAttributes>();
  a.begin = unpermuted(a.begin, perm);
  a.end = unpermuted(a.end, perm);
  return perm;
}

MovedSamples move_concat(const BatchMove& m) {
  const BatchPlace at = m.operands[0].place;
  const bool beside = at.axis != from_front(m.node.as<AxisAttributes>().axis, m.in(0).size());
  for (const BatchMove::Operand& operand : m.operands) {
    if (operand.place.axis != at.axis || operand.place.inner != at.inner)
      return LostSamples{"samples lie along different axes of its operands"};
  }
  if (!beside && m.operands.size() != m.node.inputs.size())
    return LostSamples{"it puts what belongs to no sample behind the samples of " +
                       axis_text(at.axis)};
  return at;
}

MovedSamples move_slice(const BatchMove& m, const BatchPlace& at) {
  const auto& a = m.node.as<SliceAttributes>();
  const int64_t extent = m.in(0)[at.axis], count = m.out()[at.axis];
  const int64_t start = a.starts[at.axis], step = a.steps[at.axis];
  const int64_t whole = m.graph.batch * at.inner;  // all samples once
  const bool keeps_all = count > 0 && (step == 1 || count == 1) && start % whole == 0 &&
                         count % whole == 0 && count <= extent;
  if (!keeps_all)
    return LostSamples{"it takes a part of " + axis_text(at.axis) + ", which holds the samples"};
  return at;
}

MovedSamples move_pad(const BatchMove& m, const BatchPlace& at) {
  const auto& a = m.node.as<PadAttributes>();
  return kept_unless(a.begin[at.axis] != 0 || a.end[at.axis] != 0, at);
}

}  // namespace

constinit const OpDef ops::kConcat = {
    .name = "Concat",
    .arity = {1, Arity::kAny, 1, 1},
    .has_its_attributes = has<AxisAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_concat,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::of_any(move_concat),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_axis,
};

constinit const OpDef ops::kSlice = {
    .name = "Slice",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<SliceAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_slice,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_slice),
    .batch = BatchRule::of_first(move_slice),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_slice,
};

constinit const OpDef ops::kPad = {
    .name = "Pad",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<PadAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_pad,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_pad),
    .batch = BatchRule::of_first(move_pad),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_pad,
};

}  // namespace stint::builder
