// What the shape functions of one node share. Internal to graph/.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/support/error.h"

namespace stint::builder {

struct InferenceContext {
  const Graph& graph;
  Op op;
  const Attributes& attributes;
  const std::vector<ValueId>& inputs;
  const std::vector<TensorType>& declared;

  [[noreturn]] void fail(const std::string& reason) const { throw BuildError(reason); }
  void require(bool condition, const std::string& reason) const {
    if (!condition) fail(reason);
  }

  template <typename A>
  const A& as() const {
    const A* attributes_of_op = std::get_if<A>(&attributes);
    require(attributes_of_op != nullptr,
            std::string(op_name(op)) + " has attributes of another operation");
    return *attributes_of_op;
  }

  bool has(size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  const Value& in(size_t i) const {
    require(has(i), "operand " + std::to_string(i) + " is missing");
    return graph.value(inputs[i]);
  }
  const Shape& shape(size_t i) const { return in(i).shape; }
  DType dtype(size_t i) const { return graph.meaning(in(i).dtype); }
  size_t rank(size_t i) const { return in(i).shape.size(); }
  void operand_count(size_t least, size_t most) const {
    require(inputs.size() >= least && inputs.size() <= most,
            "has " + std::to_string(inputs.size()) + " operands, needs " + std::to_string(least) +
                (most == least ? std::string() : " to " + std::to_string(most)));
  }
  void same_dtype(size_t i, size_t j) const {
    require(dtype(i) == dtype(j), "operand " + std::to_string(i) + " is " + dtype_name(dtype(i)) +
                                      " but operand " + std::to_string(j) + " is " +
                                      dtype_name(dtype(j)) + "; they must be equal");
  }
  const TensorType& declared_output() const {
    require(!declared.empty(), "needs the type of its output to be declared");
    return declared[0];
  }

  // Where the axes of a spatial operand of this rank are.
  size_t channel_axis(size_t tensor_rank) const {
    return graph.channels_last ? tensor_rank - 1 : 1;
  }
  size_t spatial_axis(size_t i) const { return graph.channels_last ? 1 + i : 2 + i; }
  /// The shape N, channels, spatial... in the graph's order.
  Shape spatial_shape(int64_t n, int64_t channels, const std::vector<int64_t>& spatial) const {
    Shape result{n};
    if (!graph.channels_last) result.push_back(channels);
    result.insert(result.end(), spatial.begin(), spatial.end());
    if (graph.channels_last) result.push_back(channels);
    return result;
  }
};

std::vector<TensorType> infer_conv(const InferenceContext& c);
std::vector<TensorType> infer_conv_transpose(const InferenceContext& c);
std::vector<TensorType> infer_pool(const InferenceContext& c);
std::vector<TensorType> infer_resize(const InferenceContext& c);
std::vector<TensorType> infer_depth_space(const InferenceContext& c);
std::vector<TensorType> infer_nms(const InferenceContext& c);
std::vector<TensorType> infer_preprocess(const InferenceContext& c);
std::vector<TensorType> infer_decode(const InferenceContext& c);
std::vector<TensorType> infer_argmax_mask(const InferenceContext& c);
std::vector<TensorType> infer_detection_masks(const InferenceContext& c);
std::vector<TensorType> infer_detection_keypoints(const InferenceContext& c);
std::vector<TensorType> infer_rotated_boxes(const InferenceContext& c);

std::vector<TensorType> infer_reshape(const InferenceContext& c);
std::vector<TensorType> infer_transpose(const InferenceContext& c);
std::vector<TensorType> infer_concat(const InferenceContext& c);
std::vector<TensorType> infer_slice(const InferenceContext& c);
std::vector<TensorType> infer_pad(const InferenceContext& c);
std::vector<TensorType> infer_gather(const InferenceContext& c);
std::vector<TensorType> infer_expand(const InferenceContext& c);
std::vector<TensorType> infer_tile(const InferenceContext& c);

}  // namespace stint::builder
