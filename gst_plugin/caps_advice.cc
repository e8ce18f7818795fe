#include "gst_plugin/caps_advice.h"

#include <cstring>
#include <string>

#include "gst_plugin/debug.h"
#include "gst_plugin/infer_messages.h"

namespace stint::gst {
namespace {

/// Brings frames from other memory to the system's.
const char* download_of(const GstCapsFeatures* features) {
  constexpr std::pair<const char*, const char*> kDownloads[] = {
      {"memory:GLMemory", "gldownload"},
      {"memory:CUDAMemory", "cudadownload"},
      {"memory:NVMM", "nvvidconv"},
      {"memory:VASurface", "vaapipostproc"},
      {"memory:VAMemory", "vapostproc"},
      {"memory:D3D11Memory", "d3d11download"},
      {"memory:VulkanImage", "vulkandownload"},
      {"memory:MFXSurface", "msdkvpp"},
      {"memory:D3D12Memory", "d3d12download"},
  };
  for (const auto& [memory, element] : kDownloads) {
    if (gst_caps_features_contains(features, memory)) return element;
  }
  return "an element that copies to system memory";
}

bool fits(const char* field, const GstStructure* structure, GstCaps* template_caps) {
  const GValue* found = gst_structure_get_value(structure, field);
  const GValue* wanted = gst_structure_get_value(gst_caps_get_structure(template_caps, 0), field);
  return !found || !wanted || gst_value_intersect(nullptr, found, wanted);
}

std::string value_text(const GstStructure* structure, const char* field) {
  const GValue* value = gst_structure_get_value(structure, field);
  gchar* text = value ? gst_value_serialize(value) : nullptr;
  const std::string copy = text ? text : "unknown";
  g_free(text);
  return copy;
}

std::string name_of(GstElement* element) {
  GstElementFactory* factory = gst_element_get_factory(element);
  return factory ? GST_OBJECT_NAME(factory) : G_OBJECT_TYPE_NAME(element);
}

}  // namespace

Problem explain_caps(const GstCaps* caps, GstCaps* template_caps, const std::string& element) {
  if (gst_caps_is_empty(caps) || gst_caps_is_any(caps)) return {};
  if (gst_caps_can_intersect(caps, template_caps)) return {};
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  const GstCapsFeatures* features = gst_caps_get_features(caps, 0);
  std::string found, insert;
  const auto add = [&](const std::string& what, const std::string& with) {
    found += (found.empty() ? "" : ", ") + what;
    if (insert.find(with) == std::string::npos) insert += (insert.empty() ? "" : " ! ") + with;
  };
  if (!gst_structure_has_name(structure, "video/x-raw")) {
    const bool is_jpeg = gst_structure_has_name(structure, "image/jpeg");
    add(gst_structure_get_name(structure),
        is_jpeg ? "jpegdec ! videoconvert" : "decodebin ! videoconvert");
  } else {
    const bool other_memory =
        features && !gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
    if (other_memory) {
      gchar* text = gst_caps_features_to_string(features);
      add(text, download_of(features));
      g_free(text);
    }
    if (!fits("interlace-mode", structure, template_caps)) {
      add("interlace-mode=" + value_text(structure, "interlace-mode"), "deinterlace");
    }
    if (!fits("format", structure, template_caps)) {
      add("format=" + value_text(structure, "format"), "videoconvert");
    }
    if (found.empty()) add(value_text(structure, "format"), "videoconvert");
  }
  gchar* wanted = gst_caps_to_string(template_caps);
  Problem problem{
      Problem::Kind::kFormat,
      element + " cannot take this video (" + found + "): put " + insert + " in front of it", found,
      wanted, ""};
  g_free(wanted);
  return problem;
}

CapsAdvice::CapsAdvice(GstElement* element, GstPad* sink_pad) : element_(element), pad_(sink_pad) {
  // Comes before the pad's own check, which refuses without a word.
  gst_pad_add_probe(pad_, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look_at_event, this, nullptr);
}

Problem CapsAdvice::explain(const GstCaps* caps) const {
  GstCaps* wanted = gst_pad_get_pad_template_caps(pad_);
  Problem problem = explain_caps(caps, wanted, name_of(element_));
  gst_caps_unref(wanted);
  return problem;
}

GstPadProbeReturn CapsAdvice::look_at_event(GstPad*, GstPadProbeInfo* info, gpointer data) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  auto* self = static_cast<CapsAdvice*>(data);
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  if (const Problem problem = self->explain(caps)) {
    self->warned_ = true;
    // Decoders try again with every frame.
    if (!self->failed_.exchange(true)) post_error(self->element_, problem);
  }
  return GST_PAD_PROBE_OK;
}

void CapsAdvice::look_at_answer(GstQuery* query) {
  GstCaps* offered = nullptr;
  if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
    gboolean accepted = TRUE;
    gst_query_parse_accept_caps_result(query, &accepted);
    if (accepted) return;
    gst_query_parse_accept_caps(query, &offered);
  } else if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
    GstCaps* answer = nullptr;
    gst_query_parse_caps_result(query, &answer);
    if (!answer || !gst_caps_is_empty(answer)) return;
    gst_query_parse_caps(query, &offered);
  }
  const Problem problem = offered ? explain(offered) : Problem{};
  if (!problem) return;
  GST_WARNING_OBJECT(element_, "%s; offered: %" GST_PTR_FORMAT, problem.message.c_str(),
                     static_cast<void*>(offered));
  // Elements that look for a way ask for many things; one that has a single format has no other
  // way.
  const bool definite = gst_caps_get_size(offered) == 1 &&
                        gst_structure_get_string(gst_caps_get_structure(offered, 0), "format");
  const bool encoded = !gst_structure_has_name(gst_caps_get_structure(offered, 0), "video/x-raw");
  if ((definite || encoded) && GST_STATE_TARGET(element_) >= GST_STATE_PAUSED &&
      !warned_.exchange(true)) {
    post_warning(element_, problem);
  }
}

}  // namespace stint::gst
