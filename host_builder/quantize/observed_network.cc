#include "host_builder/quantize/observed_network.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/exec/session.h"
#include "host_builder/emit/plan_writer.h"
#include "host_builder/passes/layout_names.h"
#include "host_builder/schedule/schedule.h"
#include "host_builder/support/error.h"
#include "host_builder/support/require_ok.h"
#include "plan_schema/file_format.h"

namespace stint::builder {
namespace {

bool lists_rows(Op op) {
  return op == Op::kDecode || op == Op::kTopClasses || op == Op::kNonMaxSuppression ||
         op == Op::kDetectionKeypoints || op == Op::kRotatedBoxes || op == Op::kDetectionMasks;
}

}  // namespace

std::vector<bool> values_with_range(const Graph& graph) {
  std::vector<bool> result(graph.value_count());
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& value = graph.value(id);
    result[id] = !value.is_constant() && value.dtype == DType::kF32 && value.elements() > 0;
  }
  for (const NodeId n : graph.order()) {
    if (!lists_rows(graph.node(n).op)) continue;
    for (const ValueId id : graph.node(n).outputs)
      if (id != kNoValue) result[id] = false;
  }
  return result;
}

std::string range_name(const std::string& value, const std::set<std::string>& names) {
  if (names.count(value) != 0) return value;
  for (auto name = without_layout_ending(value); name; name = without_layout_ending(*name))
    if (names.count(*name) != 0) return *name;
  return value;
}

ObservedNetwork::ObservedNetwork(Graph graph, const std::set<std::string>& model_names,
                                 const std::set<std::string>& known)
    : batch_(static_cast<uint32_t>(graph.batch)) {
  // As they are before the schedule's own copies take over names.
  const std::vector<bool> wanted = values_with_range(graph);
  std::vector<std::string> names;
  for (ValueId id = 0; id < graph.value_count(); ++id)
    names.push_back(wanted[id] ? range_name(graph.value(id).name, model_names) : "");
  const Schedule schedule = make_schedule(graph);
  std::map<ValueId, size_t> index;
  std::set<std::string> taken = known;
  const auto add = [&](ValueId id, Place place) {
    if (id >= names.size() || !wanted[id] || !taken.insert(names[id]).second) return;
    index[id] = names_.size();
    names_.push_back(names[id]);
    places_.push_back(place);
  };
  // Frames come first among the bindings.
  for (size_t i = 0; i < graph.inputs.size(); ++i)
    add(graph.inputs[i], {Place::kInput, static_cast<uint32_t>(graph.images.size() + i)});
  for (uint32_t step = 0; step < schedule.steps.size(); ++step) {
    const StepSpec& spec = schedule.steps[step].spec;
    for (uint32_t k = 0; k < spec.inputs.size(); ++k)
      if (const auto value = index.find(spec.inputs[k]); value != index.end())
        uses_.push_back({step, k, value->second});
    for (uint32_t k = 0; k < spec.outputs.size(); ++k) add(spec.outputs[k], {step, k});
  }

  PlanContents contents;
  contents.name = "calibration";
  contents.variants.push_back({find_target("cpu"), {{&graph, &schedule}}});
  const std::vector<std::byte> plan = write_plan(contents);
  const size_t room =
      (plan.size() + kLargeSegmentAlignment - 1) / kLargeSegmentAlignment * kLargeSegmentAlignment;
  bytes_.reset(std::aligned_alloc(kLargeSegmentAlignment, room));
  if (bytes_ == nullptr)
    throw BuildError("calibration: there is not enough memory for the network");
  std::memcpy(bytes_.get(), plan.data(), plan.size());
  require(plan_.open(bytes_.get(), plan.size()), "calibration: the network's plan");
  require(engine_.create(plan_, "cpu", Options()), "calibration: the network's engine");
  require(program_.open(plan_, "cpu", batch_), "calibration: the network's program");
  require(list_bindings(program_, &inputs_, &outputs_), "calibration: the network's inputs");
}

ObservedRun::ObservedRun(const ObservedNetwork& network) : network_(network) {
  // One thread: calibration runs several samples at a time, and sums that one thread makes do not
  // depend on how many there are.
  Options options;
  options.threads = 1;
  require(loaded_.create(network.engine_, network.program_, options), "calibration: a session");
  values_of_step_.resize(session().get()->step_count);
  for (size_t value = 0; value < network.places().size(); ++value)
    if (const auto& place = network.places()[value]; place.step != ObservedNetwork::Place::kInput)
      values_of_step_.at(place.step).push_back(value);
}

void ObservedRun::run(const Observer& observe, const BeforeStep& before) {
  stint_session* session = loaded_.session().get();
  require(to_c(prepare_bindings(session)), "calibration: a run");
  const auto& places = network_.places();
  for (size_t value = 0; value < places.size(); ++value) {
    if (places[value].step != ObservedNetwork::Place::kInput) continue;
    const uint32_t input = places[value].index;
    observe(value, static_cast<const float*>(loaded_.session().input_data(input)),
            network_.inputs()[input].bytes / sizeof(float));
  }
  for (uint32_t i = 0; i < session->step_count; ++i) {
    const StepState& step = session->steps[i];
    if (!step.runs) continue;
    if (before) before(i);
    step.kernel->run(step.args);
    // At once: a later step may reuse the memory.
    for (const size_t value : values_of_step_[i]) {
      const cpu::TensorView& view = step.args.outputs[places[value].index];
      observe(value, view.as<float>(), static_cast<size_t>(view.elements()));
    }
  }
}

}  // namespace stint::builder
