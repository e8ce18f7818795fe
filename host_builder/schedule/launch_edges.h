// The order in which a GPU executes a program's launches.
#pragma once

#include "host_builder/schedule/schedule.h"

namespace stint::builder {

/// Replaces the schedule's edges: one step after the other, each preparing itself while the one
/// before it runs where the device can do that.
void link_launches(Schedule& schedule, bool programmatic);

}  // namespace stint::builder
