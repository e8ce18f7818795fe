// What a frame says about the objects on it, whoever found them.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "gst_plugin/stint_meta.h"

namespace stint::gst {

struct FrameDetections {
  /// Of the first stintinfer the frame went through; nullptr: there was none.
  const GstStintMeta* frame = nullptr;
  std::vector<GstStintDetection> detections;
};

/// From all frame metas; of a frame without any, from its regions of interest. Valid as long as the
/// buffer.
FrameDetections read_detections(GstBuffer* buffer);

}  // namespace stint::gst
