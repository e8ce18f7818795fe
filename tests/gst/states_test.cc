// Starting, stopping, flushing and seeking, also while a frame waits for its result.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/gst/fixture.h"

using namespace stint::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// Two streams of one engine. The second never sends, so that a frame of the first, which may wait
/// 30 s for company, does.
struct BlockedStream {
  explicit BlockedStream(const Plans& plans)
      : stalled("stintinfer threads=1 model=" + plans.cells(), video_caps("GRAY8", 64, 64)),
        blocked("stintinfer threads=1 batch-timeout=30000000000 model=" + plans.cells() +
                    " ! stintjson",
                video_caps("GRAY8", 64, 64)),
        pusher([this] {
          result = blocked.push({2});
          returned = true;
        }) {
    std::this_thread::sleep_for(100ms);
    REQUIRE_FALSE(returned);
  }
  ~BlockedStream() {
    if (pusher.joinable()) pusher.join();
  }
  Harness stalled, blocked;
  std::atomic<bool> returned{false};
  std::atomic<GstFlowReturn> result{GST_FLOW_OK};
  std::thread pusher;
};

}  // namespace

TEST_CASE("NULL to PLAYING and back, fifty times") {
  Plans plans;
  Pipeline pipeline("videotestsrc is-live=true ! " + video_caps("NV12", 64, 64) +
                    " ! stintinfer name=i threads=1 model=" + plans.cells() +
                    " ! stintoverlay ! fakesink sync=false");
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    REQUIRE(pipeline.reach(GST_STATE_PLAYING));
    if (i % 5 == 0) std::this_thread::sleep_for(40ms);
    gchar* device = nullptr;
    g_object_get(pipeline.element("i"), "active-device", &device, nullptr);
    CHECK(std::string(device) == "cpu");
    g_free(device);
    REQUIRE(pipeline.reach(GST_STATE_NULL));
    g_object_get(pipeline.element("i"), "active-device", &device, nullptr);
    CHECK(device == nullptr);
  }
  Pipeline last("videotestsrc num-buffers=3 ! " + video_caps("NV12", 64, 64) +
                " ! stintinfer threads=1 model=" + plans.cells() + " ! fakesink");
  CHECK(last.run_to_end().eos);
}

TEST_CASE("every pair of states, back and forth") {
  Plans plans;
  Pipeline pipeline("videotestsrc ! " + video_caps("GRAY8", 64, 64) +
                    " ! stintinfer threads=1 model=" + plans.cells() + " ! fakesink sync=true");
  const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
  for (const GstState from : states) {
    for (const GstState to : states) {
      REQUIRE(pipeline.reach(from));
      REQUIRE(pipeline.reach(to));
    }
  }
}

TEST_CASE("stopping wakes a frame that waits for company") {
  Plans plans;
  BlockedStream stream(plans);
  const auto start = Clock::now();
  GstElement* infer = stream.blocked.element("stintinfer");
  CHECK(gst_element_set_state(infer, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE);
  stream.pusher.join();
  CHECK(Clock::now() - start < 5s);
  CHECK(stream.result == GST_FLOW_FLUSHING);
}

TEST_CASE("a flush wakes a frame that waits for company, and the stream goes on") {
  Plans plans;
  BlockedStream stream(plans);
  const auto start = Clock::now();
  CHECK(gst_harness_push_event(stream.blocked.get(), gst_event_new_flush_start()));
  stream.pusher.join();
  CHECK(Clock::now() - start < 5s);
  CHECK(stream.result == GST_FLOW_FLUSHING);

  GstElement* infer = stream.blocked.element("stintinfer");
  g_object_set(infer, "batch-timeout", guint64{0}, nullptr);
  CHECK(gst_harness_push_event(stream.blocked.get(), gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  CHECK(gst_harness_push_event(stream.blocked.get(), gst_event_new_segment(&segment)));
  CHECK(stream.blocked.run({9})["detections"][0]["class_id"] == 9);
}

TEST_CASE("when the stalled stream leaves, the waiting one goes on at once") {
  Plans plans;
  BlockedStream stream(plans);
  const auto start = Clock::now();
  gst_element_set_state(stream.stalled.element("stintinfer"), GST_STATE_NULL);
  stream.pusher.join();
  CHECK(Clock::now() - start < 5s);
  CHECK(stream.result == GST_FLOW_OK);
  CHECK(stream.blocked.pull_json()["detections"][0]["class_id"] == 2);
}

TEST_CASE("seeking, again and again") {
  Plans plans;
  Pipeline pipeline("videotestsrc num-buffers=2000 ! " + video_caps("GRAY8", 64, 64) +
                    " ! stintinfer threads=1 model=" + plans.cells() + " ! fakesink sync=true");
  REQUIRE(pipeline.reach(GST_STATE_PLAYING));
  for (int i = 0; i < 30; ++i) {
    CAPTURE(i);
    const auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE);
    CHECK(
        gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME, flags, (i * 7 % 20) * GST_SECOND));
    if (i % 3 == 0) std::this_thread::sleep_for(20ms);
  }
  CHECK(gst_element_get_state(pipeline.get(), nullptr, nullptr, 5 * GST_SECOND) ==
        GST_STATE_CHANGE_SUCCESS);
  CHECK(pipeline.reach(GST_STATE_NULL));
}

TEST_CASE("two members on one thread, without a queue between") {
  Plans plans;
  Pipeline pipeline(
      "videotestsrc num-buffers=5 ! " + video_caps("GRAY8", 64, 64) +
      " ! tee name=t t. ! stintinfer threads=1 batch-timeout=20000000 model=" + plans.cells() +
      " ! fakesink async=false t. ! stintinfer threads=1 batch-timeout=20000000 model=" +
      plans.cells() + " ! fakesink async=false");
  CHECK(pipeline.run_to_end().eos);
}

TEST_CASE("properties may change at any time") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells() + " ! stintjson",
                  video_caps("GRAY8", 64, 64));
  GstElement* infer = harness.element("stintinfer");
  std::atomic<bool> stop{false};
  std::thread changer([&] {
    for (unsigned i = 0; !stop; ++i) {
      g_object_set(infer, "every-n", 1 + i % 3, "threshold", (i % 10) / 10.0, "priority",
                   static_cast<int>(i % 7), "batch-size", i % 5, "max-detections", i % 4, nullptr);
      GstStructure* stats = nullptr;
      g_object_get(infer, "stats", &stats, nullptr);
      gst_structure_free(stats);
    }
  });
  for (int i = 0; i < 500; ++i) CHECK(harness.run({1}).is_object());
  stop = true;
  changer.join();
}
