#include "host_builder/schedule/schedule.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "host_builder/graph/views.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/schedule/concurrency.h"
#include "host_builder/schedule/dependences.h"
#include "host_builder/schedule/output_copies.h"
#include "host_builder/schedule/packing_problem.h"
#include "host_builder/schedule/step_order.h"
#include "host_builder/schedule/storage_map.h"
#include "host_builder/support/error.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {
namespace {

constexpr uint64_t kBufferAlignment = 64;  // a cache line; what kernels may rely on
// Networks reach the lower bound without search; where one does not, this much of it takes about a
// second.
constexpr uint64_t kSearchSteps = 50'000;

class Scheduler {
 public:
  Scheduler(Graph& graph, const ScheduleOptions& options) : graph_(graph), options_(options) {}

  Schedule run() {
    insert_output_copies(graph_);
    for (NodeId id : graph_.order()) {
      const Node node = graph_.node(id);  // lowering may add constants
      lowered_.push_back(options_.lowering ? options_.lowering(graph_, node)
                                           : lower_for_cpu(graph_, node));
      check_operands(lowered_.back());
    }
    list_bindings();
    choose_order();
    if (options_.concurrent) widen_lives();
    place_storages();
    place_states();
    make_tensors();
    lay_out_bindings();
    schedule_.batch = graph_.batch;
    for (const ScheduledStep& step : schedule_.steps) {
      schedule_.worker_scratch_bytes =
          std::max(schedule_.worker_scratch_bytes, step.spec.worker_scratch_bytes);
    }
    for (const Dependence& d : schedule_.dependences)
      schedule_.edges.push_back({d.from, d.to, false});
    verify_schedule(schedule_);
    return std::move(schedule_);
  }

 private:
  void check_operands(const StepSpec& spec) const {
    for (const auto* operands : {&spec.inputs, &spec.outputs}) {
      for (ValueId id : *operands) {
        if (id >= graph_.value_count())
          throw BuildError("step '" + spec.name + "': its lowering lists an absent operand");
      }
    }
    for (ValueId id : spec.outputs) {
      if (graph_.value(id).is_constant())
        throw BuildError("step '" + spec.name + "': it writes a constant");
    }
  }

  void list_bindings() {
    for (const ImageInput& image : graph_.images) {
      ScheduledBinding binding;
      binding.name = image.name;
      binding.kind = ScheduledBindingKind::kImage;
      binding.image = image.spec;
      schedule_.bindings.push_back(std::move(binding));
    }
    for (ValueId id : graph_.inputs)
      add_bound(id, graph_.value(id).name, true, ScheduledBindingKind::kTensor);
    for (ValueId id : graph_.outputs) {
      const DetectionOutput* detections = nullptr;
      bool is_count = false;
      for (const DetectionOutput& pair : graph_.detections) {
        if (pair.detections == id) detections = &pair;
        is_count = is_count || pair.counts == id;
      }
      if (is_count) {
        pinned_.push_back(id);
      } else if (detections != nullptr) {
        counts_[static_cast<uint32_t>(schedule_.bindings.size())] = detections->counts;
        add_bound(id, detections->name, false, ScheduledBindingKind::kDetections);
      } else {
        add_bound(id, graph_.value(id).name, false, ScheduledBindingKind::kTensor);
      }
    }
  }

  void add_bound(ValueId id, const std::string& name, bool is_input, ScheduledBindingKind kind) {
    ScheduledBinding binding;
    binding.name = name;
    binding.is_input = is_input;
    binding.kind = kind;
    bound_.push_back({id, static_cast<uint32_t>(schedule_.bindings.size())});
    schedule_.bindings.push_back(std::move(binding));
  }

  std::vector<const StepSpec*> in_order(const std::vector<uint32_t>& order) const {
    std::vector<const StepSpec*> steps;
    for (uint32_t i : order) steps.push_back(&lowered_[i]);
    return steps;
  }

  using Span = std::pair<int64_t, int64_t>;  // first and last step

  /// One a step: the step alone, where steps run one after the other.
  static std::vector<Span> own_spans(size_t steps) {
    std::vector<Span> spans;
    for (size_t i = 0; i < steps; ++i)
      spans.emplace_back(static_cast<int64_t>(i), static_cast<int64_t>(i));
    return spans;
  }

