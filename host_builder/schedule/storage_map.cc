#include "host_builder/schedule/storage_map.h"

#include <algorithm>

#include "host_builder/graph/views.h"

namespace stint::builder {
namespace {

class Mapper {
 public:
  Mapper(const Graph& graph, const std::vector<const StepSpec*>& steps)
      : graph_(graph), steps_(steps) {
    map_.of_value.assign(graph.value_count(), kNone);
  }

  StorageMap run(const std::vector<BoundValue>& bound, const std::vector<ValueId>& pinned) {
    for (const BoundValue& b : bound) {
      Storage& storage = map_.storages[storage_of(b.value)];
      storage.kind = StorageKind::kBinding;
      storage.binding = b.binding;
    }
    for (size_t step = 0; step < steps_.size(); ++step) {
      for (const auto* operands : {&steps_[step]->inputs, &steps_[step]->outputs}) {
        for (ValueId id : *operands) touch(storage_of(id), static_cast<int64_t>(step));
      }
    }
    for (ValueId id : pinned) {
      Storage& storage = map_.storages[storage_of(id)];
      storage.pinned = true;
      storage.last = static_cast<int64_t>(steps_.size()) - 1;
    }
    for (size_t step = 0; step < steps_.size(); ++step) {
      for (const auto& [input, output] : steps_[step]->in_place)
        merge_in_place(step, input, output);
    }
    drop_merged();
    return std::move(map_);
  }

 private:
  uint32_t storage_of(ValueId id) {
    uint32_t& index = map_.of_value[id];
    if (index != kNone) return index;
    const ValueId root = root_of(graph_, id);
    if (root != id) {
      index = storage_of(root);
    } else {
      index = static_cast<uint32_t>(map_.storages.size());
      Storage storage;
      if (graph_.value(id).is_constant()) {
        storage.kind = StorageKind::kConstant;
        storage.constant = id;
      }
      map_.storages.push_back(storage);
    }
    Storage& storage = map_.storages[index];
    storage.bytes = std::max(storage.bytes, extent_of(graph_.value(id)).end);
    return index;
  }

  void touch(uint32_t index, int64_t step) {
    Storage& storage = map_.storages[index];
    if (storage.first < 0) storage.first = step;
    storage.last = std::max(storage.last, step);
  }

  bool is_whole_storage(ValueId id) const {
    const Value& value = graph_.value(id);
    const ByteRange range = extent_of(value);
    return is_dense(value) && range.begin == 0 &&
           range.end == map_.storages[map_.of_value[id]].bytes;
  }

  void merge_in_place(size_t step, uint32_t input, uint32_t output) {
    const StepSpec& spec = *steps_[step];
    if (input >= spec.inputs.size() || output >= spec.outputs.size()) return;
    const ValueId x = spec.inputs[input], y = spec.outputs[output];
    const uint32_t from = map_.of_value[x], to = map_.of_value[y];
    if (from == to) return;
    Storage &dying = map_.storages[from], &born = map_.storages[to];
    const auto now = static_cast<int64_t>(step);
    if (dying.kind != StorageKind::kArena || dying.pinned || dying.last != now || born.first != now)
      return;
    if (born.kind == StorageKind::kConstant || dying.bytes != born.bytes || dying.bytes == 0)
      return;
    if (!is_whole_storage(x) || !is_whole_storage(y)) return;
    // Another operand in the same memory would be overwritten while it is read, unless it is read
    // at the same places.
    for (uint32_t other = 0; other < spec.inputs.size(); ++other) {
      if (map_.of_value[spec.inputs[other]] != from) continue;
      const std::pair pair{other, output};
      if (spec.inputs[other] != x ||
          std::find(spec.in_place.begin(), spec.in_place.end(), pair) == spec.in_place.end())
        return;
    }
    born.first = dying.first;
    for (uint32_t& index : map_.of_value) {
      if (index == from) index = to;
    }
    dying.bytes = 0;
    dying.first = dying.last = -1;
  }

  void drop_merged() {
    std::vector<uint32_t> renumbered(map_.storages.size(), kNone);
    for (uint32_t& index : map_.of_value) {
      if (index != kNone) renumbered[index] = 0;
    }
    std::vector<Storage> kept;
    for (size_t i = 0; i < renumbered.size(); ++i) {
      if (renumbered[i] == kNone) continue;
      renumbered[i] = static_cast<uint32_t>(kept.size());
      kept.push_back(map_.storages[i]);
    }
    for (uint32_t& index : map_.of_value) {
      if (index != kNone) index = renumbered[index];
    }
    map_.storages = std::move(kept);
  }

  const Graph& graph_;
  const std::vector<const StepSpec*>& steps_;
  StorageMap map_;
};

}  // namespace

StorageMap map_storages(const Graph& graph, const std::vector<const StepSpec*>& steps,
                        const std::vector<BoundValue>& bound, const std::vector<ValueId>& pinned) {
  return Mapper(graph, steps).run(bound, pinned);
}

}  // namespace stint::builder
