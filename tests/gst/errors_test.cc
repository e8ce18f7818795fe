// What does not work says so on the bus: what was found, what is needed, what to do.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/gst/fixture.h"
#include "tests/support/cuda_twin.h"
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
    path = plans.make("target.plan", for_no_machine(brightest_cell_plan()));
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

TEST_CASE("a slip in model= is called what it is, and the advice destroys nothing") {
  Plans plans;
  const std::string model = plans.folder().write("net.onnx", "ONNX", 4);
  auto end = failing_run("model=" + model);
  CHECK(end.found == "an ONNX model");
  CHECK(end.command.find("stint build " + model + " ") == 0);
  CHECK(end.command.find(" -o " + plans.folder().path("net.plan")) != std::string::npos);
  end = failing_run("model=/etc/passwd");
  CHECK(end.command.find(" -o MODEL.plan") != std::string::npos);
  end = failing_run("model=" + plans.folder().path(""));
  CHECK(end.found == "a folder");
  CHECK(end.command.find(" -o MODEL.plan") != std::string::npos);
  const std::string gpu = plans.make("gpu.plan", for_no_machine(brightest_cell_plan()));
  end = failing_run("model=" + gpu);
  CHECK(end.command.find(" -o " + plans.folder().path("gpu-cpu.plan")) != std::string::npos);
}

TEST_CASE("a FIFO or a device as model or labels is refused, not waited for") {
  Plans plans;
  const std::string fifo = plans.folder().path("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(failing_run("model=" + fifo).found == "a FIFO");
  CHECK(failing_run("model=/dev/zero").found == "a device");
  CHECK(failing_run("labels-file=" + fifo + " model=" + plans.cells()).found == "a FIFO");
}

TEST_CASE("another format version and a damaged header are told apart") {
  Plans plans;
  AlignedBytes file = write_plan(brightest_cell_plan());
  header_of(file)->major += 1;
  auto end = failing_run("model=" + plans.folder().write("v.plan", file.data(), file.size()));
  CHECK(end.found.find("format version") == 0);
  CHECK(end.error.find("damaged") == std::string::npos);
  header_of(file)->major -= 1;
  header_of(file)->header_bytes = 8;
  end = failing_run("model=" + plans.folder().write("d.plan", file.data(), file.size()));
  CHECK(end.error.find("damaged") != std::string::npos);
}

TEST_CASE("labels that are no list of lines are errors") {
  Plans plans;
  const std::string json = "[\"a\", \"b\"]";
  const std::string path = plans.folder().write("l.json", json.data(), json.size());
  CHECK(failing_run("labels-file=" + path + " model=" + plans.cells()).found == "JSON");
  const std::string self =
      failing_run("labels-file=" + plans.cells() + " model=" + plans.cells()).found;
  CHECK(self == "binary data");
}

namespace {

/// Puts other caps into a stream, as a decoder sets them: without asking what can be taken.
GstPadProbeReturn replace_caps(GstPad*, GstPadProbeInfo* info, gpointer text) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps* caps = gst_caps_from_string(static_cast<const std::string*>(text)->c_str());
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
  gst_caps_unref(caps);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

std::string error_about(const std::string& element, const std::string& settings, std::string caps) {
  CAPTURE(element);
  CAPTURE(caps);
  Pipeline pipeline("videotestsrc num-buffers=2 ! " + video_caps("GRAY8", 64, 64) +
                    " ! identity name=source ! " + element + settings + " ! fakesink");
  GstPad* pad = gst_element_get_static_pad(pipeline.element("source"), "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, replace_caps, &caps, nullptr);
  gst_object_unref(pad);
  const Pipeline::End end = pipeline.run_to_end();
  pipeline.set_state(GST_STATE_NULL);
  CHECK(end.error_domain == GST_STREAM_ERROR);
  CHECK(end.error_code == GST_STREAM_ERROR_FORMAT);
  CHECK(end.error.find(element) == 0);
  CHECK(end.needed.find("NV12") != std::string::npos);
  return end.error;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("video that cannot be taken: the error says what came and what to put in front") {
  Plans plans;
  const std::string size = ",width=64,height=64,framerate=30/1";
  const std::pair<std::string, std::string> elements[] = {
      {"stintinfer", " threads=1 model=" + plans.cells()}, {"stintoverlay", ""}};
  for (const auto& [element, settings] : elements) {
    std::string error = error_about(element, settings, "video/x-raw,format=Y444" + size);
    CHECK(has(error, "format=Y444"));
    CHECK(has(error, "put videoconvert in front"));
    error = error_about(element, settings, "video/x-raw(memory:GLMemory),format=NV12" + size);
    CHECK(has(error, "memory:GLMemory"));
    CHECK(has(error, "put gldownload in front"));
    error = error_about(element, settings, "video/x-raw(memory:GLMemory),format=P010_10LE" + size);
    CHECK(has(error, "put gldownload ! videoconvert in front"));
    CHECK(has(error_about(element, settings, "image/jpeg" + size), "jpegdec"));
    CHECK(has(error_about(element, settings, "video/x-h264" + size), "decodebin"));
  }
  const std::string error =
      error_about("stintinfer", elements[0].second,
                  "video/x-raw,format=NV12,interlace-mode=interleaved" + size);
  CHECK(has(error, "interlace-mode=interleaved"));
  CHECK(has(error, "put deinterlace in front"));
}

TEST_CASE("an element in a bin, which refuses caps in its name, explains them by a warning") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells(), video_caps("NV12", 64, 64));
  GstCaps* caps = gst_caps_from_string(video_caps("Y444", 64, 64).c_str());
  gst_harness_push_event(harness.get(), gst_event_new_caps(caps));
  gst_caps_unref(caps);
  const auto warnings = harness.warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(has(warnings[0], "format=Y444"));
  CHECK(has(warnings[0], "put videoconvert in front"));
}

TEST_CASE("video that upstream cannot even offer is explained by a warning") {
  Plans plans;
  Pipeline pipeline("videotestsrc num-buffers=2 ! capsfilter name=only ! stintinfer model=" +
                    plans.cells() + " ! fakesink");
  GstCaps* caps = gst_caps_from_string(video_caps("Y444", 64, 64).c_str());
  g_object_set(pipeline.element("only"), "caps", caps, nullptr);
  gst_caps_unref(caps);
  std::vector<std::string> warnings;
  const auto watch = [&](GstMessage* message) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) warnings.push_back(warning_text(message));
  };
  CHECK_FALSE(pipeline.run_to_end(20, watch).eos);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("format=Y444") != std::string::npos);
  CHECK(warnings[0].find("put videoconvert in front") != std::string::npos);
}
