// The inputs of a model with static shapes: what the model leaves open comes from --batch and
// --shape.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "host_builder/graph/shape.h"
#include "host_builder/import/onnx/onnx.h"
#include "host_builder/network/import_findings.h"

namespace stint::builder {

struct ModelInput {
  const onnx::ValueInfoProto* proto;
  DType dtype = DType::kF32;
  Shape shape;
  bool batched = false;  // its first axis is the batch
  bool of_one = false;   // the model has a batch of 1 written there, not an open axis
};

/// All inputs that are no constants, in the model's order; those that are refused are findings and
/// left out. An axis is open if it has a name, no extent, or a negative one. Remarks for the user
/// are added to `notes`.
std::vector<ModelInput> read_model_inputs(const onnx::GraphProto& graph,
                                          const ImportOptions& options, int64_t batch,
                                          ImportFindings& findings,
                                          std::vector<std::string>& notes);

}  // namespace stint::builder
