#include "host_builder/schedule/dependences.h"

#include <algorithm>

#include "host_builder/graph/views.h"

namespace stint::builder {
namespace {

struct Access {
  uint32_t step;
  ValueId value;
  bool write;
};

}  // namespace

std::vector<Dependence> find_dependences(const Graph& graph,
                                         const std::vector<const StepSpec*>& steps,
                                         const StorageMap& map) {
  std::vector<std::vector<Access>> accesses(map.storages.size());
  std::vector<Dependence> result;
  for (uint32_t step = 0; step < steps.size(); ++step) {
    auto visit = [&](ValueId id, bool write) {
      std::vector<Access>& earlier = accesses[map.of_value[id]];
      for (const Access& access : earlier) {
        if (access.step == step || (!write && !access.write)) continue;
        if (access.value != id && !may_overlap(graph.value(access.value), graph.value(id)))
          continue;
        result.push_back({access.step, step});
      }
      earlier.push_back({step, id, write});
    };
    for (ValueId id : steps[step]->inputs) {
      if (map.storages[map.of_value[id]].kind != StorageKind::kConstant) visit(id, false);
    }
    for (ValueId id : steps[step]->outputs) visit(id, true);
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace stint::builder
