// Looks at the finished schedule only: tensors, storages and steps, as the runtime will see them.
#include <algorithm>
#include <set>

#include "host_builder/schedule/schedule.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

class Checker {
 public:
  explicit Checker(const Schedule& schedule) : s_(schedule) {}

  void run() {
    check_tensors();
    findings_.raise("the schedule is wrong (a fault of the builder, please report it):");
    check_bindings();
    check_overlap();
    check_flow();
    check_dependences();
    findings_.raise("the schedule is wrong (a fault of the builder, please report it):");
  }

 private:
  void check_tensors() {
    for (const ScheduledTensor& tensor : s_.tensors) {
      if (tensor.storage >= s_.storages.size() || tensor.strides.size() != tensor.shape.size()) {
        findings_.add("tensor '" + tensor.name + "' has no storage or not one stride per axis");
        continue;
      }
      uint64_t last = 0;
      bool empty = false;
      for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
        if (tensor.strides[axis] < 0)
          findings_.add("tensor '" + tensor.name + "' has a negative stride");
        if (tensor.shape[axis] == 0) empty = true;
        last += static_cast<uint64_t>(std::max<int64_t>(tensor.shape[axis] - 1, 0)) *
                static_cast<uint64_t>(tensor.strides[axis]);
      }
      const uint64_t end =
          empty ? tensor.offset : tensor.offset + (last + 1) * dtype_bytes(tensor.dtype);
      if (end > s_.storages[tensor.storage].bytes) {
        findings_.add("tensor '" + tensor.name + "' ends at byte " + std::to_string(end) +
                      " of a storage with " + std::to_string(s_.storages[tensor.storage].bytes));
      }
    }
  }

  void check_bindings() {
    std::set<uint32_t> storages;
    for (const ScheduledBinding& binding : s_.bindings) {
      if (binding.kind == ScheduledBindingKind::kImage) continue;
      const ScheduledTensor& tensor = s_.tensors[binding.tensor];
      if (s_.storages[tensor.storage].kind != StorageKind::kBinding || tensor.offset != 0 ||
          !storages.insert(tensor.storage).second) {
        findings_.add("binding '" + binding.name + "' has no buffer of its own");
      }
    }
  }

  void check_overlap() {
    for (size_t i = 0; i < s_.storages.size(); ++i) {
      const Storage& a = s_.storages[i];
      if (a.kind != StorageKind::kArena || a.first < 0) continue;
      if (a.offset > s_.arena_bytes || a.bytes > s_.arena_bytes - a.offset) {
        findings_.add("storage " + std::to_string(i) + " lies outside the arena");
      }
      for (size_t k = 0; k < i; ++k) {
        const Storage& b = s_.storages[k];
        if (b.kind != StorageKind::kArena || b.first < 0 || a.bytes == 0 || b.bytes == 0) continue;
        if (a.first <= b.last && b.first <= a.last && a.offset < b.offset + b.bytes &&
            b.offset < a.offset + a.bytes) {
          findings_.add("storages " + std::to_string(k) + " and " + std::to_string(i) +
                        " overlap in the arena");
        }
      }
    }
  }

  // Byte by byte would be exact; per storage finds what goes wrong in practice: a read before any
  // write, an access outside the life that memory was planned for, a write into what the caller or
  // the model owns.
  void check_flow() {
    std::vector<bool> written(s_.storages.size(), false);
    for (size_t i = 0; i < s_.storages.size(); ++i)
      written[i] = s_.storages[i].kind == StorageKind::kConstant;
    std::set<uint32_t> inputs;
    for (const ScheduledBinding& binding : s_.bindings) {
      if (!binding.is_input || binding.kind == ScheduledBindingKind::kImage) continue;
      inputs.insert(s_.tensors[binding.tensor].storage);
      written[s_.tensors[binding.tensor].storage] = true;
    }
    for (size_t step = 0; step < s_.steps.size(); ++step) {
      const ScheduledStep& scheduled = s_.steps[step];
      auto storage_at = [&](uint32_t tensor) {
        const uint32_t index = s_.tensors[tensor].storage;
        const Storage& storage = s_.storages[index];
        const auto now = static_cast<int64_t>(step);
        if (storage.kind == StorageKind::kArena && (now < storage.first || now > storage.last)) {
          findings_.add("step '" + scheduled.spec.name + "' uses '" + s_.tensors[tensor].name +
                        "' outside its planned life");
        }
        return index;
      };
      for (uint32_t tensor : scheduled.inputs) {
        if (!written[storage_at(tensor)]) {
          findings_.add("step '" + scheduled.spec.name + "' reads '" + s_.tensors[tensor].name +
                        "' before it is written");
        }
      }
      for (uint32_t tensor : scheduled.outputs) {
        const uint32_t index = storage_at(tensor);
        if (s_.storages[index].kind == StorageKind::kConstant || inputs.count(index) > 0) {
          findings_.add("step '" + scheduled.spec.name + "' writes into a constant or an input");
        }
        written[index] = true;
      }
    }
    for (const ScheduledBinding& binding : s_.bindings) {
      if (!binding.is_input && !written[s_.tensors[binding.tensor].storage]) {
        findings_.add("output '" + binding.name + "' is never written");
      }
    }
  }

  void check_dependences() {
    for (const Dependence& d : s_.dependences) {
      if (d.from >= d.to || d.to >= s_.steps.size()) findings_.add("a dependence leads backwards");
    }
  }

  const Schedule& s_;
  Findings findings_;
};

}  // namespace

void verify_schedule(const Schedule& schedule) { Checker(schedule).run(); }

}  // namespace stint::builder
