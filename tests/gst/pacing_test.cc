// Which frames are inferred, and what happens to those that are not.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "tests/gst/fixture.h"

using namespace stint::test;

namespace {

/// Reasons of `frames` frames in a row; "" for an inferred one.
std::vector<std::string> reasons(Harness& harness, int frames) {
  std::vector<std::string> all;
  for (int i = 0; i < frames; ++i) {
    const Json line = harness.run({3});
    REQUIRE(line.is_object());
    all.push_back(line["inferred"] == true ? "" : line["reason"].get<std::string>());
    CHECK(line["detections"].size() == (line["inferred"] == true ? 1 : 0));
  }
  return all;
}

GstStructure* stats_of(GstElement* infer) {
  GstStructure* stats = nullptr;
  g_object_get(infer, "stats", &stats, nullptr);
  REQUIRE(stats);
  return stats;
}

guint64 counter(GstElement* infer, const char* name) {
  GstStructure* stats = stats_of(infer);
  guint64 value = G_MAXUINT64;
  CHECK(gst_structure_get_uint64(stats, name, &value));
  gst_structure_free(stats);
  return value;
}

std::string launch(const Plans& plans, const std::string& settings) {
  return "stintinfer threads=1 model=" + plans.cells() + " " + settings + " ! stintjson";
}

}  // namespace

TEST_CASE("every-n infers one frame in n") {
  Plans plans;
  Harness harness(launch(plans, "every-n=3"), video_caps("GRAY8", 64, 64));
  const std::string skip = "every-n";
  CHECK(reasons(harness, 7) == std::vector<std::string>{"", skip, skip, "", skip, skip, ""});
  GstElement* infer = harness.element("stintinfer");
  CHECK(counter(infer, "frames-in") == 7);
  CHECK(counter(infer, "inferred") == 3);
  CHECK(counter(infer, "skipped-every-n") == 4);
}

TEST_CASE("two streams with every-n=2 on one engine take turns") {
  Plans plans;
  Harness a(launch(plans, "every-n=2"), video_caps("GRAY8", 64, 64));
  Harness b(launch(plans, "every-n=2"), video_caps("GRAY8", 64, 64));
  for (int i = 0; i < 4; ++i) {
    CHECK(a.run({1})["inferred"] != b.run({1})["inferred"]);
  }
}

TEST_CASE("max-rate follows the time stamps") {
  Plans plans;
  Harness harness(launch(plans, "max-rate=10/1"), video_caps("GRAY8", 64, 64));
  const auto all = reasons(harness, 30);  // a second at 30 frames a second
  CHECK(std::count(all.begin(), all.end(), "") == 10);
  CHECK(std::count(all.begin(), all.end(), "max-rate") == 20);
}

TEST_CASE("max-rate holds when a stream is played backwards") {
  Plans plans;
  Harness harness(launch(plans, "max-rate=10/1"), video_caps("GRAY8", 64, 64));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = segment.position = 2 * GST_SECOND;
  REQUIRE(gst_harness_push_event(harness.get(), gst_event_new_segment(&segment)));
  int inferred = 0;
  for (guint64 i = 60; i > 30; --i) {
    REQUIRE(gst_harness_push(harness.get(), cell_frame(harness.info(), {3}, i)) == GST_FLOW_OK);
    inferred += harness.pull_json()["inferred"] == true ? 1 : 0;
  }
  CHECK(inferred == 10);
  CHECK(harness.warnings().empty());
}

TEST_CASE("late frames: skip marks them, drop removes them, infer infers them; each is counted") {
  Plans plans;
  // Every frame is older than a nanosecond when its turn comes.
  SUBCASE("skip") {
    Harness harness(launch(plans, "max-age=1"), video_caps("GRAY8", 64, 64));
    CHECK(reasons(harness, 3) == std::vector<std::string>{"late", "late", "late"});
    CHECK(counter(harness.element("stintinfer"), "skipped-late") == 3);
    GstMessage* message = harness.message(GST_MESSAGE_QOS);
    REQUIRE(message);
    GstFormat format;
    guint64 processed, dropped;
    gst_message_parse_qos_stats(message, &format, &processed, &dropped);
    CHECK(format == GST_FORMAT_BUFFERS);
    CHECK(processed == 0);
    CHECK(dropped == 1);
    gst_message_unref(message);
  }
  SUBCASE("drop") {
    Harness harness(launch(plans, "max-age=1 late-policy=drop"), video_caps("GRAY8", 64, 64));
    for (int i = 0; i < 3; ++i) {
      CHECK(harness.push({3}) == GST_FLOW_OK);
      CHECK(harness.pull() == nullptr);
    }
    CHECK(counter(harness.element("stintinfer"), "dropped-late") == 3);
    GstMessage* message = harness.message(GST_MESSAGE_QOS);
    CHECK(message);
    if (message) gst_message_unref(message);
  }
  SUBCASE("infer") {
    Harness harness(launch(plans, "max-age=1 late-policy=infer"), video_caps("GRAY8", 64, 64));
    CHECK(reasons(harness, 3) == std::vector<std::string>{"", "", ""});
    CHECK(counter(harness.element("stintinfer"), "late-inferred") == 3);
  }
  SUBCASE("in time") {
    Harness harness(launch(plans, "max-age=10000000000"), video_caps("GRAY8", 64, 64));
    CHECK(reasons(harness, 3) == std::vector<std::string>{"", "", ""});
  }
}

