// What stintinfer says on the bus.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

#include "gst_plugin/engine/problem.h"
#include "gst_plugin/engine/stream_stats.h"
#include "gst_plugin/loaded_model.h"
#include "gst_plugin/stint_meta.h"

namespace stint::gst {

/// An ERROR with details {found, needed, command}. Missing file: RESOURCE/NOT_FOUND; unreadable:
/// RESOURCE/OPEN_READ; a plan, device or property that does not fit: LIBRARY/SETTINGS; video that
/// cannot be taken: STREAM/FORMAT; a failure while running: LIBRARY/FAILED.
void post_error(GstElement* element, const Problem& problem);

/// A WARNING with the same details: the stream goes on, but probably not as it was meant.
void post_warning(GstElement* element, const Problem& problem);

/// stint-model-loaded, or stint-model-updated with the old plan's path.
void post_model(GstElement* element, const LoadedModel& model, const char* old_path);

/// stint-model-update-failed: the old model goes on.
void post_update_failed(GstElement* element, const std::string& old_path,
                        const std::string& new_path, const Problem& problem);

/// stint-stats: counters and percentiles of a stream, with the engine's under "engine". Caller
/// owns.
GstStructure* stats_structure(const char* stream_id, const StreamCounters& counters,
                              const BatcherStats* engine);

/// stint-result: what one frame's meta says.
void post_result(GstElement* element, const GstStintMeta& meta, GstClockTime pts);

/// QOS about a late frame, at most once a second.
class QosReporter {
 public:
  void restart() { last_ = GST_CLOCK_TIME_NONE; }
  void report(GstBaseTransform* transform, GstBuffer* buffer, bool live, Nanoseconds lateness,
              uint64_t processed, uint64_t dropped);

 private:
  GstClockTime last_ = GST_CLOCK_TIME_NONE;  // monotonic
};

}  // namespace stint::gst
