#include "tests/gst/fixture.h"

#include <doctest/doctest.h>
#include <gst/video/gstvideometa.h>

#include <cstring>
#include <fstream>

namespace stint::test {

Plans::Plans() {
  gst_init(nullptr, nullptr);
  cells_ = make("cells.plan", brightest_cell_plan());
}

std::string Plans::make(const std::string& name, const PlanSpec& spec) const {
  const AlignedBytes file = write_plan(spec);
  return folder_.write(name, file.data(), file.size());
}

std::string video_caps(const std::string& format, int width, int height) {
  return "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
         ",height=" + std::to_string(height) + ",framerate=30/1";
}

GstVideoInfo video_info(const std::string& text) {
  GstCaps* caps = gst_caps_from_string(text.c_str());
  GstVideoInfo info;
  REQUIRE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  return info;
}

namespace {

/// The layout of `info` with longer rows.
void widen(GstVideoInfo* info, int padding) {
  gsize offset = 0;
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES(info); ++p) {
    GST_VIDEO_INFO_PLANE_STRIDE(info, p) += padding;
    GST_VIDEO_INFO_PLANE_OFFSET(info, p) = offset;
    gint components[GST_VIDEO_MAX_COMPONENTS];
    gst_video_format_info_component(info->finfo, p, components);
    const auto rows = static_cast<gsize>(GST_VIDEO_INFO_COMP_HEIGHT(info, components[0]));
    offset += rows * static_cast<gsize>(GST_VIDEO_INFO_PLANE_STRIDE(info, p));
  }
  info->size = offset;
}

void paint(GstVideoFrame* frame, const std::vector<unsigned>& cells) {
  const bool limited =
      GST_VIDEO_INFO_COLORIMETRY(&frame->info).range == GST_VIDEO_COLOR_RANGE_16_235;
  const bool yuv = GST_VIDEO_INFO_IS_YUV(&frame->info);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(frame); ++c) {
    const int width = GST_VIDEO_FRAME_COMP_WIDTH(frame, c);
    const int height = GST_VIDEO_FRAME_COMP_HEIGHT(frame, c);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const unsigned cell = static_cast<unsigned>(y * 4 / height * 4 + x * 4 / width);
        const bool white = std::find(cells.begin(), cells.end(), cell) != cells.end();
        guint8 value = white ? (limited ? 235 : 255) : (limited ? 16 : 0);
        if (yuv && c > 0) value = 128;
        guint8* row = static_cast<guint8*>(GST_VIDEO_FRAME_COMP_DATA(frame, c)) +
                      y * GST_VIDEO_FRAME_COMP_STRIDE(frame, c);
        row[x * GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c)] = value;
      }
    }
  }
}

}  // namespace

GstBuffer* cell_frame(const GstVideoInfo& info, const std::vector<unsigned>& cells, guint64 index,
                      int padding) {
  GstVideoInfo layout = info;
  if (padding > 0) widen(&layout, padding);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&layout), nullptr);
  gst_buffer_memset(buffer, 0, 0xAA, GST_VIDEO_INFO_SIZE(&layout));
  if (padding > 0) {
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                   GST_VIDEO_INFO_FORMAT(&layout),
                                   static_cast<guint>(GST_VIDEO_INFO_WIDTH(&layout)),
                                   static_cast<guint>(GST_VIDEO_INFO_HEIGHT(&layout)),
                                   GST_VIDEO_INFO_N_PLANES(&layout), layout.offset, layout.stride);
  }
  GstVideoFrame frame;
  GstVideoInfo plain = info;
  REQUIRE(gst_video_frame_map(&frame, &plain, buffer, GST_MAP_WRITE));
  paint(&frame, cells);
  gst_video_frame_unmap(&frame);
  GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(index, GST_SECOND, 30);
  GST_BUFFER_DURATION(buffer) = GST_SECOND / 30;
  return buffer;
}

// ---- Harness

Harness::Harness(const std::string& launch, const std::string& caps)
    : harness_(gst_harness_new_parse(launch.c_str())), bus_(gst_bus_new()) {
  REQUIRE(harness_);
  gst_element_set_bus(harness_->element, bus_);
  set_caps(caps);
}

Harness::~Harness() {
  gst_element_set_bus(harness_->element, nullptr);
  gst_harness_teardown(harness_);
  gst_object_unref(bus_);
}

void Harness::set_caps(const std::string& caps) {
  info_ = video_info(caps);
  gst_harness_set_src_caps_str(harness_, caps.c_str());
}

