// What does not work says so on the bus: what was found, what is needed, what to do.
#include <doctest/doctest.h>

#include "tests/gst/fixture.h"
#include "tests/support/tiny_plan.h"

using namespace stint::test;

namespace {

std::string launch(const std::string& settings) {
  return "videotestsrc num-buffers=3 ! " + video_caps("GRAY8", 64, 64) + " ! stintinfer name=i " +
         settings + " ! fakesink";
}

Pipeline::End failing_run(const std::string& settings) {
  Pipeline pipeline(launch(settings));
  Pipeline::End end = pipeline.run_to_end();
  CAPTURE(settings);
  CHECK_FALSE(end.eos);
  CHECK_FALSE(end.timed_out);
  CHECK(end.source == "i");
  CHECK_FALSE(end.error.empty());
  CHECK_FALSE(end.found.empty());
  CHECK_FALSE(end.needed.empty());
  return end;
}

}  // namespace

TEST_CASE("no model") {
  Plans plans;
  const auto end = failing_run("");
  CHECK(end.error_domain == GST_RESOURCE_ERROR);
  CHECK(end.command.find("stint build") != std::string::npos);
}

TEST_CASE("a missing file is RESOURCE/NOT_FOUND with the command that makes it") {
  Plans plans;
  const std::string path = plans.folder().path("none.plan");
  const auto end = failing_run("model=" + path);
  CHECK(end.error_domain == GST_RESOURCE_ERROR);
  CHECK(end.error_code == GST_RESOURCE_ERROR_NOT_FOUND);
  CHECK(end.error.find(path) != std::string::npos);
  CHECK(end.command.find("stint build") != std::string::npos);
}

TEST_CASE("a folder is RESOURCE/OPEN_READ") {
  Plans plans;
  const auto end = failing_run("model=" + plans.folder().path(""));
  CHECK(end.error_domain == GST_RESOURCE_ERROR);
  CHECK(end.error_code == GST_RESOURCE_ERROR_OPEN_READ);
}

TEST_CASE("what is not a plan, not a whole one, or of the wrong kind is LIBRARY/SETTINGS") {
  Plans plans;
  std::string path;
  SUBCASE("a text file") {
    const std::string text(2000, 'a');
    path = plans.folder().write("text.plan", text.data(), text.size());
  }
  SUBCASE("an empty file") { path = plans.folder().write("empty.plan", "", 0); }
  SUBCASE("a truncated plan") {
    const AlignedBytes file = write_plan(brightest_cell_plan());
    path = plans.folder().write("cut.plan", file.data(), file.size() / 2);
  }
  SUBCASE("a damaged plan") {
    AlignedBytes file = write_plan(brightest_cell_plan());
    file.data()[file.size() - 40] ^= std::byte{0x10};
    path = plans.folder().write("damaged.plan", file.data(), file.size());
  }
  SUBCASE("a plan of another version") {
    AlignedBytes file = write_plan(brightest_cell_plan());
    header_of(file)->major += 1;
    path = plans.folder().write("version.plan", file.data(), file.size());
  }
  SUBCASE("a plan that takes tensors") { path = plans.make("tensors.plan", tiny_plan()); }
  SUBCASE("a plan for another target") {
    PlanSpec spec = brightest_cell_plan();
    spec.variants[0].name = "another";
    path = plans.make("target.plan", spec);
  }
  const auto end = failing_run("model=" + path);
  CHECK(end.error_domain == GST_LIBRARY_ERROR);
  CHECK(end.error_code == GST_LIBRARY_ERROR_SETTINGS);
  CHECK(end.command.find("stint build") != std::string::npos);
}

TEST_CASE("settings that cannot be met are errors, not warnings") {
  Plans plans;
  for (const std::string settings : {"device=cuda:0", "device=toaster", "labels-file=/nowhere"}) {
    CAPTURE(settings);
    failing_run(settings + " model=" + plans.cells());
  }
#if GST_VERSION_MAJOR == 1 && GST_VERSION_MINOR < 24
  const auto end = failing_run("output-meta=analytics model=" + plans.cells());
  CHECK(end.error_code == GST_LIBRARY_ERROR_SETTINGS);
#endif
}

TEST_CASE("after an error the same element works once the cause is gone") {
  Plans plans;
  Pipeline pipeline(launch("model=" + plans.folder().path("later.plan")));
  CHECK_FALSE(pipeline.run_to_end().eos);
  CHECK(pipeline.reach(GST_STATE_NULL));
  plans.make("later.plan", brightest_cell_plan());
  CHECK(pipeline.run_to_end().eos);
}

TEST_CASE("an error of one stream leaves the others alone") {
  Plans plans;
  Harness good("stintinfer threads=1 model=" + plans.cells() + " ! stintjson",
               video_caps("GRAY8", 64, 64));
  CHECK(good.run({4})["detections"][0]["class_id"] == 4);
  failing_run("threads=1 model=" + plans.folder().path("none.plan"));
  CHECK(good.run({5})["detections"][0]["class_id"] == 5);
}
