#include "host_builder/schedule/launch_edges.h"

namespace stint::builder {

void link_launches(Schedule& schedule, bool programmatic) {
  schedule.edges.clear();
  for (uint32_t i = 1; i < schedule.steps.size(); ++i)
    schedule.edges.push_back({i - 1, i, programmatic});
}

}  // namespace stint::builder
