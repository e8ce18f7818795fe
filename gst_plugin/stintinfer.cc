/**
 * SECTION:element-stintinfer
 *
 * Runs a plan made by `stint build --preprocess … --postprocess …` on every frame of a stream and
 * attaches what it finds. The frame itself goes on untouched. Put one in each stream; those with
 * the same plan share one engine, whose batches are formed from the frames that wait at the time.
 * There is no muxer.
 *
 * |[
 * # One camera, boxes drawn
 * gst-launch-1.0 -m v4l2src ! videoconvert ! stintinfer model=det.plan stats-interval=1000000000 \
 *   ! stintoverlay ! videoconvert ! autovideosink
 *
 * # Results as JSON, a line per frame
 * gst-launch-1.0 -q videotestsrc num-buffers=100 ! stintinfer model=det.plan ! stintjson ! fdsink
 *
 * # Freshest frame only: what is older than 80 ms goes on without inference, and says so
 * gst-launch-1.0 v4l2src ! queue leaky=downstream max-size-buffers=1 ! videoconvert \
 *   ! stintinfer model=det.plan max-age=80000000 ! stintjson ! fdsink
 *
 * # Two streams, one engine
 * gst-launch-1.0 videotestsrc ! stintinfer model=det.plan stream-id=a ! stintjson ! fdsink \
 *                videotestsrc ! stintinfer model=det.plan stream-id=b ! stintjson ! fdsink
 *
 * # A second network on what the first one found
 * gst-launch-1.0 … ! stintinfer model=det.plan ! stintinfer model=cls.plan region=rois ! stintjson
 * ! fdsink
 * ]|
 *
 * On frames: a GstVideoRegionOfInterestMeta per detection (roi_type: label; parameters "detection":
 * x_min, x_max, y_min, y_max as doubles in 0..1, confidence double, label_id int, label string) and
 * one frame meta (stint_meta.h). On the bus: element messages stint-model-loaded,
 * stint-model-updated, stint-model-update-failed, stint-stats, stint-result; QOS about late frames;
 * errors and warnings with details {found, needed, command}. A frame with a GstVideoCropMeta is
 * looked at as far as it is visible; boxes count from that part's corner.
 */
#include "gst_plugin/stintinfer.h"

#include <gst/base/gstbasetransform.h>

#include "gst_plugin/allocation.h"
#include "gst_plugin/caps_advice.h"
#include "gst_plugin/frame_image.h"
#include "gst_plugin/infer_properties.h"
#include "gst_plugin/infer_stream.h"

typedef struct GstStintInfer {
  GstBaseTransform parent;
  stint::gst::InferStream* stream;
  stint::gst::CapsAdvice* advice;
} GstStintInfer;

typedef struct GstStintInferClass {
  GstBaseTransformClass parent_class;
} GstStintInferClass;

#define GST_STINT_INFER(object) (reinterpret_cast<GstStintInfer*>(object))

