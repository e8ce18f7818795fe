// The frame meta of stintinfer: tells "inferred, nothing found" from "not inferred, and why", and
// carries the detections in full (a GstVideoRegionOfInterestMeta loses its parameters when a frame
// is scaled). Survives copies and scaling.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  guint id;         // unique in the frame, same as in the GstVideoRegionOfInterestMeta
  guint parent_id;  // region the network looked at, 0: the whole frame
  gint class_id;
  gfloat score;
  gfloat x1, y1, x2, y2;  // pixels of this buffer, inside it
  const gchar* label;     // interned
} GstStintDetection;

typedef struct {
  GstMeta meta;
  gchar* stream_id;     // GRefString
  gchar* model;         // GRefString: name of the network
  guint64 frame_index;  // of the stream, from 0
  gboolean inferred;
  guint reason;  // stint::gst::SkipReason; 0 if inferred
  guint batch_fill;
  guint64 wait_ns, run_ns, total_ns, age_ns;  // 0 if not inferred
  guint detection_count;
  GstStintDetection* detections;  // g_malloc
} GstStintMeta;

G_END_DECLS

namespace stint::gst {

GType meta_api_type();

/// An empty meta to fill in. `buffer` must be writable. The strings are referenced.
GstStintMeta* add_meta(GstBuffer* buffer, gchar* stream_id, gchar* model);

/// The next meta of a buffer, nullptr after the last. `*state` starts as nullptr.
GstStintMeta* next_meta(GstBuffer* buffer, gpointer* state);

/// Room for `count` detections, all zero; replaces what was there.
void resize_detections(GstStintMeta* meta, guint count);

}  // namespace stint::gst
