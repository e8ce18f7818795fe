#include "gst_plugin/infer_results.h"

#include <gst/video/gstvideometa.h>
#if STINT_HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include <algorithm>
#include <cmath>

namespace stint::gst {
namespace {

GstVideoRegionOfInterestMeta* next_region(GstBuffer* buffer, gpointer* state) {
  return reinterpret_cast<GstVideoRegionOfInterestMeta*>(
      gst_buffer_iterate_meta_filtered(buffer, state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
}

guint largest_id(GstBuffer* buffer) {
  guint largest = 0;
  gpointer state = nullptr;
  while (auto* region = next_region(buffer, &state)) {
    if (region->id > 0) largest = std::max(largest, static_cast<guint>(region->id));
  }
  state = nullptr;
  while (auto* meta = next_meta(buffer, &state)) {
    for (guint i = 0; i < meta->detection_count; ++i) {
      largest = std::max(largest, meta->detections[i].id);
    }
  }
  return largest;
}

/// Moves a detection from the buffer's frame to the visible part and cuts it to that. False if
/// nothing is left, or if it is not a box at all.
bool clip(const stint_detection& found, const VisiblePart& visible, float width, float height,
          GstStintDetection* out) {
  const auto left = static_cast<float>(visible.x), top = static_cast<float>(visible.y);
  const bool finite = std::isfinite(found.x1) && std::isfinite(found.y1) &&
                      std::isfinite(found.x2) && std::isfinite(found.y2) &&
                      std::isfinite(found.score);
  if (!finite) return false;
  out->x1 = std::clamp(found.x1 - left, 0.0f, width);
  out->y1 = std::clamp(found.y1 - top, 0.0f, height);
  out->x2 = std::clamp(found.x2 - left, 0.0f, width);
  out->y2 = std::clamp(found.y2 - top, 0.0f, height);
  out->score = found.score;
  out->class_id = found.class_id;
  return out->x2 > out->x1 && out->y2 > out->y1;
}

struct PixelBox {
  guint x, y, width, height;
};

/// Nearest whole pixels, at least one.
PixelBox to_pixels(const GstStintDetection& d, guint frame_width, guint frame_height) {
  const auto edge = [](float value) { return static_cast<guint>(std::lround(value)); };
  PixelBox box;
  box.x = std::min(edge(d.x1), frame_width - 1);
  box.y = std::min(edge(d.y1), frame_height - 1);
  box.width = std::max(1u, std::min(edge(d.x2), frame_width) - std::min(box.x, edge(d.x2)));
  box.height = std::max(1u, std::min(edge(d.y2), frame_height) - std::min(box.y, edge(d.y2)));
  return box;
}

void attach_region(GstBuffer* buffer, const GstStintDetection& d, GQuark label, guint frame_width,
                   guint frame_height) {
  const PixelBox box = to_pixels(d, frame_width, frame_height);
  GstVideoRegionOfInterestMeta* region = gst_buffer_add_video_region_of_interest_meta_id(
      buffer, label, box.x, box.y, box.width, box.height);
  region->id = static_cast<gint>(d.id);
  region->parent_id = static_cast<gint>(d.parent_id);
  // The field names of DL Streamer, so that its elements understand them.
  gst_video_region_of_interest_meta_add_param(
      region, gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, double(d.x1) / frame_width,
                                "x_max", G_TYPE_DOUBLE, double(d.x2) / frame_width, "y_min",
                                G_TYPE_DOUBLE, double(d.y1) / frame_height, "y_max", G_TYPE_DOUBLE,
                                double(d.y2) / frame_height, "confidence", G_TYPE_DOUBLE,
                                double(d.score), "label_id", G_TYPE_INT, d.class_id, "label",
                                G_TYPE_STRING, d.label, nullptr));
}

#if STINT_HAVE_GST_ANALYTICS
void attach_analytics(GstBuffer* buffer, const GstStintMeta& meta, guint frame_width,
                      guint frame_height) {
  GstAnalyticsRelationMeta* relations = gst_buffer_get_analytics_relation_meta(buffer);
  if (!relations) relations = gst_buffer_add_analytics_relation_meta(buffer);
  for (guint i = 0; i < meta.detection_count; ++i) {
    const GstStintDetection& d = meta.detections[i];
    const PixelBox box = to_pixels(d, frame_width, frame_height);
    GstAnalyticsODMtd detection;
    gst_analytics_relation_meta_add_od_mtd(
        relations, g_quark_from_string(d.label), static_cast<gint>(box.x), static_cast<gint>(box.y),
        static_cast<gint>(box.width), static_cast<gint>(box.height), d.score, &detection);
  }
}
#endif

}  // namespace

void collect_regions(GstBuffer* buffer, const GstVideoInfo& info,
                     std::vector<FrameRegion>* regions) {
  regions->clear();
  const auto width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  const auto height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  guint id = largest_id(buffer);
  gpointer state = nullptr;
  while (auto* region = next_region(buffer, &state)) {
    if (region->x >= width || region->y >= height) continue;
    const guint w = std::min(region->w, width - region->x);
    const guint h = std::min(region->h, height - region->y);
    if (w == 0 || h == 0) continue;
    if (region->id <= 0) region->id = static_cast<gint>(++id);
    regions->push_back({static_cast<guint>(region->id), region->x, region->y, w, h});
  }
}

void attach_detections(GstBuffer* buffer, const GstVideoInfo& info, const VisiblePart& visible,
                       const LoadedModel& model, const std::vector<Job>& jobs,
                       const std::vector<FrameRegion>& regions, unsigned output_meta,
                       GstStintMeta* meta) {
  const auto width = static_cast<guint>(GST_VIDEO_INFO_WIDTH(&info));
  const auto height = static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&info));
  guint id = largest_id(buffer);
  size_t most = 0;
  for (const Job& job : jobs) most += job.detections.size();
  resize_detections(meta, static_cast<guint>(most));
  guint count = 0;
  for (size_t j = 0; j < jobs.size(); ++j) {
    for (const stint_detection& found : jobs[j].detections) {
      GstStintDetection& d = meta->detections[count];
      if (!clip(found, visible, static_cast<float>(width), static_cast<float>(height), &d)) {
        continue;
      }
      const GQuark label = model.label(d.class_id);
      d.label = g_quark_to_string(label);
      d.id = ++id;
      d.parent_id = regions.empty() ? 0 : regions[j].id;
      if (output_meta & kOutputRoi) attach_region(buffer, d, label, width, height);
      ++count;
    }
  }
  meta->detection_count = count;
#if STINT_HAVE_GST_ANALYTICS
  if (output_meta & kOutputAnalytics) attach_analytics(buffer, *meta, width, height);
#endif
}

}  // namespace stint::gst
