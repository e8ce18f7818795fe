// Small questions and edits that many passes share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// True if exactly one operand in the whole graph reads the value and it is not a graph output.
bool used_once(const Graph& graph, ValueId id);

/// The only reader of a value that is `used_once`.
std::optional<NodeId> sole_consumer(const Graph& graph, ValueId id);

/// Takes and gives real numbers, so that it can be an instruction of a pointwise program.
bool is_float_function(EltOp op);

/// The producing node if it is `op`.
std::optional<NodeId> producer_of(const Graph& graph, ValueId id, Op op);

/// The producing node if it is this element-wise operation; null if not.
const Node* unary_producer(const Graph& graph, ValueId id, EltOp op);
const Node* binary_producer(const Graph& graph, ValueId id, EltOp op);

/// True if `from` may be replaced by `to` everywhere: a graph output must stay the result of a node
/// of its own.
bool can_replace(const Graph& graph, ValueId from, ValueId to);

/// Elements of an f32 constant; nothing for anything else.
std::optional<std::vector<float>> f32_constant(const Graph& graph, ValueId id);

/// The value of an f32 constant whose elements are all equal.
std::optional<float> uniform_constant(const Graph& graph, ValueId id);

/// An f32 constant that, broadcast against a tensor of `rank` with `channels` on `axis`, varies
/// along that axis only and does not enlarge the tensor: its value for each channel.
std::optional<std::vector<float>> channel_constant(const Graph& graph, ValueId id, size_t rank,
                                                   size_t axis, int64_t channels);

ValueId add_f32_constant(Graph& graph, const std::string& hint, Shape shape,
                         const std::vector<float>& data);

/// Adds a node with one new f32-or-like result directly before `position`; returns the result.
ValueId insert_before(Graph& graph, NodeId position, const std::string& name, Op op,
                      Attributes attributes, std::vector<ValueId> inputs, DType dtype, Shape shape);

/// Where the node stands in the execution order.
size_t position_of(const Graph& graph, NodeId id);

/// Names of `absorbed` (and what it absorbed) are listed in `into.fused`.
void record_fusion(Node& into, const Node& absorbed);

/// A constant of a shape and order of its own: `perm` as in Transpose.
ValueId transposed_constant(Graph& graph, ValueId id, const Shape& as_shape,
                            const std::vector<int64_t>& perm);

}  // namespace stint::builder
