// What the GStreamer tests share: plans on disk, frames with a known content, harnesses and
// pipelines.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/brightest_cell_plan.h"
#include "tests/support/temporary_folder.h"

namespace stint::test {

using Json = nlohmann::json;

/// A folder with plans that say which of 4x4 cells of a frame are bright, one of them for the whole
/// test.
class Plans {
 public:
  Plans();  // also starts GStreamer
  const std::string& cells() const { return cells_; }
  /// Another plan of the kind.
  std::string make(const std::string& name, const PlanSpec& spec) const;
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  std::string cells_;
};

/// Caps of raw video, 30 frames a second.
std::string video_caps(const std::string& format, int width, int height);
GstVideoInfo video_info(const std::string& caps);

/// A black frame with white cells of the 4x4, frame number `index` of 30 a second. Rows are
/// `padding` bytes longer than GStreamer's own, and described by a GstVideoMeta, if that is not 0.
GstBuffer* cell_frame(const GstVideoInfo& info, const std::vector<unsigned>& cells,
                      guint64 index = 0, int padding = 0);

/// Elements between a pushing and a pulling test.
class Harness {
 public:
  /// `launch` as for gst-launch-1.0.
  Harness(const std::string& launch, const std::string& caps);
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  GstHarness* get() const { return harness_; }
  const GstVideoInfo& info() const { return info_; }
  void set_caps(const std::string& caps);
  /// Owned by the harness.
  GstElement* element(const char* factory) const;

  GstFlowReturn push(const std::vector<unsigned>& cells, int padding = 0);
  /// What came out last; nullptr if nothing did. Caller owns.
  GstBuffer* pull() const { return gst_harness_try_pull(harness_); }
  /// The same, parsed.
  Json pull_json() const;
  /// Pushes a frame through and parses what comes out.
  Json run(const std::vector<unsigned>& cells);

  /// The next message of a kind, within a second; caller owns.
  GstMessage* message(GstMessageType type) const;
  /// Texts of all warnings that are on the bus now.
  std::vector<std::string> warnings() const;
  /// Fields of the next element message of that name, empty if none comes. Skips others.
  std::optional<std::string> element_message(const std::string& name,
                                             GstClockTime wait = 2 * GST_SECOND) const;

 private:
  GstHarness* harness_;
  GstBus* bus_;
  GstVideoInfo info_;
  guint64 pushed_ = 0;
};

/// A pipeline with its bus.
class Pipeline {
 public:
  explicit Pipeline(const std::string& launch);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  GstElement* get() const { return pipeline_; }
  GstElement* element(const char* name) const;  // owned by the pipeline
  GstStateChangeReturn set_state(GstState state) { return gst_element_set_state(pipeline_, state); }
  /// Waits until the state is reached; false on failure or after five seconds.
  bool reach(GstState state);

  struct End {
    bool eos = false;
    bool timed_out = false;
    GQuark error_domain = 0;
    gint error_code = 0;
    std::string error, source, found, needed, command;
  };
  /// Until EOS or the first error, at most `seconds`. Messages met on the way are handed to
  /// `watch`.
  End run_to_end(int seconds = 20, const std::function<void(GstMessage*)>& watch = {});

 private:
  GstElement* pipeline_;
};

/// What an ERROR message says.
Pipeline::End describe_error(GstMessage* message);

/// What a message of kind WARNING says.
std::string warning_text(GstMessage* message);

/// Writes into the file itself, as `cp` does: whoever holds it open sees it change.
void overwrite_in_place(const std::string& path, const void* data, size_t size);

/// Lines of a file, each parsed.
std::vector<Json> read_json_lines(const std::string& path);

}  // namespace stint::test
