#include "host_builder/graph/shape_inference.h"

#include <algorithm>

#include "host_builder/graph/inference_context.h"

namespace stint::builder {
namespace {

using Types = std::vector<TensorType>;

bool is_comparison(EltOp op) {
  switch (op) {
    case EltOp::kEqual:
    case EltOp::kLess:
    case EltOp::kLessOrEqual:
    case EltOp::kGreater:
    case EltOp::kGreaterOrEqual:
      return true;
    default:
      return false;
  }
}

Types same_as_input(const InferenceContext& c) { return {{c.dtype(0), c.shape(0)}}; }

Types infer_unary(const InferenceContext& c) {
  c.operand_count(1, 1);
  const EltOp op = c.as<UnaryAttributes>().op;
  const bool to_bool = op == EltOp::kIsNan || op == EltOp::kIsInf;
  return {{to_bool ? DType::kBool : c.dtype(0), c.shape(0)}};
}

Types infer_binary(const InferenceContext& c) {
  c.operand_count(2, 2);
  c.same_dtype(0, 1);
  const DType dtype = is_comparison(c.as<BinaryAttributes>().op) ? DType::kBool : c.dtype(0);
  return {{dtype, broadcast_shapes(c.shape(0), c.shape(1))}};
}

Types infer_where(const InferenceContext& c) {
  c.operand_count(3, 3);
  c.same_dtype(1, 2);
  c.require(c.dtype(0) == DType::kBool,
            "the condition must be bool, it is " + std::string(dtype_name(c.dtype(0))));
  return {{c.dtype(1), broadcast_shapes(c.shape(0), broadcast_shapes(c.shape(1), c.shape(2)))}};
}

Types infer_pointwise(const InferenceContext& c) {
  c.require(!c.inputs.empty(), "a pointwise program needs operands");
  const auto& program = c.as<PointwiseAttributes>().program;
  c.require(!program.empty(), "the pointwise program is empty");
  Shape shape = c.shape(0);
  for (size_t i = 1; i < c.inputs.size(); ++i) shape = broadcast_shapes(shape, c.shape(i));
  for (size_t i = 0; i < program.size(); ++i) {
    const size_t known = c.inputs.size() + i;
    const auto arity = static_cast<uint8_t>(program[i].op);
    c.require(
        program[i].a < known && (arity < 64 || program[i].b < known) &&
            (arity < 96 || program[i].c < known),
        "instruction " + std::to_string(i) + " of the pointwise program reads a later result");
  }
  return {{c.declared.empty() ? DType::kF32 : c.declared[0].dtype, shape}};
}

Types infer_matmul(const InferenceContext& c) {
  c.operand_count(2, 4);
  c.same_dtype(0, 1);
  Shape a = c.shape(0), b = c.shape(1);
  c.require(!a.empty() && !b.empty(),
            "matrix product of a scalar: both operands need rank 1 or more");
  const bool a_vector = a.size() == 1, b_vector = b.size() == 1;
  if (a_vector) a.insert(a.begin(), 1);
  if (b_vector) b.push_back(1);
  const int64_t m = a[a.size() - 2], k = a.back(), n = b.back();
  c.require(b[b.size() - 2] == k,
            "inner extents differ: " + shape_text(c.shape(0)) + " times " + shape_text(c.shape(1)));
  Shape result = broadcast_shapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!a_vector) result.push_back(m);
  if (!b_vector) result.push_back(n);
  if (c.has(2)) {
    c.require(c.in(2).elements() == n, "bias has " + std::to_string(c.in(2).elements()) +
                                           " elements, the product has " + std::to_string(n) +
                                           " columns");
  }
  if (c.has(3))
    c.require(c.shape(3) == result,
              "residual is " + shape_text(c.shape(3)) + ", the product is " + shape_text(result));
  return {{c.dtype(0), result}};
}

Types infer_reduce(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& attributes = c.as<ReduceAttributes>();
  std::vector<bool> reduced(c.rank(0), false);
  for (int64_t axis : attributes.axes) reduced[normalize_axis(axis, c.rank(0), "axis")] = true;
  Shape result;
  for (size_t i = 0; i < c.rank(0); ++i) {
    if (!reduced[i])
      result.push_back(c.shape(0)[i]);
    else if (attributes.keep_dims)
      result.push_back(1);
  }
  return {{c.dtype(0), result}};
}

Types infer_arg_reduce(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& attributes = c.as<ArgReduceAttributes>();
  Shape result = c.shape(0);
  const int64_t axis = normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(result[axis] > 0,
            "axis " + std::to_string(axis) + " of " + shape_text(result) + " is empty");
  if (attributes.keep_dims)
    result[axis] = 1;
  else
    result.erase(result.begin() + axis);
  return {{DType::kI64, result}};
}

Types infer_top_k(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& attributes = c.as<TopKAttributes>();
  const Shape& wanted = c.declared_output().shape;
  const int64_t axis = normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(wanted.size() == c.rank(0), "the result must have the operand's rank");
  Shape result = c.shape(0);
  c.require(
      wanted[axis] >= 0 && wanted[axis] <= result[axis],
      "k is " + std::to_string(wanted[axis]) + ", the axis has " + std::to_string(result[axis]));
  result[axis] = wanted[axis];
  return {{c.dtype(0), result}, {DType::kI64, result}};
}

Types infer_softmax(const InferenceContext& c) {
  c.operand_count(1, 1);
  normalize_axis(c.as<SoftmaxAttributes>().axis, c.rank(0), "axis");
  return same_as_input(c);
}

Types infer_channel_norm(const InferenceContext& c) {
  const size_t count = c.op == Op::kBatchNorm ? 5 : 3;
  c.operand_count(count, count);
  c.require(c.rank(0) >= 2, "needs an operand of rank 2 or more, it is " + shape_text(c.shape(0)));
  const int64_t channels = c.shape(0)[c.channel_axis(c.rank(0))];
  for (size_t i = 1; i < count; ++i) {
    c.require(c.in(i).elements() == channels,
              "operand " + std::to_string(i) + " is " + shape_text(c.shape(i)) +
                  ", needs one element for each of " + std::to_string(channels) + " channels");
  }
  return same_as_input(c);
}

Types infer_layer_norm(const InferenceContext& c) {
  c.operand_count(2, 3);
  const int64_t axis = normalize_axis(c.as<NormAttributes>().axis, c.rank(0), "axis");
  const Shape normalized(c.shape(0).begin() + axis, c.shape(0).end());
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has(i)) continue;
    c.require(broadcast_shapes(normalized, c.shape(i)) == normalized,
              "operand " + std::to_string(i) + " is " + shape_text(c.shape(i)) + ", needs to fit " +
                  shape_text(normalized));
  }
  Shape statistics = c.shape(0);
  std::fill(statistics.begin() + axis, statistics.end(), 1);
  return {{c.dtype(0), c.shape(0)}, {DType::kF32, statistics}, {DType::kF32, statistics}};
}

