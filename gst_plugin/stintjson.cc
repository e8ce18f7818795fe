/**
 * SECTION:element-stintjson
 *
 * Turns frames into lines of JSON: what stintinfer found on each, and nothing of the picture.
 *
 * |[
 * gst-launch-1.0 -q videotestsrc num-buffers=100 ! stintinfer model=det.plan ! stintjson ! fdsink
 * ]|
 *
 * One object a line, one line a frame, one buffer a line:
 *   stream-id   name of the stream, null if the frame went through no stintinfer
 *   frame       number of the frame in its stream, from 0
 *   pts         nanoseconds, null if the frame has none
 *   width, height   of the frame, pixels
 *   inferred    whether the network ran on this frame; false with no detections is not "nothing
 * there" reason      why it did not: every-n, max-rate, late, no-regions; null if it did
 *   batch-fill, wait-ns, run-ns, total-ns, age-ns   how it ran; only if inferred
 *   detections  [{id, parent_id (null: whole frame), class_id, label, score, box {x1, y1, x2,
 * y2}}], pixels of the frame
 */
#include "gst_plugin/stintjson.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/gstvideometa.h>
#include <gst/video/video.h>

#include <cstring>

#include "gst_plugin/engine/pacer.h"
#include "gst_plugin/frame_detections.h"
#include "gst_plugin/json_line.h"

typedef struct GstStintJson {
  GstBaseTransform parent;
  gint width, height;
  guint64 frames;  // for frames that no stintinfer has numbered
} GstStintJson;

typedef struct GstStintJsonClass {
  GstBaseTransformClass parent_class;
} GstStintJsonClass;

#define GST_STINT_JSON(object) (reinterpret_cast<GstStintJson*>(object))

G_DEFINE_TYPE(GstStintJson, gst_stint_json, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(stintjson, "stintjson", GST_RANK_NONE, gst_stint_json_get_type())

#define parent_class gst_stint_json_parent_class

// Pixels are never touched: any format in any memory will do.
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-json"));

namespace stint::gst {
namespace {

void write_detection(const GstStintDetection& d, JsonLine* json) {
  json->begin_object();
  json->key("id").value(uint64_t{d.id});
  json->key("parent_id");
  if (d.parent_id == 0) {
    json->null();
  } else {
    json->value(uint64_t{d.parent_id});
  }
  json->key("class_id").value(int64_t{d.class_id});
  json->key("label").value(d.label);
  json->key("score").value(d.score);
  json->key("box").begin_object();
  json->key("x1").value(d.x1);
  json->key("y1").value(d.y1);
  json->key("x2").value(d.x2);
  json->key("y2").value(d.y2);
  json->end_object();
  json->end_object();
}

void write_run(const GstStintMeta* frame, JsonLine* json) {
  const bool inferred = frame && frame->inferred;
  json->key("inferred").value(inferred);
  json->key("reason");
  if (frame && !inferred) {
    json->value(skip_reason_name(static_cast<SkipReason>(frame->reason)));
  } else {
    json->null();
  }
  if (!inferred) return;
  json->key("batch-fill").value(uint64_t{frame->batch_fill});
  json->key("wait-ns").value(uint64_t{frame->wait_ns});
  json->key("run-ns").value(uint64_t{frame->run_ns});
  json->key("total-ns").value(uint64_t{frame->total_ns});
  json->key("age-ns").value(uint64_t{frame->age_ns});
}

std::string frame_line(GstBuffer* buffer, gint width, gint height, guint64 number) {
  const FrameDetections found = read_detections(buffer);
  JsonLine json;
  json.begin_object();
  json.key("stream-id");
  if (found.frame && found.frame->stream_id) {
    json.value(found.frame->stream_id);
  } else {
    json.null();
  }
  json.key("frame").value(uint64_t{found.frame ? found.frame->frame_index : number});
  json.key("pts");
  if (GST_BUFFER_PTS_IS_VALID(buffer)) {
    json.value(uint64_t{GST_BUFFER_PTS(buffer)});
  } else {
    json.null();
  }
  json.key("width").value(int64_t{width});
  json.key("height").value(int64_t{height});
  write_run(found.frame, &json);
  json.key("detections").begin_array();
  for (const GstStintDetection& detection : found.detections) write_detection(detection, &json);
  json.end_array();
  json.end_object();
  return json.text() + "\n";
}

}  // namespace
}  // namespace stint::gst

static gboolean gst_stint_json_start(GstBaseTransform* transform) {
  GST_STINT_JSON(transform)->frames = 0;
  return TRUE;
}

static GstCaps* gst_stint_json_transform_caps(GstBaseTransform* transform,
                                              GstPadDirection direction, GstCaps*,
                                              GstCaps* filter) {
  GstPad* other = direction == GST_PAD_SINK ? GST_BASE_TRANSFORM_SRC_PAD(transform)
                                            : GST_BASE_TRANSFORM_SINK_PAD(transform);
  GstCaps* caps = gst_pad_get_pad_template_caps(other);
  if (!filter) return caps;
  GstCaps* both = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(caps);
  return both;
}

static gboolean gst_stint_json_set_caps(GstBaseTransform* transform, GstCaps* caps, GstCaps*) {
  GstStintJson* self = GST_STINT_JSON(transform);
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  return gst_structure_get_int(structure, "width", &self->width) &&
         gst_structure_get_int(structure, "height", &self->height);
}

static gboolean gst_stint_json_propose_allocation(GstBaseTransform*, GstQuery*, GstQuery* query) {
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return TRUE;
}

static GstFlowReturn gst_stint_json_prepare_output_buffer(GstBaseTransform* transform,
                                                          GstBuffer* input, GstBuffer** output) {
  GstStintJson* self = GST_STINT_JSON(transform);
  const std::string line = stint::gst::frame_line(input, self->width, self->height, self->frames++);
  gpointer copy = g_malloc(line.size());
  memcpy(copy, line.data(), line.size());
  *output = gst_buffer_new_wrapped(copy, line.size());
  const auto what =
      static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS);
  gst_buffer_copy_into(*output, input, what, 0, static_cast<gsize>(-1));
  return GST_FLOW_OK;
}

// The line is written by prepare_output_buffer(), which alone knows how long it is.
static GstFlowReturn gst_stint_json_transform(GstBaseTransform*, GstBuffer*, GstBuffer*) {
  return GST_FLOW_OK;
}

static void gst_stint_json_class_init(GstStintJsonClass* klass) {
  auto* element = GST_ELEMENT_CLASS(klass);
  auto* transform = GST_BASE_TRANSFORM_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Stint JSON", "Filter/Converter/Video",
                                        "Writes what was found on each frame as a line of JSON",
                                        "The Stint developers");
  transform->start = GST_DEBUG_FUNCPTR(gst_stint_json_start);
  transform->transform_caps = GST_DEBUG_FUNCPTR(gst_stint_json_transform_caps);
  transform->set_caps = GST_DEBUG_FUNCPTR(gst_stint_json_set_caps);
  transform->propose_allocation = GST_DEBUG_FUNCPTR(gst_stint_json_propose_allocation);
  transform->prepare_output_buffer = GST_DEBUG_FUNCPTR(gst_stint_json_prepare_output_buffer);
  transform->transform = GST_DEBUG_FUNCPTR(gst_stint_json_transform);
}

static void gst_stint_json_init(GstStintJson* self) {
  gst_base_transform_set_gap_aware(GST_BASE_TRANSFORM(self), TRUE);
}
