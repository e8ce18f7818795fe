// Many streams, one engine.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/gst/fixture.h"

using namespace stint::test;
using namespace std::chrono_literals;

namespace {

guint members_of_engine(GstElement* infer) {
  GstStructure* stats = nullptr;
  g_object_get(infer, "stats", &stats, nullptr);
  GstStructure* engine = nullptr;
  guint members = 0;
  if (gst_structure_get(stats, "engine", GST_TYPE_STRUCTURE, &engine, nullptr)) {
    gst_structure_get_uint(engine, "members", &members);
    gst_structure_free(engine);
  }
  gst_structure_free(stats);
  return members;
}

std::string json_launch(const Plans& plans, const std::string& settings = "") {
  return "stintinfer threads=1 model=" + plans.cells() + " " + settings + " ! stintjson";
}

}  // namespace

TEST_CASE("eight streams at once: stream k shows cell k and is told cell k") {
  Plans plans;
  constexpr unsigned kStreams = 8, kFrames = 60;
  std::vector<std::unique_ptr<Harness>> streams;
  const char* const formats[] = {"NV12", "I420", "RGB", "GRAY8"};
  for (unsigned k = 0; k < kStreams; ++k) {
    streams.push_back(
        std::make_unique<Harness>(json_launch(plans, "stream-id=s" + std::to_string(k)),
                                  video_caps(formats[k % 4], 64 + 16 * static_cast<int>(k), 48)));
  }
  CHECK(members_of_engine(streams[0]->element("stintinfer")) == kStreams);
  std::atomic<int> wrong{0}, batched{0};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < kStreams; ++k) {
    threads.emplace_back([&, k] {
      for (unsigned i = 0; i < kFrames; ++i) {
        if (streams[k]->push({k}) != GST_FLOW_OK) ++wrong;
        GstBuffer* buffer = streams[k]->pull();
        GstMapInfo map;
        gst_buffer_map(buffer, &map, GST_MAP_READ);
        const Json line = Json::parse(map.data, map.data + map.size);
        gst_buffer_unmap(buffer, &map);
        gst_buffer_unref(buffer);
        const bool right = line["stream-id"] == "s" + std::to_string(k) && line["frame"] == i &&
                           line["detections"].size() == 1 &&
                           line["detections"][0]["class_id"] == k &&
                           line["detections"][0]["box"]["x2"] == 64 + 16 * k;
        if (!right) ++wrong;
        if (line["batch-fill"] > 1) ++batched;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE(
    "four streams of different length in one pipeline: one engine, every frame, EOS in spite of "
    "part batches") {
  Plans plans;
  std::string launch;
  for (int k = 0; k < 4; ++k) {
    const std::string n = std::to_string(k);
    launch += "videotestsrc pattern=white num-buffers=" + std::to_string(7 + 5 * k) + " ! " +
              video_caps("I420", 64, 64) + " ! stintinfer name=i" + n +
              " threads=1 batch-timeout=5000000 stream-id=s" + n + " model=" + plans.cells() +
              " ! stintjson ! filesink location=" + plans.folder().path("out" + n + ".jsonl") + " ";
  }
  Pipeline pipeline(launch);
  guint most_members = 0;
  const auto watch = [&](GstMessage*) {
    most_members = std::max(most_members, members_of_engine(pipeline.element("i0")));
  };
  CHECK(pipeline.run_to_end(20, watch).eos);
  CHECK(most_members == 4);
  pipeline.set_state(GST_STATE_NULL);
  for (int k = 0; k < 4; ++k) {
    const auto lines = read_json_lines(plans.folder().path("out" + std::to_string(k) + ".jsonl"));
    REQUIRE(lines.size() == size_t(7 + 5 * k));
    for (const Json& line : lines) {
      CHECK(line["inferred"] == true);
      CHECK(line["stream-id"] == "s" + std::to_string(k));
      CHECK(line["detections"].size() == kMaxBrightCells);
    }
  }
}

TEST_CASE("engine-id separates, and so do other threads") {
  Plans plans;
  Harness a(json_launch(plans), video_caps("GRAY8", 64, 64));
  Harness b(json_launch(plans, "engine-id=own"), video_caps("GRAY8", 64, 64));
  Harness c(json_launch(plans), video_caps("GRAY8", 64, 64));
  CHECK(members_of_engine(a.element("stintinfer")) == 2);
  CHECK(members_of_engine(b.element("stintinfer")) == 1);
}

TEST_CASE("a stalled stream does not hold the others") {
  Plans plans;
  Harness stalled(json_launch(plans), video_caps("GRAY8", 64, 64));
  Harness running(json_launch(plans, "batch-timeout=2000000"), video_caps("GRAY8", 64, 64));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) CHECK(running.run({1})["inferred"] == true);
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("batch-timeout does not wait for a stream that has ended, nor for one that is paused") {
  Plans plans;
  const auto camera = [&](int frames) {
    return "videotestsrc is-live=true num-buffers=" + std::to_string(frames) + " ! " +
           video_caps("GRAY8", 64, 64) +
           " ! stintinfer threads=1 batch-timeout=100000000 model=" + plans.cells() +
           " ! fakesink sync=false async=false ";
  };
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  SUBCASE("ended") {
    Pipeline pipeline(camera(5) + camera(60));
    CHECK(pipeline.run_to_end().eos);
    CHECK(seconds() < 4.5);  // two seconds of video; 60 waits in vain would be six
  }
  SUBCASE("paused") {
    Pipeline paused("videotestsrc ! " + video_caps("GRAY8", 64, 64) +
                    " ! stintinfer threads=1 model=" + plans.cells() + " ! fakesink");
    REQUIRE(paused.reach(GST_STATE_PAUSED));
    Pipeline pipeline(camera(60));
    CHECK(pipeline.run_to_end().eos);
    CHECK(seconds() < 4.5);
  }
}

TEST_CASE("two hundred streams join and leave beside one that runs") {
  Plans plans;
  Harness running(json_launch(plans), video_caps("GRAY8", 64, 64));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread runner([&] {
    while (!stop) {
      if (running.push({3}) != GST_FLOW_OK) ++wrong;
      GstBuffer* buffer = running.pull();
      if (buffer) {
        gst_buffer_unref(buffer);
      } else {
        ++wrong;
      }
    }
  });
  for (int i = 0; i < 200; ++i) {
    Harness guest(json_launch(plans), video_caps("GRAY8", 64, 64));
    const unsigned cell = static_cast<unsigned>(i % 16);
    if (i % 2 == 0) CHECK(guest.run({cell})["detections"][0]["class_id"] == cell);
  }
  stop = true;
  runner.join();
  CHECK(wrong == 0);
  CHECK(members_of_engine(running.element("stintinfer")) == 1);
}

TEST_CASE("two pipelines of a process share the engine") {
  Plans plans;
  const std::string launch = "videotestsrc is-live=true ! " + video_caps("GRAY8", 64, 64) +
                             " ! stintinfer name=i threads=1 model=" + plans.cells() +
                             " ! fakesink sync=false";
  Pipeline a(launch), b(launch);
  REQUIRE(a.reach(GST_STATE_PLAYING));
  REQUIRE(b.reach(GST_STATE_PLAYING));
  CHECK(members_of_engine(a.element("i")) == 2);
  REQUIRE(b.reach(GST_STATE_NULL));
  CHECK(members_of_engine(a.element("i")) == 1);
}

TEST_CASE("the stream id is the stream's own when none is set") {
  Plans plans;
  Harness harness(json_launch(plans), video_caps("GRAY8", 64, 64));
  gst_harness_push_event(harness.get(), gst_event_new_stream_start("camera-front"));
  harness.set_caps(video_caps("GRAY8", 64, 64));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.get(), gst_event_new_segment(&segment));
  CHECK(harness.run({1})["stream-id"] == "camera-front");
}