G_DEFINE_TYPE(GstStintInfer, gst_stint_infer, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(stintinfer, "stintinfer", GST_RANK_NONE, gst_stint_infer_get_type())

#define parent_class gst_stint_infer_parent_class
#define STINT_CAPS \
  GST_VIDEO_CAPS_MAKE(STINT_VIDEO_FORMATS) ", interlace-mode = (string) progressive"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(STINT_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(STINT_CAPS));

static void gst_stint_infer_set_property(GObject* object, guint id, const GValue* value,
                                         GParamSpec* spec) {
  if (!GST_STINT_INFER(object)->stream->set_setting(id, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void gst_stint_infer_dispatch_properties_changed(GObject* object, guint count,
                                                        GParamSpec** specs) {
  G_OBJECT_CLASS(parent_class)->dispatch_properties_changed(object, count, specs);
  GST_STINT_INFER(object)->stream->settings_complete();
}

static void gst_stint_infer_get_property(GObject* object, guint id, GValue* value,
                                         GParamSpec* spec) {
  stint::gst::InferStream* stream = GST_STINT_INFER(object)->stream;
  if (stream->get_setting(id, value)) return;
  switch (id) {
    case stint::gst::kPropStats:
      g_value_take_boxed(value, stream->stats());
      break;
    case stint::gst::kPropActiveDevice: {
      const std::string device = stream->active_device();
      g_value_set_string(value, device.empty() ? nullptr : device.c_str());
      break;
    }
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void gst_stint_infer_finalize(GObject* object) {
  delete GST_STINT_INFER(object)->stream;
  delete GST_STINT_INFER(object)->advice;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

/// The base class stops the streaming thread before its own stop() is called: a frame that waits
/// for its result must be woken before that.
static GstStateChangeReturn gst_stint_infer_change_state(GstElement* element,
                                                         GstStateChange transition) {
  stint::gst::InferStream* stream = GST_STINT_INFER(element)->stream;
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !stream->load()) {
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !stream->start()) {
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING) stream->set_paused(false);
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) stream->set_paused(true);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stream->wake();
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
  const bool did_not_start =
      transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || did_not_start) stream->stop();
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) stream->unload();
  return result;
}

static gboolean gst_stint_infer_sink_event(GstBaseTransform* transform, GstEvent* event) {
  stint::gst::InferStream* stream = GST_STINT_INFER(transform)->stream;
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_FLUSH_START) stream->set_flushing(true);
  if (type == GST_EVENT_STREAM_START) stream->begin_stream();
  if (type == GST_EVENT_EOS) stream->end_stream();
  const gboolean result = GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(transform, event);
  if (type == GST_EVENT_FLUSH_STOP) stream->set_flushing(false);
  return result;
}

static gboolean gst_stint_infer_query(GstBaseTransform* transform, GstPadDirection direction,
                                      GstQuery* query) {
  const gboolean result =
      GST_BASE_TRANSFORM_CLASS(parent_class)->query(transform, direction, query);
  if (result && direction == GST_PAD_SINK)
    GST_STINT_INFER(transform)->advice->look_at_answer(query);
  if (!result || direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) {
    return result;
  }
  gboolean live;
  GstClockTime least, most;
  gst_query_parse_latency(query, &live, &least, &most);
  const GstClockTime share = GST_STINT_INFER(transform)->stream->latency();
  if (GST_CLOCK_TIME_IS_VALID(most)) most += share;
  gst_query_set_latency(query, live, least + share, most);
  return TRUE;
}

static gboolean gst_stint_infer_set_caps(GstBaseTransform* transform, GstCaps* caps, GstCaps*) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return FALSE;
  GST_STINT_INFER(transform)->stream->set_video_info(info);
  GST_STINT_INFER(transform)->advice->accepted();
  return TRUE;
}

static gboolean gst_stint_infer_propose_allocation(GstBaseTransform* transform,
                                                   GstQuery* decide_query, GstQuery* query) {
  const gboolean result =
      GST_BASE_TRANSFORM_CLASS(parent_class)->propose_allocation(transform, decide_query, query);
  stint::gst::propose_what_downstream_takes(transform, query);
  return result;
}

static GstFlowReturn gst_stint_infer_transform_ip(GstBaseTransform* transform, GstBuffer* buffer) {
  return GST_STINT_INFER(transform)->stream->process(buffer);
}

static void gst_stint_infer_class_init(GstStintInferClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  auto* element = GST_ELEMENT_CLASS(klass);
  auto* transform = GST_BASE_TRANSFORM_CLASS(klass);
  object->set_property = gst_stint_infer_set_property;
  object->get_property = gst_stint_infer_get_property;
  object->dispatch_properties_changed = gst_stint_infer_dispatch_properties_changed;
  object->finalize = gst_stint_infer_finalize;
  stint::gst::install_properties(object);

  element->change_state = GST_DEBUG_FUNCPTR(gst_stint_infer_change_state);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(
      element, "Stint inference", "Filter/Analyzer/Video",
      "Runs a compiled neural network on every frame and attaches the detections",
      "The Stint developers");

  transform->sink_event = GST_DEBUG_FUNCPTR(gst_stint_infer_sink_event);
  transform->query = GST_DEBUG_FUNCPTR(gst_stint_infer_query);
  transform->set_caps = GST_DEBUG_FUNCPTR(gst_stint_infer_set_caps);
  transform->propose_allocation = GST_DEBUG_FUNCPTR(gst_stint_infer_propose_allocation);
  transform->transform_ip = GST_DEBUG_FUNCPTR(gst_stint_infer_transform_ip);
  transform->transform_ip_on_passthrough = FALSE;
}

static void gst_stint_infer_init(GstStintInfer* self) {
  self->stream = new stint::gst::InferStream(GST_BASE_TRANSFORM(self));
  self->advice = new stint::gst::CapsAdvice(GST_ELEMENT(self),
                                            GST_BASE_TRANSFORM_SINK_PAD(GST_BASE_TRANSFORM(self)));
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), FALSE);
}
