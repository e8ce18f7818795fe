// Settings that are allowed but probably not what was meant.
#pragma once

#include <vector>

#include "gst_plugin/engine/plan_executor.h"
#include "gst_plugin/infer_properties.h"

namespace stint::gst {

/// What is to be said about the value of one property; no problem if nothing. `plan` may be null:
/// then only what holds for every plan.
Problem remark_on(guint property, const FrameSettings& settings, const PlanExecutor* plan);

/// About all properties.
std::vector<Problem> all_remarks(const FrameSettings& settings, const PlanExecutor& plan);

}  // namespace stint::gst
