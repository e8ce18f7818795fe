// Nodes whose operands are all constant are computed as they are added, within limits.
#include <algorithm>

#include "host_builder/evaluate/evaluate.h"
#include "host_builder/graph/op_def.h"
#include "host_builder/network/network_builder.h"
#include "host_builder/support/error.h"

namespace stint::builder {
bool NetworkBuilder::fold(Node& node) {
  const bool known =
      !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return id == kNoValue || graph_.value(id).is_constant();
      });
  if (!known) return false;
  if (node.op == Op::kReshape || node.op == Op::kIdentity) {
    graph_.value(node.outputs[0]).constant = graph_.value(node.inputs[0]).constant;
    fold_at_batch_one(node);
    return true;
  }
  uint64_t bytes = 0;
  for (ValueId id : node.outputs) {
    if (id != kNoValue) bytes += static_cast<uint64_t>(graph_.value(id).bytes());
  }
  const double work = op_def(node.op).folding_work(graph_, node);
  if (bytes > limits_.constant_bytes || work > limits_.work) return false;
  std::vector<HostTensor> operands(node.inputs.size());
  std::vector<const HostTensor*> pointers(node.inputs.size(), nullptr);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph_.value(node.inputs[i]);
    operands[i] = {value.dtype, value.shape, *value.constant};
    pointers[i] = &operands[i];
  }
  try {
    std::vector<HostTensor> results = evaluate_node(graph_, node, pointers);
    limits_.work -= work;
    limits_.constant_bytes -= bytes;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      graph_.value(node.outputs[i]).constant =
          std::make_shared<const std::vector<std::byte>>(std::move(results[i].data));
    }
  } catch (const BuildError&) {
    return false;  // no kernel for these types as they are: it stays a node, and a pass may make
                   // it computable
  }
  fold_at_batch_one(node);
  return true;
}

}  // namespace stint::builder
