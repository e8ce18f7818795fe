// Operations that move data without computing.
#include <algorithm>

#include "host_builder/graph/inference_context.h"

namespace stint::builder {

using Types = std::vector<TensorType>;

Types infer_reshape(const InferenceContext& c) {
  c.operand_count(1, 1);
  const Shape& wanted = c.declared_output().shape;
  c.require(checked_elements(wanted) == c.in(0).elements(),
            shape_text(c.shape(0)) + " cannot be reshaped to " + shape_text(wanted) +
                ": element counts differ");
  return {{c.dtype(0), wanted}};
}

Types infer_transpose(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& perm = c.as<TransposeAttributes>().perm;
  std::vector<bool> seen(c.rank(0), false);
  c.require(perm.size() == c.rank(0), "the permutation has " + std::to_string(perm.size()) +
                                          " axes, the operand " + std::to_string(c.rank(0)));
  Shape result;
  for (int64_t axis : perm) {
    c.require(axis >= 0 && axis < static_cast<int64_t>(seen.size()) && !seen[axis],
              shape_text(perm) + " is not a permutation");
    seen[axis] = true;
    result.push_back(c.shape(0)[axis]);
  }
  return {{c.dtype(0), result}};
}

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
  c.operand_count(1, 1);
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
  c.operand_count(1, 1);
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

Types infer_gather(const InferenceContext& c) {
  c.operand_count(2, 2);
  c.require(c.dtype(1) == DType::kI64 || c.dtype(1) == DType::kI32,
            "indices must be i32 or i64, they are " + std::string(dtype_name(c.dtype(1))));
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, c.rank(0), "axis");
  Shape result(c.shape(0).begin(), c.shape(0).begin() + axis);
  result.insert(result.end(), c.shape(1).begin(), c.shape(1).end());
  result.insert(result.end(), c.shape(0).begin() + axis + 1, c.shape(0).end());
  return {{c.dtype(0), result}};
}

Types infer_expand(const InferenceContext& c) {
  c.operand_count(1, 1);
  const Shape& wanted = c.declared_output().shape;
  c.require(broadcast_shapes(c.shape(0), wanted) == wanted,
            shape_text(c.shape(0)) + " cannot be expanded to " + shape_text(wanted));
  return {{c.dtype(0), wanted}};
}

Types infer_tile(const InferenceContext& c) {
  c.operand_count(1, 1);
  const Shape& wanted = c.declared_output().shape;
  c.require(wanted.size() == c.rank(0), "the result must have the operand's rank");
  for (size_t i = 0; i < wanted.size(); ++i) {
    const int64_t extent = c.shape(0)[i];
    c.require(wanted[i] >= 0 && (extent == 0 ? wanted[i] == 0 : wanted[i] % extent == 0),
              shape_text(c.shape(0)) + " cannot be tiled to " + shape_text(wanted));
  }
  return {{c.dtype(0), wanted}};
}

}  // namespace stint::builder
