// Another plan while the stream runs.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
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
  /// Sends frames until the label is that one; false after some seconds.
  bool becomes(const std::string& expected) {
    for (int i = 0; i < 2000; ++i) {
      if (label() == expected) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  std::string labels_file() {
    gchar* path = nullptr;
    g_object_get(infer, "labels-file", &path, nullptr);
    const std::string text = path ? path : "";
    g_free(path);
    return text;
  }
  /// Whether the last plan that took over was that file.
  bool runs(const std::string& name) {
    while (const auto message = harness.element_message("stint-model-updated", 0)) {
      last_update = *message;
    }
    return last_update.find(name) != std::string::npos;
  }
  std::string last_update;
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

TEST_CASE("updates that come faster than plans load do not pile up") {
  RunningStream stream;
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  std::string paths[2];
  for (const int i : {0, 1}) {
    const std::string n = std::to_string(i);
    paths[i] = stream.plans.make("p" + n + ".plan", brightest_cell_plan({1, 2, 4}, "p" + n + "-"));
  }
  const auto before = threads();
  auto most = before;
  for (int i = 0; i < 300; ++i) {
    g_object_set(stream.infer, "model", paths[i % 2].c_str(), nullptr);
    most = std::max(most, threads());
  }
  // The one that loads, and the batchers of the plan that runs, the next and the one after.
  CHECK(most <= before + 4);
  CHECK(stream.becomes("p1-5"));
}

TEST_CASE("an update that is still loading when the stream stops comes to nothing") {
  for (int i = 0; i < 20; ++i) {
    RunningStream stream;
    const std::string next = stream.plans.make("next.plan", brightest_cell_plan({1}, "next-"));
    g_object_set(stream.infer, "model", next.c_str(), nullptr);
  }
}

TEST_CASE("a plan overwritten in place changes nothing until it is set again") {
  RunningStream stream;
  const AlignedBytes next = write_plan(brightest_cell_plan({1}, "next-"));
  SUBCASE("by another plan") { overwrite_in_place(stream.first, next.data(), next.size()); }
  SUBCASE("by nothing, as cp leaves it for a moment") { overwrite_in_place(stream.first, "", 0); }
  SUBCASE("by zeroes") {
    const std::string zeroes(write_plan(brightest_cell_plan()).size(), '\0');
    overwrite_in_place(stream.first, zeroes.data(), zeroes.size());
  }
  for (int i = 0; i < 20; ++i) CHECK(stream.label() == "cell-5");
  overwrite_in_place(stream.first, next.data(), next.size());
  g_object_set(stream.infer, "model", stream.first.c_str(), nullptr);
  CHECK(stream.becomes("next-5"));
}

TEST_CASE("labels-file belongs to the model that it was set for") {
  RunningStream stream;
  const auto labels = [&](const std::string& name, const std::string& prefix) {
    std::string text;
    for (unsigned i = 0; i < kCells; ++i) text += prefix + std::to_string(i) + "\n";
    return stream.plans.folder().write(name, text.data(), text.size());
  };
  const std::string a = labels("a.txt", "a-"), b = labels("b.txt", "b-");
  const std::string next = stream.plans.make("next.plan", brightest_cell_plan({1}, "next-"));
  const std::string third = stream.plans.make("third.plan", brightest_cell_plan({1}, "third-"));
  g_object_set(stream.infer, "labels-file", a.c_str(), nullptr);
  REQUIRE(stream.becomes("a-5"));
  CHECK(stream.harness.warnings().empty());

  SUBCASE("a new model has its own, and it is said") {
    g_object_set(stream.infer, "model", next.c_str(), nullptr);
    REQUIRE(stream.becomes("next-5"));
    const auto warnings = stream.harness.warnings();
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find(a) != std::string::npos);
    CHECK(stream.labels_file() == "");
  }
  SUBCASE("set together with the model, before it") {
    g_object_set(stream.infer, "labels-file", b.c_str(), "model", next.c_str(), nullptr);
    REQUIRE(stream.becomes("b-5"));
    CHECK(stream.runs("next.plan"));
    CHECK(stream.labels_file() == b);
    SUBCASE("once: the one after that has its own again") {
      g_object_set(stream.infer, "model", third.c_str(), nullptr);
      CHECK(stream.becomes("third-5"));
    }
  }
  SUBCASE("set together with the model, after it; also the same file again") {
    g_object_set(stream.infer, "model", next.c_str(), "labels-file", a.c_str(), nullptr);
    for (int i = 0; i < 2000 && !stream.runs("next.plan"); ++i) stream.label();
    REQUIRE(stream.becomes("a-5"));
    CHECK(stream.labels_file() == a);
  }
  SUBCASE("a model that cannot be used leaves model and labels as they were") {
    g_object_set(stream.infer, "model", stream.plans.folder().path("none").c_str(), nullptr);
    REQUIRE(stream.harness.element_message("stint-model-update-failed"));
    CHECK(stream.label() == "a-5");
    CHECK(stream.labels_file() == a);
    CHECK(stream.model() == stream.first);
  }
  SUBCASE("labels that cannot be used leave the old ones") {
    g_object_set(stream.infer, "labels-file", stream.plans.folder().path("none").c_str(), nullptr);
    REQUIRE(stream.harness.element_message("stint-model-update-failed"));
    CHECK(stream.label() == "a-5");
    CHECK(stream.labels_file() == a);
  }
}
