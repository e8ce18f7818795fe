#include "host_builder/tune/probe.h"

#include <map>
#include <set>
#include <string>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/graph/views.h"
#include "host_builder/schedule/launch_edges.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

bool needs_frames(const Node& node) {
  return node.op == Op::kPreprocess || node.op == Op::kDecode || node.op == Op::kTopClasses ||
         node.op == Op::kDetectionKeypoints || node.op == Op::kRotatedBoxes;
}

/// Copies a node into a graph of its own, operands at the same places in storages of the same kind.
class Transplant {
 public:
  Transplant(const Graph& from, Graph& to) : from_(from), to_(to) {}

  /// Inputs: read by all copies.
  ValueId input(ValueId id) {
    if (id == kNoValue) return id;
    const auto [known, inserted] = inputs_.try_emplace(id, kNoValue);
    if (inserted) known->second = place(id, input_root(root_of(from_, id)));
    return known->second;
  }

  /// Outputs of one copy: storages of their own. `bindable` becomes the root of the first output
  /// that the caller could bind.
  std::vector<ValueId> outputs(const std::vector<ValueId>& ids, ValueId* bindable) {
    std::map<ValueId, ValueId> roots;
    std::vector<ValueId> copies;
    for (const ValueId id : ids) {
      if (id == kNoValue) {
        copies.push_back(id);
        continue;
      }
      const ValueId old_root = root_of(from_, id);
      const auto [root, inserted] = roots.try_emplace(old_root, kNoValue);
      if (inserted) root->second = twin(old_root);
      if (*bindable == kNoValue && is_dense(from_.value(old_root))) *bindable = root->second;
      copies.push_back(place(id, root->second));
    }
    return copies;
  }

 private:
  ValueId input_root(ValueId id) {
    const auto [known, inserted] = input_roots_.try_emplace(id, kNoValue);
    if (!inserted) return known->second;
    known->second = twin(id);
    if (!from_.value(id).is_constant()) to_.inputs.push_back(known->second);
    return known->second;
  }

  ValueId twin(ValueId id) {
    Value value = from_.value(id);
    value.name = "v" + std::to_string(to_.value_count());
    return to_.add_value(std::move(value));
  }

  /// The value itself where it is its own root, else a view of the root's twin.
  ValueId place(ValueId id, ValueId root) {
    const Value& value = from_.value(id);
    if (!value.view) return root;
    Value view = value;
    view.name = "v" + std::to_string(to_.value_count());
    view.view->base = root;
    return to_.add_value(std::move(view));
  }

  const Graph& from_;
  Graph& to_;
  std::map<ValueId, ValueId> inputs_;
  std::map<ValueId, ValueId> input_roots_;
};

/// Whether a graph input can stand for the operand's storage.
bool inputs_are_bindable(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Value& root = graph.value(root_of(graph, id));
    if (!root.is_constant() && !is_dense(root)) return false;
  }
  return true;
}

uint64_t bytes_of_constants(const Graph& graph) {
  uint64_t bytes = 0;
  std::set<const void*> seen;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Bytes& constant = graph.value(id).constant;
    if (constant != nullptr && seen.insert(constant.get()).second) bytes += constant->size();
  }
  return bytes;
}

}  // namespace

std::optional<Probe> make_probe(const Graph& graph, const Node& node, const Target& target,
                                const Candidate& candidate, size_t copies) {
  if (needs_frames(node) || !inputs_are_bindable(graph, node)) return std::nullopt;
  Probe probe;
  Graph& mini = probe.graph;
  mini.name = "probe";
  mini.batch = graph.batch;
  mini.channels_last = graph.channels_last;
  Transplant transplant(graph, mini);
  ValueId bound = kNoValue;
  for (size_t copy = 0; copy < copies; ++copy) {
    Node twin = node;
    twin.name = "copy" + std::to_string(copy);
    for (ValueId& id : twin.inputs) id = transplant.input(id);
    bound = kNoValue;
    twin.outputs = transplant.outputs(node.outputs, &bound);
    mini.add_node(std::move(twin));
  }
  if (bound == kNoValue) return std::nullopt;
  mini.outputs.push_back(bound);  // of the last copy; a program needs an output

  // All copies are one step with other outputs: packed constants are there once.
  std::optional<StepSpec> first;
  std::vector<ValueId> first_outputs;
  ScheduleOptions options;
  options.lowering = [&](Graph& g, const Node& copy) {
    if (!first) {
      first = lower_candidate(g, copy, target, candidate);
      first_outputs = copy.outputs;
      return *first;
    }
    StepSpec step = *first;
    step.name = copy.name;
    for (ValueId& id : step.outputs) {
      for (size_t i = 0; i < first_outputs.size(); ++i) {
        if (id == first_outputs[i]) {
          id = copy.outputs.at(i);
          break;
        }
      }
    }
    return step;
  };
  probe.schedule = make_schedule(mini, options);
  link_launches(probe.schedule, {target.gpu.has_pdl, false});
  probe.constant_bytes = bytes_of_constants(mini);
  return probe;
}

std::vector<std::byte> probe_plan(const Probe& probe, const Target& target, const Cubin& code) {
  PlanProgram program;
  program.graph = &probe.graph;
  program.schedule = &probe.schedule;
  program.code.assign(probe.schedule.steps.size(), code);
  PlanVariant variant;
  variant.target = target;
  variant.programs.push_back(std::move(program));
  PlanContents contents;
  contents.name = "probe";
  contents.variants.push_back(std::move(variant));
  return write_plan(contents);
}

}  // namespace stint::builder
