#include "gst_plugin/frame_detections.h"

#include <gst/video/gstvideometa.h>

namespace stint::gst {
namespace {

GstStintDetection from_region(const GstVideoRegionOfInterestMeta& region) {
  GstStintDetection d{};
  d.id = static_cast<guint>(region.id);
  d.parent_id = static_cast<guint>(region.parent_id);
  d.class_id = -1;
  d.score = 1;
  d.x1 = static_cast<gfloat>(region.x);
  d.y1 = static_cast<gfloat>(region.y);
  d.x2 = static_cast<gfloat>(region.x) + static_cast<gfloat>(region.w);
  d.y2 = static_cast<gfloat>(region.y) + static_cast<gfloat>(region.h);
  const gchar* label = g_quark_to_string(region.roi_type);
  d.label = label ? label : "";
  for (GList* item = region.params; item; item = item->next) {
    const auto* params = static_cast<const GstStructure*>(item->data);
    if (!gst_structure_has_name(params, "detection")) continue;
    gdouble confidence = 1;
    if (gst_structure_get_double(params, "confidence", &confidence)) {
      d.score = static_cast<gfloat>(confidence);
    }
    gst_structure_get_int(params, "label_id", &d.class_id);
  }
  return d;
}

}  // namespace

FrameDetections read_detections(GstBuffer* buffer) {
  FrameDetections all;
  gpointer state = nullptr;
  while (GstStintMeta* meta = next_meta(buffer, &state)) {
    if (!all.frame) all.frame = meta;
    all.detections.insert(all.detections.end(), meta->detections,
                          meta->detections + meta->detection_count);
  }
  if (all.frame) return all;
  state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
             buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    all.detections.push_back(
        from_region(*reinterpret_cast<const GstVideoRegionOfInterestMeta*>(meta)));
  }
  return all;
}

}  // namespace stint::gst
