// Names and texts of operations, for messages, dumps and reports.
#pragma once

#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

const char* elt_op_name(EltOp op);
const char* activation_name(Activation activation);
const char* reduce_op_name(ReduceOp op);

/// "kernel=3x3 strides=2x2 act=relu": what differs from the default, or what always matters. Stable
/// across runs.
std::string attributes_text(const Attributes& attributes);

/// "f32[1,3,416,416]".
std::string type_text(DType dtype, const Shape& shape);

/// "Conv 'backbone/conv1'": how messages call a node.
std::string node_text(const Node& node);

}  // namespace stint::builder
