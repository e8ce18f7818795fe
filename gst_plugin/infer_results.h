// Attaches what the network found to the frame.
#pragma once

#include <gst/video/video.h>

#include <vector>

#include "gst_plugin/engine/batcher.h"
#include "gst_plugin/frame_image.h"
#include "gst_plugin/infer_settings.h"
#include "gst_plugin/loaded_model.h"
#include "gst_plugin/stint_meta.h"

namespace stint::gst {

/// A part of the frame that another element found.
struct FrameRegion {
  guint id;
  guint x, y, width, height;  // inside the visible part, not empty
};

/// The regions of interest of a frame, cut to it; empty ones are left out. An identity is given to
/// those without one.
void collect_regions(GstBuffer* buffer, const GstVideoInfo& info,
                     std::vector<FrameRegion>* regions);

/// Writes jobs' detections into `meta` and, as `output_meta` says, as metadata of other kinds.
/// `regions` is empty, or has the parent of each job. Boxes count from the corner of the visible
/// part and are cut to the frame; those outside it are left out. `buffer` must be writable.
void attach_detections(GstBuffer* buffer, const GstVideoInfo& info, const VisiblePart& visible,
                       const LoadedModel& model, const std::vector<Job>& jobs,
                       const std::vector<FrameRegion>& regions, unsigned output_meta,
                       GstStintMeta* meta);

}  // namespace stint::gst
