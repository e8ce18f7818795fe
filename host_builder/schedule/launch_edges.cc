#include "host_builder/schedule/launch_edges.h"

#include "host_builder/schedule/concurrency.h"

namespace stint::builder {

void link_launches(Schedule& schedule, const LaunchOrder& order) {
  schedule.edges.clear();
  if (!order.concurrent) {
    for (uint32_t i = 1; i < schedule.steps.size(); ++i)
      schedule.edges.push_back({i - 1, i, order.programmatic});
    return;
  }
  const Concurrency concurrency(schedule.steps.size(), schedule.dependences);
  for (const Dependence& d : concurrency.reduced())
    schedule.edges.push_back({d.from, d.to, order.programmatic});
}

}  // namespace stint::builder
