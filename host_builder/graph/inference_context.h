// What the inference functions of operations share. Internal to graph/.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/support/error.h"

namespace stint::builder {

using Types = std::vector<TensorType>;

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
  DType dtype(size_t i) const { return graph.meaning(in(i)); }
  size_t rank(size_t i) const { return in(i).shape.size(); }
  void same_dtype(size_t i, size_t j) const {
    require(dtype(i) == dtype(j), "operand " + std::to_string(i) + " is " + dtype_name(dtype(i)) +
                                      " but operand " + std::to_string(j) + " is " +
                                      dtype_name(dtype(j)) + "; they must be equal");
  }
  const TensorType& declared_output() const {
    require(!declared.empty(), "needs the type of its output to be declared");
    return declared[0];
  }

  Types same_as_operand() const { return {{dtype(0), shape(0)}}; }

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

}  // namespace stint::builder
