#include "gst_plugin/stint_meta.h"

#include <gst/video/gstvideometa.h>
#include <gst/video/video.h>

namespace stint::gst {
namespace {

gboolean init(GstMeta* meta, gpointer, GstBuffer*) {
  auto* stint = reinterpret_cast<GstStintMeta*>(meta);
  const GstMeta header = stint->meta;
  *stint = {};
  stint->meta = header;
  return TRUE;
}

void release(GstMeta* meta, GstBuffer*) {
  auto* stint = reinterpret_cast<GstStintMeta*>(meta);
  if (stint->stream_id) g_ref_string_release(stint->stream_id);
  if (stint->model) g_ref_string_release(stint->model);
  g_free(stint->detections);
}

void copy_fields(const GstStintMeta& from, GstStintMeta* to, double scale_x, double scale_y) {
  to->frame_index = from.frame_index;
  to->inferred = from.inferred;
  to->reason = from.reason;
  to->batch_fill = from.batch_fill;
  to->wait_ns = from.wait_ns;
  to->run_ns = from.run_ns;
  to->total_ns = from.total_ns;
  to->age_ns = from.age_ns;
  resize_detections(to, from.detection_count);
  for (guint i = 0; i < from.detection_count; ++i) {
    GstStintDetection& detection = to->detections[i];
    detection = from.detections[i];
    detection.x1 = static_cast<gfloat>(detection.x1 * scale_x);
    detection.x2 = static_cast<gfloat>(detection.x2 * scale_x);
    detection.y1 = static_cast<gfloat>(detection.y1 * scale_y);
    detection.y2 = static_cast<gfloat>(detection.y2 * scale_y);
  }
}

gboolean transform(GstBuffer* destination, GstMeta* meta, GstBuffer*, GQuark type, gpointer data) {
  const auto* from = reinterpret_cast<const GstStintMeta*>(meta);
  double scale_x = 1, scale_y = 1;
  if (GST_META_TRANSFORM_IS_COPY(type)) {
    const auto* copy = static_cast<const GstMetaTransformCopy*>(data);
    if (copy && copy->region) return TRUE;  // part of the bytes: no frame any more
  } else if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
    const auto* video = static_cast<const GstVideoMetaTransform*>(data);
    scale_x = double(GST_VIDEO_INFO_WIDTH(video->out_info)) / GST_VIDEO_INFO_WIDTH(video->in_info);
    scale_y =
        double(GST_VIDEO_INFO_HEIGHT(video->out_info)) / GST_VIDEO_INFO_HEIGHT(video->in_info);
  } else {
    return FALSE;
  }
  GstStintMeta* to = add_meta(destination, from->stream_id, from->model);
  if (!to) return FALSE;
  copy_fields(*from, to, scale_x, scale_y);
  return TRUE;
}

const GstMetaInfo* info() {
  static const GstMetaInfo* registered = gst_meta_register(
      meta_api_type(), "GstStintMeta", sizeof(GstStintMeta), init, release, transform);
  return registered;
}

}  // namespace

GType meta_api_type() {
  // The tags of the region-of-interest meta: elements that scale or convert video hand both on.
  static const gchar* tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_ORIENTATION_STR,
                                GST_META_TAG_VIDEO_SIZE_STR, nullptr};
  static const GType type = gst_meta_api_type_register("GstStintMetaAPI", tags);
  return type;
}

GstStintMeta* add_meta(GstBuffer* buffer, gchar* stream_id, gchar* model) {
  auto* meta = reinterpret_cast<GstStintMeta*>(gst_buffer_add_meta(buffer, info(), nullptr));
  if (!meta) return nullptr;
  if (stream_id) meta->stream_id = g_ref_string_acquire(stream_id);
  if (model) meta->model = g_ref_string_acquire(model);
  return meta;
}

GstStintMeta* next_meta(GstBuffer* buffer, gpointer* state) {
  return reinterpret_cast<GstStintMeta*>(
      gst_buffer_iterate_meta_filtered(buffer, state, meta_api_type()));
}

void resize_detections(GstStintMeta* meta, guint count) {
  g_free(meta->detections);
  meta->detections = count > 0 ? g_new0(GstStintDetection, count) : nullptr;
  meta->detection_count = count;
}

}  // namespace stint::gst
