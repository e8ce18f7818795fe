// A detector that suppresses boxes inside the model: where a decoder of the plan can take over.
#pragma once

#include <onnx/onnx_pb.h>

#include "host_builder/network/findings.h"

namespace stint::builder {

/// Adds what to do about a model whose own suppression cannot be built: the --postprocess that ends
/// it at the last value through which everything passes before the suppression, or at what the
/// suppression reads. Nothing where the model has none.
void advise_on_own_suppression(const onnx::GraphProto& graph, NetworkFindings& findings);

}  // namespace stint::builder
