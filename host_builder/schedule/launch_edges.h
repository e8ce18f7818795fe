// The order in which a GPU executes a program's launches.
#pragma once

#include "host_builder/schedule/schedule.h"

namespace stint::builder {

struct LaunchOrder {
  bool programmatic = false;  // a step prepares itself while those before it run
  bool concurrent = false;    // the schedule was made for it; false: one step after the other
};

/// Replaces the schedule's edges.
void link_launches(Schedule& schedule, const LaunchOrder& order);

}  // namespace stint::builder
