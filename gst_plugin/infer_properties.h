// The properties of stintinfer: gst-inspect-1.0 stintinfer is their manual.
#pragma once

#include <gst/gst.h>

#include "gst_plugin/infer_settings.h"

namespace stint::gst {

enum InferProperty : guint {
  kPropModel = 1,
  kPropDevice,
  kPropEngineId,
  kPropThreads,
  kPropBatchSize,
  kPropBatchTimeout,
  kPropMaxAge,
  kPropLatePolicy,
  kPropEveryN,
  kPropMaxRate,
  kPropPriority,
  kPropStreamId,
  kPropRegion,
  kPropThreshold,
  kPropIouThreshold,
  kPropMaxDetections,
  kPropLabelsFile,
  kPropOutputMeta,
  kPropMessageResults,
  kPropStatsInterval,
  kPropReportLatency,
  kPropStats,         // read-only, not in InferSettings
  kPropActiveDevice,  // read-only, not in InferSettings
};

void install_properties(GObjectClass* object_class);

/// Settings as they are when nobody sets anything.
InferSettings default_settings();

/// Return false for a property that is not a setting.
bool set_setting(InferSettings* settings, guint property, const GValue* value);
bool get_setting(const InferSettings& settings, guint property, GValue* value);

}  // namespace stint::gst
