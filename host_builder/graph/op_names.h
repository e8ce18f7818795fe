// Names and texts of operations, for messages, dumps and reports.
#pragma once

#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

const char* elt_op_name(EltOp op);
const char* activation_name(Activation activation);
const char* reduce_op_name(ReduceOp op);
const char* fit_name(FitMode fit);

/// "kernel=3,3 act=relu" (OpDef::print). Stable across runs.
std::string attributes_text(const Node& node);

/// "f32[1,3,416,416]".
std::string type_text(DType dtype, const Shape& shape);

/// "Conv 'backbone/conv1'": how messages call a node.
std::string node_text(const Node& node);

}  // namespace stint::builder
