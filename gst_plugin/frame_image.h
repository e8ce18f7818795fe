// A GStreamer video frame as the runtime sees it.
#pragma once

#include <gst/video/video.h>

#include <memory>

#include "gst_plugin/engine/batcher.h"

// System memory formats that the runtime reads.
#define STINT_VIDEO_FORMATS "{ NV12, I420, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 }"

namespace stint::gst {

/// A buffer mapped for reading, with a reference to it.
class MappedFrame : public FrameHold {
 public:
  /// nullptr if the buffer cannot be mapped.
  static std::unique_ptr<MappedFrame> map(const GstVideoInfo& info, GstBuffer* buffer);
  ~MappedFrame() override;
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  /// The whole frame, valid as long as this object.
  stint_image image() const;

 private:
  MappedFrame() = default;
  GstVideoFrame frame_{};
};

}  // namespace stint::gst