Types infer_lrn(const InferenceContext& c) {
  c.operand_count(1, 1);
  const auto& attributes = c.as<LrnAttributes>();
  normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(attributes.size > 0,
            "size is " + std::to_string(attributes.size) + ", needs 1 or more");
  return same_as_input(c);
}

Types infer_cast(const InferenceContext& c) {
  c.operand_count(1, 1);
  return {{c.declared_output().dtype, c.shape(0)}};
}

Types infer(const InferenceContext& c) {
  switch (c.op) {
    case Op::kIdentity:
      c.operand_count(1, 1);
      return same_as_input(c);
    case Op::kConv:
      return infer_conv(c);
    case Op::kConvTranspose:
      return infer_conv_transpose(c);
    case Op::kMatMul:
      return infer_matmul(c);
    case Op::kPool:
      return infer_pool(c);
    case Op::kUnary:
      return infer_unary(c);
    case Op::kBinary:
      return infer_binary(c);
    case Op::kWhere:
      return infer_where(c);
    case Op::kPointwise:
      return infer_pointwise(c);
    case Op::kCast:
      return infer_cast(c);
    case Op::kReduce:
      return infer_reduce(c);
    case Op::kArgReduce:
      return infer_arg_reduce(c);
    case Op::kTopK:
      return infer_top_k(c);
    case Op::kSoftmax:
      return infer_softmax(c);
    case Op::kBatchNorm:
    case Op::kInstanceNorm:
      return infer_channel_norm(c);
    case Op::kLayerNorm:
      return infer_layer_norm(c);
    case Op::kLrn:
      return infer_lrn(c);
    case Op::kConcat:
      return infer_concat(c);
    case Op::kSlice:
      return infer_slice(c);
    case Op::kPad:
      return infer_pad(c);
    case Op::kReshape:
      return infer_reshape(c);
    case Op::kTranspose:
      return infer_transpose(c);
    case Op::kGather:
      return infer_gather(c);
    case Op::kExpand:
      return infer_expand(c);
    case Op::kTile:
      return infer_tile(c);
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return infer_depth_space(c);
    case Op::kResize:
      return infer_resize(c);
    case Op::kNonMaxSuppression:
      return infer_nms(c);
    case Op::kPreprocess:
      return infer_preprocess(c);
    case Op::kDecode:
    case Op::kTopClasses:
      return infer_decode(c);
    case Op::kArgmaxMask:
      return infer_argmax_mask(c);
    case Op::kDetectionMasks:
      return infer_detection_masks(c);
    case Op::kDetectionKeypoints:
      return infer_detection_keypoints(c);
    case Op::kRotatedBoxes:
      return infer_rotated_boxes(c);
  }
  throw BuildError("unknown operation " + std::to_string(static_cast<int>(c.op)));
}

}  // namespace

std::vector<TensorType> infer_types(const Graph& graph, Op op, const Attributes& attributes,
                                    const std::vector<ValueId>& inputs,
                                    const std::vector<TensorType>& declared) {
  Types types = infer({graph, op, attributes, inputs, declared});
  for (const TensorType& type : types) {
    if (type.shape.size() > static_cast<size_t>(kMaxRank)) {
      throw BuildError("the result " + shape_text(type.shape) + " has more than " +
                       std::to_string(kMaxRank) + " axes");
    }
    if (!checked_elements(type.shape)) {
      throw BuildError("the result " + shape_text(type.shape) + " is not a possible shape");
    }
  }
  return types;
}

std::vector<TensorType> infer_types(const Graph& graph, const Node& node) {
  Types declared;
  for (ValueId output : node.outputs) {
    if (output == kNoValue)
      declared.push_back(declared.empty() ? TensorType{} : declared.front());
    else
      declared.push_back({graph.value(output).dtype, graph.value(output).shape});
  }
  // An unwanted first output of TopK has the second one's shape.
  if (!node.outputs.empty() && node.outputs[0] == kNoValue && declared.size() > 1)
    declared[0].shape = declared[1].shape;
  return infer_types(graph, node.op, node.attributes, node.inputs, declared);
}

}  // namespace stint::builder