  // Arena storages first, then the workspaces in step order.
  static std::vector<BufferRequest> requests_for(const StorageMap& map,
                                                 const std::vector<const StepSpec*>& steps,
                                                 const std::vector<Span>& spans) {
    std::vector<BufferRequest> requests;
    for (const Storage& storage : map.storages) {
      if (storage.kind != StorageKind::kArena || storage.first < 0) continue;
      requests.push_back({storage.bytes, storage.first, storage.last, kBufferAlignment});
    }
    for (size_t step = 0; step < steps.size(); ++step) {
      if (steps[step]->workspace_bytes == 0) continue;
      const auto& [first, last] = spans[step];
      requests.push_back({steps[step]->workspace_bytes, first, last, kBufferAlignment});
    }
    return requests;
  }

  void choose_order() {
    std::vector<const StepSpec*> given;
    std::vector<StepSpec> plain = lowered_;  // for the dependences that hold in every order
    for (StepSpec& spec : plain) {
      spec.in_place.clear();
      given.push_back(&spec);
    }
    const StorageMap map = map_storages(graph_, given, bound_, pinned_);
    const std::vector<StepOrder> orders =
        candidate_orders(given, map, find_dependences(graph_, given, map));
    uint64_t best_bound = 0;
    const StepOrder* best = nullptr;
    for (const StepOrder& candidate : orders) {
      if (candidate.steps.size() != lowered_.size())
        throw InternalError("the graph's steps depend on each other in a circle");
      const std::vector<const StepSpec*> steps = in_order(candidate.steps);
      const StorageMap aliased = map_storages(graph_, steps, bound_, pinned_);
      const uint64_t bound =
          make_packing_problem(requests_for(aliased, steps, own_spans(steps.size()))).lower_bound;
      if (best != nullptr && bound >= best_bound) continue;
      best = &candidate;
      best_bound = bound;
    }
    if (best == nullptr) throw InternalError("the graph's steps have no order");
    order_name_ = best->name;
    const std::vector<const StepSpec*> steps = in_order(best->steps);
    map_ = map_storages(graph_, steps, bound_, pinned_);
    schedule_.dependences = find_dependences(graph_, steps, map_);
    for (uint32_t i : best->steps) {
      ScheduledStep step;
      step.spec = lowered_[i];
      schedule_.steps.push_back(std::move(step));
    }
    spans_ = own_spans(steps.size());
  }

  /// Steps that nothing orders may run at the same time: what one of them uses lives as long as any
  /// of them may run.
  void widen_lives() {
    const Concurrency concurrency(schedule_.steps.size(), schedule_.dependences);
    std::vector<std::vector<uint32_t>> touches(map_.storages.size());
    for (uint32_t step = 0; step < schedule_.steps.size(); ++step) {
      const StepSpec& spec = schedule_.steps[step].spec;
      for (const auto* operands : {&spec.inputs, &spec.outputs})
        for (ValueId id : *operands) touches[map_.of_value[id]].push_back(step);
      spans_[step] = concurrency.span({step});
    }
    for (size_t i = 0; i < map_.storages.size(); ++i) {
      Storage& storage = map_.storages[i];
      if (storage.kind != StorageKind::kArena || storage.first < 0) continue;
      const auto [first, last] = concurrency.span(touches[i]);
      storage.first = std::min(storage.first, first);
      storage.last = std::max(storage.last, last);
    }
  }

  void place_storages() {
    std::vector<const StepSpec*> steps;
    for (const ScheduledStep& step : schedule_.steps) steps.push_back(&step.spec);
    const std::vector<BufferRequest> requests = requests_for(map_, steps, spans_);
    PlannerOptions options;
    options.search_steps = kSearchSteps;
    const MemoryPlan plan = plan_memory(requests, options);
    verify_memory_plan(requests, plan);
    size_t next = 0;
    for (Storage& storage : map_.storages) {
      if (storage.kind == StorageKind::kArena && storage.first >= 0)
        storage.offset = plan.offsets[next++];
    }
    schedule_.storages = map_.storages;
    for (size_t step = 0; step < steps.size(); ++step) {
      if (steps[step]->workspace_bytes == 0) continue;
      Storage storage;
      storage.bytes = steps[step]->workspace_bytes;
      std::tie(storage.first, storage.last) = spans_[step];
      storage.offset = plan.offsets[next++];
      schedule_.steps[step].workspace = add_bytes(steps[step]->name + "/workspace", storage);
    }
    schedule_.arena_bytes = plan.peak;
    schedule_.lower_bound = plan.lower_bound;
    schedule_.heuristic = plan.heuristic;
    if (!order_name_.empty()) schedule_.heuristic += "; steps " + order_name_;
  }

