// What is allowed but probably not meant: a warning says so, once, and the stream goes on.
#include <doctest/doctest.h>
#include <gst/video/gstvideometa.h>

#include "tests/gst/fixture.h"

using namespace stint::test;

namespace {

/// Warnings of stintinfer in a short stream that must end well.
std::vector<std::string> warnings_of(const std::string& settings, int frames = 3) {
  Pipeline pipeline("videotestsrc num-buffers=" + std::to_string(frames) + " ! " +
                    video_caps("GRAY8", 64, 64) + " ! stintinfer threads=1 " + settings +
                    " ! fakesink");
  std::vector<std::string> texts;
  const auto watch = [&](GstMessage* message) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) texts.push_back(warning_text(message));
  };
  CAPTURE(settings);
  CHECK(pipeline.run_to_end(20, watch).eos);
  return texts;
}

bool says(const std::vector<std::string>& texts, const std::string& what) {
  return texts.size() == 1 && texts[0].find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("settings beyond the plan, and times in another unit") {
  Plans plans;
  const std::string model = " model=" + plans.cells();  // batches 1, 2, 4; four detections
  CHECK(warnings_of(model).empty());
  CHECK(warnings_of("batch-size=4 max-detections=4 max-age=1000000000 batch-timeout=20000000 "
                    "stats-interval=1000000000 max-rate=5/1" +
                    model)
            .empty());
  CHECK(says(warnings_of("batch-size=16" + model), "the plan's largest batch is 4"));
  CHECK(says(warnings_of("max-detections=100" + model), "at most 4"));
  CHECK(says(warnings_of("max-age=100" + model), "100 nanoseconds"));
  CHECK(says(warnings_of("batch-timeout=50" + model), "50 nanoseconds"));
  CHECK(says(warnings_of("batch-timeout=90000000000" + model), "90 s"));
  CHECK(says(warnings_of("stats-interval=1" + model), "1 nanoseconds"));
}

TEST_CASE("settings changed while playing") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells() + " ! stintjson",
                  video_caps("GRAY8", 64, 64));
  harness.run({1});
  GstElement* infer = harness.element("stintinfer");
  CHECK(harness.warnings().empty());
  g_object_set(infer, "device", "cpu", nullptr);
  CHECK(says(harness.warnings(), "do not change while a plan runs"));
  g_object_set(infer, "engine-id", "x", nullptr);
  CHECK(says(harness.warnings(), "do not change while a plan runs"));
  g_object_set(infer, "stream-id", "x", nullptr);
  CHECK(says(harness.warnings(), "next start"));
  g_object_set(infer, "batch-size", 5, nullptr);
  CHECK(says(harness.warnings(), "largest batch is 4"));
  g_object_set(infer, "threshold", 0.5, "every-n", 1, nullptr);
  CHECK(harness.warnings().empty());
  CHECK(harness.run({1})["inferred"] == true);
}

TEST_CASE("labels that do not fit the plan") {
  Plans plans;
  const auto file = [&](const std::string& text) {
    return plans.folder().write("labels.txt", text.data(), text.size());
  };
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += "name-" + std::to_string(i) + "\n";
  const std::string model = " model=" + plans.cells();
  CHECK(warnings_of("labels-file=" + file(sixteen) + model).empty());
  CHECK(says(warnings_of("labels-file=" + file("a\nb\n") + model), "2 labels"));
  CHECK(says(warnings_of("labels-file=" + file(sixteen + sixteen) + model), "32 labels"));
  // A plan that names no classes: found out when a class without a label comes.
  PlanSpec spec = brightest_cell_plan();
  spec.labels.clear();
  Harness harness("stintinfer threads=1 labels-file=" + file("a\nb\n") +
                      " model=" + plans.make("bare.plan", spec) + " ! stintjson",
                  video_caps("GRAY8", 64, 64));
  CHECK(harness.run({1})["detections"][0]["label"] == "b");
  CHECK(harness.warnings().empty());
  harness.run({7});
  harness.run({8});
  CHECK(says(harness.warnings(), "no label for class 7"));
}

TEST_CASE("region=rois without a detector in front") {
  Plans plans;
  const std::string rois =
      "stintinfer threads=1 region=rois model=" + plans.cells() + " ! stintjson";
  Harness alone(rois, video_caps("GRAY8", 64, 64));
  for (int i = 0; i < 60; ++i) alone.run({1});
  CHECK(says(alone.warnings(), "no frame carries a region"));
  Harness behind("stintinfer threads=1 model=" + plans.cells() + " ! " + rois,
                 video_caps("GRAY8", 64, 64));
  for (int i = 0; i < 60; ++i) behind.run({});  // it finds nothing, but it is there
  CHECK(behind.warnings().empty());
}

TEST_CASE("max-rate with frames that have no time stamps") {
  Plans plans;
  Harness harness("stintinfer threads=1 max-rate=10/1 model=" + plans.cells() + " ! stintjson",
                  video_caps("GRAY8", 64, 64));
  int inferred = 0;
  for (int i = 0; i < 30; ++i) {
    GstBuffer* buffer = cell_frame(harness.info(), {3});
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
    inferred += harness.pull_json()["inferred"] == true ? 1 : 0;
  }
  CHECK(inferred == 10);  // the caps say 30 a second
  CHECK(says(harness.warnings(), "framerate of the caps"));
}
