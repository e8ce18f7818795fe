// Convolutions, transposed convolutions and matrix products seen alike: one weight per (output
// channel, rest).
#pragma once

#include <optional>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

inline constexpr size_t kWeightOperand = 1, kBiasOperand = 2, kResidualOperand = 3;

bool is_linear(Op op);

/// The epilogue of a linear node.
Epilogue& epilogue_of(Node& node);
const Epilogue& epilogue_of(const Node& node);

/// True if nothing is merged into the node but possibly a bias.
bool has_plain_epilogue(const Node& node);

/// Sets an operand, filling the gap before it with absent ones.
void set_operand(Node& node, size_t i, ValueId id);

/// Output channels of a linear node, and the axis of its result that counts them (before the layout
/// pass).
int64_t output_channels(const Graph& graph, const Node& node);
size_t output_channel_axis(const Graph& graph, const Node& node);

/// y[c] = y[c] * scale[c] + shift[c] merged into constant weights and bias, computed in double.
/// Returns false if the weights (or an existing bias) are not f32 constants, or something else is
/// merged already.
bool fold_affine(Graph& graph, NodeId n, const std::vector<double>& scale,
                 const std::vector<double>& shift);

}  // namespace stint::builder