  // Counters keep their place over all runs, so each step has its own.
  void place_states() {
    for (ScheduledStep& step : schedule_.steps) {
      if (step.spec.state_bytes == 0) continue;
      Storage storage;
      storage.kind = StorageKind::kState;
      storage.bytes = step.spec.state_bytes;
      storage.offset = schedule_.state_bytes;
      schedule_.state_bytes = round_up(schedule_.state_bytes + storage.bytes, kBufferAlignment);
      step.state = add_bytes(step.spec.name + "/state", storage);
    }
  }

  /// A tensor of bytes that is all of a new storage.
  uint32_t add_bytes(const std::string& name, const Storage& storage) {
    ScheduledTensor tensor;
    tensor.name = name;
    tensor.shape = {static_cast<int64_t>(storage.bytes)};
    tensor.strides = {1};
    tensor.storage = static_cast<uint32_t>(schedule_.storages.size());
    schedule_.storages.push_back(storage);
    schedule_.tensors.push_back(std::move(tensor));
    return static_cast<uint32_t>(schedule_.tensors.size() - 1);
  }

  uint32_t tensor_of(ValueId id) {
    const auto [it, inserted] =
        tensors_.try_emplace(id, static_cast<uint32_t>(schedule_.tensors.size()));
    if (!inserted) return it->second;
    const Value& value = graph_.value(id);
    ScheduledTensor tensor;
    tensor.name = value.name;
    tensor.dtype = value.dtype;
    tensor.shape = value.shape;
    tensor.strides = strides_of(value);
    tensor.storage = map_.of_value[id];
    tensor.offset = extent_of(value).begin;
    tensor.quant = value.quant;
    schedule_.tensors.push_back(std::move(tensor));
    return it->second;
  }

  void make_tensors() {
    for (ScheduledStep& step : schedule_.steps) {
      for (ValueId id : step.spec.inputs) step.inputs.push_back(tensor_of(id));
      for (ValueId id : step.spec.outputs) step.outputs.push_back(tensor_of(id));
      if (step.spec.image_binding >= 0) {
        const auto image = static_cast<size_t>(step.spec.image_binding);
        if (image >= graph_.images.size())
          throw BuildError("step '" + step.spec.name + "': it reads an image that is not bound");
        step.image_binding = static_cast<uint32_t>(image);  // images are the first bindings
      }
    }
    for (const BoundValue& b : bound_) schedule_.bindings[b.binding].tensor = tensor_of(b.value);
    for (const auto& [binding, counts] : counts_)
      schedule_.bindings[binding].count_tensor = tensor_of(counts);
  }

  void lay_out_bindings() {
    for (ScheduledBinding& binding : schedule_.bindings) {
      if (binding.tensor == kNone) continue;
      binding.io_bytes = schedule_.storages[schedule_.tensors[binding.tensor].storage].bytes;
      binding.io_offset = schedule_.io_bytes;
      schedule_.io_bytes = round_up(schedule_.io_bytes + binding.io_bytes, kBufferAlignment);
    }
  }

  Graph& graph_;
  const ScheduleOptions& options_;
  Schedule schedule_;
  std::vector<StepSpec> lowered_;  // in the graph's order
  std::vector<BoundValue> bound_;
  std::vector<ValueId> pinned_;
  std::map<uint32_t, ValueId> counts_;  // by detections binding
  std::string order_name_;
  StorageMap map_;
  std::vector<Span> spans_;  // a step and all that may run at the same time
  std::map<ValueId, uint32_t> tensors_;
};

}  // namespace

Schedule make_schedule(Graph& graph, const ScheduleOptions& options) {
  return Scheduler(graph, options).run();
}

}  // namespace stint::builder
