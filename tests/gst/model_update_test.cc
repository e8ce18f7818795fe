// Another plan while the stream runs.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "tests/gst/fixture.h"

using namespace stint::test;

namespace {

struct RunningStream {
  RunningStream()
      : first(plans.cells()),
        harness("stintinfer name=i threads=1 model=" + first + " ! stintjson",
                video_caps("GRAY8", 64, 64)),
        infer(harness.element("stintinfer")) {
    CHECK(label() == "cell-5");
  }
  std::string label() { return harness.run({5})["detections"][0]["label"]; }
  std::string model() {
    gchar* path = nullptr;
    g_object_get(infer, "model", &path, nullptr);
    const std::string text = path ? path : "";
    g_free(path);
    return text;
  }
  Plans plans;
  std::string first;
  Harness harness;
  GstElement* infer;
};

}  // namespace

TEST_CASE("a new plan takes over between two frames, without a gap") {
  RunningStream stream;
  const std::string next = stream.plans.make("next.plan", brightest_cell_plan({1, 8}, "next-"));
  g_object_set(stream.infer, "model", next.c_str(), nullptr);
  std::string label;
  for (int i = 0; i < 2000 && label != "next-5"; ++i) {
    label = stream.label();
    CHECK((label == "cell-5" || label == "next-5"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(label == "next-5");
  const auto message = stream.harness.element_message("stint-model-updated");
  REQUIRE(message);
  CHECK(message->find(next) != std::string::npos);
  CHECK(message->find(stream.first) != std::string::npos);
  CHECK(stream.model() == next);
}

TEST_CASE("a plan that cannot be used leaves the old one running, and says why") {
  RunningStream stream;
  std::string bad;
  SUBCASE("missing") { bad = stream.plans.folder().path("none.plan"); }
  SUBCASE("not a plan") { bad = stream.plans.folder().write("bad.plan", "no plan", 7); }
  g_object_set(stream.infer, "model", bad.c_str(), nullptr);
  const auto message = stream.harness.element_message("stint-model-update-failed");
  REQUIRE(message);
  CHECK(message->find(bad) != std::string::npos);
  CHECK(stream.label() == "cell-5");
  CHECK(stream.model() == stream.first);
}

TEST_CASE("many updates in a row: the last one wins") {
  RunningStream stream;
  std::string path;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    path = stream.plans.make("p" + n + ".plan", brightest_cell_plan({1}, "p" + n + "-"));
    g_object_set(stream.infer, "model", path.c_str(), nullptr);
    stream.label();
  }
  std::string label;
  for (int i = 0; i < 2000 && label != "p19-5"; ++i) {
    label = stream.label();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(label == "p19-5");
}

TEST_CASE("an update that is still loading when the stream stops comes to nothing") {
  for (int i = 0; i < 20; ++i) {
    RunningStream stream;
    const std::string next = stream.plans.make("next.plan", brightest_cell_plan({1}, "next-"));
    g_object_set(stream.infer, "model", next.c_str(), nullptr);
  }
}