TEST_CASE("a gap upstream is counted") {
  Plans plans;
  Harness harness(launch(plans, ""), video_caps("GRAY8", 64, 64));
  harness.run({1});
  GstBuffer* buffer = cell_frame(harness.info(), {1}, 5);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  CHECK(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
  CHECK(counter(harness.element("stintinfer"), "upstream-gaps") == 1);
}

TEST_CASE("statistics, results and the loaded model are announced on the bus") {
  Plans plans;
  Pipeline pipeline("videotestsrc pattern=white num-buffers=5 ! " + video_caps("GRAY8", 64, 64) +
                    " ! stintinfer name=i stream-id=s threads=1 message-results=true "
                    "stats-interval=1000000000000 model=" +
                    plans.cells() + " ! fakesink");
  int loaded = 0, stats = 0, results = 0;
  const auto watch = [&](GstMessage* message) {
    const GstStructure* structure = gst_message_get_structure(message);
    if (!structure || GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT) return;
    if (gst_structure_has_name(structure, "stint-model-loaded")) {
      ++loaded;
      CHECK(std::string(gst_structure_get_string(structure, "model")) == plans.cells());
      CHECK(std::string(gst_structure_get_string(structure, "device")) == "cpu");
      CHECK(gst_structure_has_field_typed(structure, "batch-sizes", GST_TYPE_ARRAY));
    }
    if (gst_structure_has_name(structure, "stint-result")) {
      ++results;
      const GValue* list = gst_structure_get_value(structure, "detections");
      CHECK(gst_value_array_get_size(list) == kMaxBrightCells);
    }
    if (gst_structure_has_name(structure, "stint-stats")) {
      ++stats;  // at the end of the stream
      guint64 frames = 0, p50 = 0, p99 = 0, most = 0, batches = 0;
      CHECK(gst_structure_get_uint64(structure, "frames-in", &frames));
      CHECK(gst_structure_get_uint64(structure, "total-p50", &p50));
      CHECK(gst_structure_get_uint64(structure, "total-p99", &p99));
      CHECK(gst_structure_get_uint64(structure, "total-max", &most));
      CHECK(frames == 5);
      CHECK(p50 > 0);
      CHECK(p50 <= p99);
      CHECK(p99 <= most);
      GstStructure* engine = nullptr;
      REQUIRE(gst_structure_get(structure, "engine", GST_TYPE_STRUCTURE, &engine, nullptr));
      CHECK(gst_structure_get_uint64(engine, "batches", &batches));
      CHECK(batches == 5);
      gst_structure_free(engine);
    }
  };
  CHECK(pipeline.run_to_end(20, watch).eos);
  CHECK(loaded == 1);
  CHECK(results == 5);
  CHECK(stats == 1);
}

TEST_CASE("the latency of a live pipeline includes the element's share, unless told not to") {
  Plans plans;
  for (const bool report : {true, false}) {
    CAPTURE(report);
    Harness harness("stintinfer threads=1 batch-timeout=50000000 report-latency=" +
                        std::string(report ? "true" : "false") + " model=" + plans.cells(),
                    video_caps("GRAY8", 64, 64));
    gst_harness_set_upstream_latency(harness.get(), 20 * GST_MSECOND);
    harness.push({1});
    const GstClockTime latency = gst_harness_query_latency(harness.get());
    if (report) {
      CHECK(latency > 70 * GST_MSECOND);
      CHECK(latency < 2 * GST_SECOND);
    } else {
      CHECK(latency == 20 * GST_MSECOND);
    }
  }
}

TEST_CASE("the age of a live frame counts from its capture") {
  Plans plans;
  // The queue hands the frame over 300 ms after it was taken; by itself it would be in time.
  Pipeline pipeline("videotestsrc is-live=true num-buffers=4 ! " + video_caps("GRAY8", 64, 64) +
                    " ! identity sleep-time=300000 ! stintinfer name=i threads=1 "
                    "max-age=200000000 model=" +
                    plans.cells() + " ! fakesink sync=false");
  CHECK(pipeline.run_to_end().eos);
  CHECK(counter(pipeline.element("i"), "skipped-late") >= 3);
}
