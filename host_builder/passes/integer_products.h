// Which convolutions and matrix products can be computed on 8-bit integers, and their weights.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

// Operands.
inline constexpr size_t kWeights = 1, kResidual = 3;

/// Whether the target has kernels for the node once its operand and its weights are integers.
bool can_multiply_integers(const Graph& graph, const Node& node, const Target& target);

/// Whether it is element-wise arithmetic of real numbers or pooling, or moves numbers: cheap, and
/// as well done on integers where those are read and written anyway.
bool is_light(const Graph& graph, const Node& node);

/// can_multiply_integers, and its weights lie on a grid of signed integers without a zero point.
bool has_integer_weights(const Graph& graph, const Node& node, const Target& target);

/// Rounds the weights to a grid of their own: one scale for each result channel, the largest
/// magnitude at 127.
void put_weights_on_grid(Graph& graph, Node& node);

/// Replaces weights on a grid by the integers. Requires has_integer_weights.
void store_integer_weights(Graph& graph, Node& node);

}  // namespace stint::builder
