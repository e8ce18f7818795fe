/**
 * SECTION:element-stintoverlay
 *
 * Draws boxes and labels of what stintinfer, or any element that attaches regions of interest,
 * found on a frame.
 *
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! stintinfer model=det.plan ! stintoverlay ! videoconvert !
 * autovideosink
 * ]|
 */
#include "gst_plugin/stintoverlay.h"

#include <gst/video/gstvideofilter.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "gst_plugin/allocation.h"
#include "gst_plugin/caps_advice.h"
#include "gst_plugin/frame_detections.h"
#include "gst_plugin/frame_image.h"
#include "gst_plugin/overlay_canvas.h"
#include "gst_plugin/overlay_font.h"

namespace stint::gst {
namespace {

struct OverlaySettings {
  guint line_width = 0;
  guint font_scale = 0;
  gboolean show_labels = TRUE;
  gboolean show_confidence = TRUE;
};

enum OverlayProperty : guint {
  kPropLineWidth = 1,
  kPropFontScale,
  kPropShowLabels,
  kPropShowConfidence
};

// Far apart in hue, and bright enough for black letters.
constexpr Rgb kPalette[] = {{255, 112, 67},  {102, 187, 106}, {66, 165, 245},  {255, 202, 40},
                            {186, 104, 200}, {38, 198, 218},  {240, 98, 146},  {174, 213, 70},
                            {141, 160, 255}, {255, 167, 120}, {120, 220, 190}, {225, 190, 231}};

Rgb color_of(gint class_id) { return kPalette[static_cast<guint>(class_id) % std::size(kPalette)]; }

std::string caption_of(const GstStintDetection& d, const OverlaySettings& settings) {
  std::string caption = settings.show_labels ? d.label : "";
  if (settings.show_confidence) {
    char score[32];
    std::snprintf(score, sizeof score, "%d%%",
                  static_cast<int>(std::lround(100 * std::clamp(d.score, 0.0f, 1.0f))));
    caption += (caption.empty() ? "" : " ") + std::string(score);
  }
  return caption;
}

void draw(Canvas& canvas, const GstStintDetection& d, const OverlaySettings& settings) {
  // A box that another element made may lie anywhere; beyond these bounds nothing is visible.
  const auto pixel = [](float v, int size) {
    return static_cast<int>(std::lround(std::clamp(v, -1.0f, static_cast<float>(size) + 1)));
  };
  const int x1 = pixel(d.x1, canvas.width()), x2 = pixel(d.x2, canvas.width());
  const int y1 = pixel(d.y1, canvas.height()), y2 = pixel(d.y2, canvas.height());
  const int line = settings.line_width > 0 ? static_cast<int>(settings.line_width)
                                           : std::max(2, canvas.height() / 240);
  const int scale = settings.font_scale > 0 ? static_cast<int>(settings.font_scale)
                                            : std::max(1, canvas.height() / 300);
  const Rgb color = color_of(d.class_id);
  canvas.outline(x1, y1, std::max(x2 - x1, 1), std::max(y2 - y1, 1), line, color);
  const std::string caption = caption_of(d, settings);
  if (caption.empty()) return;
  const int margin = scale;
  const int width =
      static_cast<int>(std::min<size_t>(caption.size(), 1000)) * kGlyphAdvance * scale + margin;
  const int height = kGlyphHeight * scale + 2 * margin;
  // Above the box; inside it where there is no room; never beyond the right edge if it can be
  // helped.
  const int x = std::max(0, std::min(x1, canvas.width() - width));
  const int y = y1 >= height ? y1 - height : std::max(y1, 0);
  canvas.fill(x, y, width, height, color);
  canvas.text(x + margin, y + margin, caption, scale, false);
}

}  // namespace
}  // namespace stint::gst

typedef struct GstStintOverlay {
  GstVideoFilter parent;
  stint::gst::OverlaySettings* settings;  // under the object's lock
  stint::gst::CapsAdvice* advice;
} GstStintOverlay;

typedef struct GstStintOverlayClass {
  GstVideoFilterClass parent_class;
} GstStintOverlayClass;

#define GST_STINT_OVERLAY(object) (reinterpret_cast<GstStintOverlay*>(object))

G_DEFINE_TYPE(GstStintOverlay, gst_stint_overlay, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE(stintoverlay, "stintoverlay", GST_RANK_NONE,
                            gst_stint_overlay_get_type())

#define parent_class gst_stint_overlay_parent_class

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(STINT_VIDEO_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(STINT_VIDEO_FORMATS)));