GstElement* Harness::element(const char* factory) const {
  GstElement* found = gst_harness_find_element(harness_, factory);
  REQUIRE(found);
  gst_object_unref(found);
  return found;
}

GstFlowReturn Harness::push(const std::vector<unsigned>& cells, int padding) {
  return gst_harness_push(harness_, cell_frame(info_, cells, pushed_++, padding));
}

Json Harness::pull_json() const {
  GstBuffer* buffer = pull();
  if (!buffer) return nullptr;
  GstMapInfo map;
  REQUIRE(gst_buffer_map(buffer, &map, GST_MAP_READ));
  const std::string line(reinterpret_cast<const char*>(map.data), map.size);
  gst_buffer_unmap(buffer, &map);
  gst_buffer_unref(buffer);
  CHECK(line.find('\n') == line.size() - 1);
  return Json::parse(line);
}

Json Harness::run(const std::vector<unsigned>& cells) {
  REQUIRE(push(cells) == GST_FLOW_OK);
  return pull_json();
}

GstMessage* Harness::message(GstMessageType type) const {
  return gst_bus_timed_pop_filtered(bus_, GST_SECOND, type);
}

std::vector<std::string> Harness::warnings() const {
  std::vector<std::string> texts;
  while (GstMessage* message = gst_bus_pop_filtered(bus_, GST_MESSAGE_WARNING)) {
    texts.push_back(warning_text(message));
    gst_message_unref(message);
  }
  return texts;
}

std::optional<std::string> Harness::element_message(const std::string& name,
                                                    GstClockTime wait) const {
  while (GstMessage* message = gst_bus_timed_pop_filtered(bus_, wait, GST_MESSAGE_ELEMENT)) {
    const GstStructure* structure = gst_message_get_structure(message);
    std::optional<std::string> text;
    if (gst_structure_has_name(structure, name.c_str())) {
      gchar* written = gst_structure_to_string(structure);
      text = written;
      g_free(written);
    }
    gst_message_unref(message);
    if (text) return text;
  }
  return std::nullopt;
}

// ---- Pipeline

Pipeline::Pipeline(const std::string& launch) {
  GError* error = nullptr;
  pipeline_ = gst_parse_launch(launch.c_str(), &error);
  REQUIRE_MESSAGE(!error, error->message);
  REQUIRE(GST_IS_PIPELINE(pipeline_));
}

Pipeline::~Pipeline() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(pipeline_);
}

GstElement* Pipeline::element(const char* name) const {
  GstElement* found = gst_bin_get_by_name(GST_BIN(pipeline_), name);
  REQUIRE(found);
  gst_object_unref(found);
  return found;
}

bool Pipeline::reach(GstState state) {
  if (set_state(state) == GST_STATE_CHANGE_FAILURE) return false;
  const GstStateChangeReturn result =
      gst_element_get_state(pipeline_, nullptr, nullptr, 5 * GST_SECOND);
  return result == GST_STATE_CHANGE_SUCCESS || result == GST_STATE_CHANGE_NO_PREROLL;
}

Pipeline::End describe_error(GstMessage* message) {
  Pipeline::End end;
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  end.error_domain = error->domain;
  end.error_code = error->code;
  end.error = error->message;
  g_error_free(error);
  gchar* source = gst_object_get_name(GST_MESSAGE_SRC(message));
  end.source = source;
  g_free(source);
  const GstStructure* details = nullptr;
  gst_message_parse_error_details(message, &details);
  const auto field = [&](const char* name) -> std::string {
    const gchar* text = details ? gst_structure_get_string(details, name) : nullptr;
    return text ? text : "";
  };
  end.found = field("found");
  end.needed = field("needed");
  end.command = field("command");
  return end;
}

Pipeline::End Pipeline::run_to_end(int seconds, const std::function<void(GstMessage*)>& watch) {
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  End end;
  end.timed_out = true;
  while (end.timed_out && std::chrono::steady_clock::now() < until) {
    GstMessage* message = gst_bus_timed_pop(bus, 50 * GST_MSECOND);
    if (!message) continue;
    if (watch) watch(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) end = describe_error(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      end.eos = true;
      end.timed_out = false;
    }
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return end;
}

std::string warning_text(GstMessage* message) {
  GError* error = nullptr;
  gst_message_parse_warning(message, &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

void overwrite_in_place(const std::string& path, const void* data, size_t size) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

std::vector<Json> read_json_lines(const std::string& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) lines.push_back(Json::parse(line));
  return lines;
}

}  // namespace stint::test
