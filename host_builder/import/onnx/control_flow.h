// If, Loop and Scan. A plan is one straight sequence of steps: a branch must be chosen, and the
// number of a loop's iterations known, when the plan is built.
#pragma once

#include "host_builder/import/onnx/body_translation.h"

namespace stint::builder {

/// Whether a standard operator is one of these.
bool is_control_flow(const std::string& op);

/// Unfolds the node into the graph: the branch that is taken, the iterations one after the other.
/// `name` begins the names of what it unfolds into. Throws Refusal where a condition or a count
/// depends on the model's inputs.
void unfold_control_flow(BodyTranslation& translation, const onnx::NodeProto& node,
                         const std::string& name, Scope& scope);

}  // namespace stint::builder