static void gst_stint_overlay_set_property(GObject* object, guint id, const GValue* value,
                                           GParamSpec* spec) {
  stint::gst::OverlaySettings& settings = *GST_STINT_OVERLAY(object)->settings;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case stint::gst::kPropLineWidth:
      settings.line_width = g_value_get_uint(value);
      break;
    case stint::gst::kPropFontScale:
      settings.font_scale = g_value_get_uint(value);
      break;
    case stint::gst::kPropShowLabels:
      settings.show_labels = g_value_get_boolean(value);
      break;
    case stint::gst::kPropShowConfidence:
      settings.show_confidence = g_value_get_boolean(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_stint_overlay_get_property(GObject* object, guint id, GValue* value,
                                           GParamSpec* spec) {
  const stint::gst::OverlaySettings& settings = *GST_STINT_OVERLAY(object)->settings;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case stint::gst::kPropLineWidth:
      g_value_set_uint(value, settings.line_width);
      break;
    case stint::gst::kPropFontScale:
      g_value_set_uint(value, settings.font_scale);
      break;
    case stint::gst::kPropShowLabels:
      g_value_set_boolean(value, settings.show_labels);
      break;
    case stint::gst::kPropShowConfidence:
      g_value_set_boolean(value, settings.show_confidence);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_stint_overlay_finalize(GObject* object) {
  delete GST_STINT_OVERLAY(object)->settings;
  delete GST_STINT_OVERLAY(object)->advice;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

static gboolean gst_stint_overlay_propose_allocation(GstBaseTransform* transform, GstQuery*,
                                                     GstQuery* query) {
  stint::gst::propose_what_downstream_takes(transform, query);
  return TRUE;
}

static gboolean gst_stint_overlay_query(GstBaseTransform* transform, GstPadDirection direction,
                                        GstQuery* query) {
  const gboolean result =
      GST_BASE_TRANSFORM_CLASS(parent_class)->query(transform, direction, query);
  if (result && direction == GST_PAD_SINK) {
    GST_STINT_OVERLAY(transform)->advice->look_at_answer(query);
  }
  return result;
}

static GstFlowReturn gst_stint_overlay_transform_frame_ip(GstVideoFilter* filter,
                                                          GstVideoFrame* frame) {
  GstStintOverlay* self = GST_STINT_OVERLAY(filter);
  GST_OBJECT_LOCK(self);
  const stint::gst::OverlaySettings settings = *self->settings;
  GST_OBJECT_UNLOCK(self);
  const stint::gst::FrameDetections found = stint::gst::read_detections(frame->buffer);
  const stint::gst::VisiblePart visible =
      stint::gst::visible_part(frame->buffer, static_cast<guint>(GST_VIDEO_FRAME_WIDTH(frame)),
                               static_cast<guint>(GST_VIDEO_FRAME_HEIGHT(frame)));
  stint::gst::Canvas canvas(frame, visible);
  for (const GstStintDetection& detection : found.detections) draw(canvas, detection, settings);
  return GST_FLOW_OK;
}

static void gst_stint_overlay_class_init(GstStintOverlayClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  auto* element = GST_ELEMENT_CLASS(klass);
  object->set_property = gst_stint_overlay_set_property;
  object->get_property = gst_stint_overlay_get_property;
  object->finalize = gst_stint_overlay_finalize;
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE);
  g_object_class_install_property(
      object, stint::gst::kPropLineWidth,
      g_param_spec_uint("line-width", "Line width",
                        "Width of box lines, pixels (0 = by frame size)", 0, 100, 0, flags));
  g_object_class_install_property(
      object, stint::gst::kPropFontScale,
      g_param_spec_uint("font-scale", "Font scale",
                        "Pixels per pixel of the 5x7 font (0 = by frame size)", 0, 32, 0, flags));
  g_object_class_install_property(
      object, stint::gst::kPropShowLabels,
      g_param_spec_boolean("show-labels", "Show labels", "Write each box's label", TRUE, flags));
  g_object_class_install_property(
      object, stint::gst::kPropShowConfidence,
      g_param_spec_boolean("show-confidence", "Show confidence",
                           "Write each box's score in percent", TRUE, flags));
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Stint overlay", "Filter/Editor/Video",
                                        "Draws boxes and labels of detections",
                                        "The Stint developers");
  GST_BASE_TRANSFORM_CLASS(klass)->query = GST_DEBUG_FUNCPTR(gst_stint_overlay_query);
  GST_BASE_TRANSFORM_CLASS(klass)->propose_allocation =
      GST_DEBUG_FUNCPTR(gst_stint_overlay_propose_allocation);
  GST_VIDEO_FILTER_CLASS(klass)->transform_frame_ip =
      GST_DEBUG_FUNCPTR(gst_stint_overlay_transform_frame_ip);
}

static void gst_stint_overlay_init(GstStintOverlay* self) {
  self->settings = new stint::gst::OverlaySettings();
  self->advice = new stint::gst::CapsAdvice(GST_ELEMENT(self),
                                            GST_BASE_TRANSFORM_SINK_PAD(GST_BASE_TRANSFORM(self)));
  // Late frames are the sink's business: an overlay that drops them makes the picture stutter for
  // nothing.
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
