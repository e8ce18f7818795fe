// A GStreamer video frame as the runtime sees it.
#pragma once

#include <gst/video/video.h>

#include <memory>

#include "gst_plugin/engine/batcher.h"

// System memory formats that the runtime reads.
#define STINT_VIDEO_FORMATS "{ NV12, I420, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 }"

namespace stint::gst {

/// The part of a buffer's frame that is meant to be seen, in its pixels. Results and regions of
/// interest count from its corner, as if the rest were not there.
struct VisiblePart {
  guint x = 0, y = 0, width = 0, height = 0;
};

/// What a GstVideoCropMeta leaves of a frame, which may carry one where downstream or the source
/// says so; without one all of it. Empty if nothing is left.
VisiblePart visible_part(GstBuffer* buffer, guint width, guint height);

/// A buffer mapped for reading, with a reference to it.
class MappedFrame : public FrameHold {
 public:
  /// nullptr if the buffer cannot be mapped, or nothing of it is visible.
  static std::unique_ptr<MappedFrame> map(const GstVideoInfo& info, GstBuffer* buffer);
  ~MappedFrame() override;
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  /// The visible part of the frame, valid as long as this object. Detections in it come in
  /// coordinates of the whole one.
  stint_image image() const;
  const VisiblePart& visible() const { return visible_; }

 private:
  MappedFrame() = default;
  GstVideoFrame frame_{};
  VisiblePart visible_;
};

}  // namespace stint::gst
