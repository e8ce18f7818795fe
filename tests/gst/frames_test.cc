// Frames of every kind go in; they come out untouched, with the right results.
#include <doctest/doctest.h>
#include <gst/video/gstvideometa.h>

#include "tests/gst/fixture.h"

using namespace stint::test;

namespace {

const char* const kFormats[] = {"NV12", "I420", "RGB",  "BGR",  "RGBx",
                                "BGRx", "RGBA", "BGRA", "GRAY8"};

/// Bytes and every property of a buffer but its metas.
std::string fingerprint(GstBuffer* buffer) {
  GstMapInfo map;
  REQUIRE(gst_buffer_map(buffer, &map, GST_MAP_READ));
  std::string text(reinterpret_cast<const char*>(map.data), map.size);
  gst_buffer_unmap(buffer, &map);
  for (const guint64 value :
       {guint64{GST_BUFFER_PTS(buffer)}, guint64{GST_BUFFER_DTS(buffer)},
        guint64{GST_BUFFER_DURATION(buffer)}, guint64{GST_BUFFER_OFFSET(buffer)},
        guint64{GST_BUFFER_OFFSET_END(buffer)},
        guint64{GST_BUFFER_FLAGS(buffer) & ~guint{GST_BUFFER_FLAG_TAG_MEMORY}}}) {
    text += " " + std::to_string(value);
  }
  return text;
}

std::vector<GstVideoRegionOfInterestMeta*> regions(GstBuffer* buffer) {
  std::vector<GstVideoRegionOfInterestMeta*> all;
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
             buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    all.push_back(reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta));
  }
  return all;
}

}  // namespace

TEST_CASE("every format, odd sizes and strides: right result, frame untouched") {
  Plans plans;
  const std::pair<int, int> sizes[] = {{64, 48}, {641, 361}, {33, 17}};
  for (const char* format : kFormats) {
    for (const auto& [width, height] : sizes) {
      for (const int padding : {0, 13}) {
        CAPTURE(format);
        CAPTURE(width);
        CAPTURE(padding);
        Harness harness("stintinfer threads=1 model=" + plans.cells(),
                        video_caps(format, width, height));
        GstBuffer* buffer = cell_frame(harness.info(), {6}, 7, padding);
        GST_BUFFER_OFFSET(buffer) = 41;
        GST_BUFFER_OFFSET_END(buffer) = 42;
        GST_BUFFER_DTS(buffer) = 5;
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_MARKER);
        const std::string before = fingerprint(buffer);
        REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
        GstBuffer* out = harness.pull();
        REQUIRE(out);
        CHECK(out == buffer);  // in place
        CHECK(fingerprint(out) == before);
        const auto found = regions(out);
        REQUIRE(found.size() == 1);
        CHECK(std::string(g_quark_to_string(found[0]->roi_type)) == "cell-6");
        CHECK(found[0]->w == static_cast<guint>(width));
        CHECK(found[0]->h == static_cast<guint>(height));
        gst_buffer_unref(out);
      }
    }
  }
}

TEST_CASE("a region of interest per detection, with DL Streamer's field names") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells(), video_caps("GRAY8", 64, 64));
  REQUIRE(harness.push({3, 9}) == GST_FLOW_OK);
  GstBuffer* out = harness.pull();
  const auto found = regions(out);
  REQUIRE(found.size() == 2);
  CHECK(found[0]->id != found[1]->id);
  for (auto* region : found) {
    CHECK(region->id > 0);
    GstStructure* detection = gst_video_region_of_interest_meta_get_param(region, "detection");
    REQUIRE(detection);
    gdouble confidence, x_min, x_max, y_min, y_max;
    gint label_id;
    REQUIRE(gst_structure_get(detection, "confidence", G_TYPE_DOUBLE, &confidence, "x_min",
                              G_TYPE_DOUBLE, &x_min, "x_max", G_TYPE_DOUBLE, &x_max, "y_min",
                              G_TYPE_DOUBLE, &y_min, "y_max", G_TYPE_DOUBLE, &y_max, "label_id",
                              G_TYPE_INT, &label_id, nullptr));
    CHECK(confidence == doctest::Approx(1.0));
    CHECK(x_min == 0);
    CHECK(y_max == 1);
    CHECK("cell-" + std::to_string(label_id) == g_quark_to_string(region->roi_type));
  }
  gst_buffer_unref(out);
}

TEST_CASE("output-meta=0 leaves the frame meta only") {
  Plans plans;
  Harness harness("stintinfer threads=1 output-meta=0 model=" + plans.cells() + " ! identity",
                  video_caps("GRAY8", 64, 64));
  REQUIRE(harness.push({3}) == GST_FLOW_OK);
  GstBuffer* out = harness.pull();
  CHECK(regions(out).empty());
  gst_buffer_unref(out);
  Harness json("stintinfer threads=1 output-meta=0 model=" + plans.cells() + " ! stintjson",
               video_caps("GRAY8", 64, 64));
  CHECK(json.run({3})["detections"].size() == 1);
}

TEST_CASE("a JSON line per frame says what was found, where and how") {
  Plans plans;
  Harness harness("stintinfer threads=1 stream-id=cam\"1 model=" + plans.cells() + " ! stintjson",
                  video_caps("NV12", 322, 242));
  for (unsigned frame = 0; frame < 3; ++frame) {
    const Json line = harness.run({frame + 4});
    CHECK(line["stream-id"] == "cam\"1");
    CHECK(line["frame"] == frame);
    CHECK(line["pts"] == gst_util_uint64_scale(frame, GST_SECOND, 30));
    CHECK(line["width"] == 322);
    CHECK(line["height"] == 242);
    CHECK(line["inferred"] == true);
    CHECK(line["reason"] == nullptr);
    CHECK(line["batch-fill"] == 1);
    CHECK(line["total-ns"] >= line["run-ns"]);
    REQUIRE(line["detections"].size() == 1);
    const Json& detection = line["detections"][0];
    CHECK(detection["label"] == "cell-" + std::to_string(frame + 4));
    CHECK(detection["class_id"] == frame + 4);
    CHECK(detection["score"].get<double>() == doctest::Approx(1.0).epsilon(0.01));
    CHECK(detection["parent_id"] == nullptr);
    CHECK(detection["box"] == Json{{"x1", 0.0}, {"y1", 0.0}, {"x2", 322.0}, {"y2", 242.0}});
  }
  const Json nothing = harness.run({});
  CHECK(nothing["inferred"] == true);  // and found nothing
  CHECK(nothing["detections"].empty());
}

TEST_CASE("stintjson of frames that nobody looked at") {
  Plans plans;
  Harness harness("stintjson", video_caps("RGB", 64, 64));
  harness.run({1});
  const Json line = harness.run({1});
  CHECK(line["stream-id"] == nullptr);
  CHECK(line["frame"] == 1);
  CHECK(line["inferred"] == false);
  CHECK(line["reason"] == nullptr);
  CHECK(line["detections"].empty());
}

TEST_CASE("caps change in mid-stream") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells() + " ! stintjson",
                  video_caps("NV12", 320, 240));
  unsigned cell = 0;
  for (const char* format : kFormats) {
    for (const int width : {64, 641}) {
      CAPTURE(format);
      harness.set_caps(video_caps(format, width, 77));
      const Json line = harness.run({cell % 16});
      CHECK(line["width"] == width);
      REQUIRE(line["detections"].size() == 1);
      CHECK(line["detections"][0]["class_id"] == cell % 16);
      CHECK(line["detections"][0]["box"]["x2"] == width);
      CHECK(line["frame"] == cell);
      ++cell;
    }
  }
}

TEST_CASE("what stintinfer cannot take is refused in negotiation") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells(), video_caps("NV12", 64, 64));
  const auto accepts = [&](const std::string& text) {
    GstCaps* caps = gst_caps_from_string(text.c_str());
    const bool accepted = gst_pad_peer_query_accept_caps(harness.get()->srcpad, caps);
    gst_caps_unref(caps);
    return accepted;
  };
  CHECK(accepts(video_caps("RGB", 1, 1)));
  CHECK(accepts(video_caps("NV12", 64, 64) + ",interlace-mode=progressive"));
  CHECK_FALSE(accepts(video_caps("YUY2", 64, 64)));
  CHECK_FALSE(accepts(video_caps("NV12", 64, 64) + ",interlace-mode=interleaved"));
  CHECK_FALSE(accepts("image/jpeg"));
}

TEST_CASE("threshold, max-detections, labels-file") {
  Plans plans;
  const std::string labels = "first\nsecond\r\n\n\"quoted\"\n";
  const std::string file = plans.folder().write("labels.txt", labels.data(), labels.size());
  Harness harness("stintinfer name=i threads=1 labels-file=" + file + " model=" + plans.cells() +
                      " ! stintjson",
                  video_caps("GRAY8", 64, 64));
  Json line = harness.run({0, 1, 2, 3});
  REQUIRE(line["detections"].size() == 4);
  CHECK(line["detections"][0]["label"] == "first");
  CHECK(line["detections"][1]["label"] == "second");
  CHECK(line["detections"][2]["label"] == "class-2");
  CHECK(line["detections"][3]["label"] == "\"quoted\"");
  CHECK(harness.run({7})["detections"][0]["label"] == "class-7");
  GstElement* infer = harness.element("stintinfer");
  g_object_set(infer, "max-detections", 2, nullptr);
  CHECK(harness.run({0, 1, 2, 3})["detections"].size() == 2);
  g_object_set(infer, "max-detections", 0, "threshold", 0.0, nullptr);
  CHECK(harness.run({})["detections"].size() == kMaxBrightCells);  // black cells have score 0
  g_object_set(infer, "threshold", -1.0, nullptr);
  CHECK(harness.run({})["detections"].empty());
}

TEST_CASE("region=rois looks at each region of the frame and names it as the parent") {
  Plans plans;
  Harness harness("stintinfer threads=1 region=rois model=" + plans.cells() + " ! stintjson",
                  video_caps("GRAY8", 160, 160));
  SUBCASE("no regions: not inferred, and it says why") {
    const Json line = harness.run({1});
    CHECK(line["inferred"] == false);
    CHECK(line["reason"] == "no-regions");
  }
  SUBCASE("several, more than a batch; those outside are left out") {
    // White is cell 5: columns and rows 40..79.
    GstBuffer* buffer = cell_frame(harness.info(), {5});
    struct {
      guint x, y, w, h;
    } const boxes[] = {{40, 40, 80, 80}, {0, 0, 80, 80},     {20, 20, 80, 80}, {300, 300, 10, 10},
                       {40, 0, 40, 160}, {60, 60, 400, 400}, {0, 40, 160, 40}, {10, 10, 0, 10}};
    // Cells of the region that are white: one in four each way, so that each has a bright one.
    for (const auto& box : boxes) {
      gst_buffer_add_video_region_of_interest_meta(buffer, "thing", box.x, box.y, box.w, box.h);
    }
    REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
    const Json line = harness.pull_json();
    CHECK(line["inferred"] == true);
    std::vector<std::vector<int>> classes(20);
    for (const Json& d : line["detections"]) {
      REQUIRE(d["parent_id"].is_number());
      classes.at(d["parent_id"].get<size_t>()).push_back(d["class_id"].get<int>());
      CHECK(d["box"]["x2"].get<double>() <= 160);
    }
    // First region 40..119: its cells 0, 1, 4 and 5 are white; the second 0..79: 10, 11, 14 and 15.
    std::vector<std::vector<int>> got;
    for (auto& list : classes) {
      if (list.empty()) continue;
      std::sort(list.begin(), list.end());
      got.push_back(list);
    }
    REQUIRE(got.size() >= 4);
    CHECK(got[0] == std::vector<int>{0, 1, 4, 5});
    CHECK(got[1] == std::vector<int>{10, 11, 14, 15});
    CHECK(got.size() == 6);
  }
  SUBCASE("after a first network") {
    Harness chain("stintinfer threads=1 model=" + plans.cells() +
                      " ! stintinfer threads=1 region=rois max-detections=1 model=" +
                      plans.cells() + " ! stintjson",
                  video_caps("GRAY8", 160, 160));
    const Json line = chain.run({5, 6});
    REQUIRE(line["detections"].size() == 4);  // two of the first, one on each of the second
    CHECK(line["detections"][2]["parent_id"] == line["detections"][0]["id"]);
    CHECK(line["detections"][3]["parent_id"] == line["detections"][1]["id"]);
    CHECK(line["detections"][2]["id"] != line["detections"][0]["id"]);
  }
}

namespace {

/// A GRAY8 frame of 160 x 120 of which 80 x 60 at 40, 30 are visible. White: all that is not, and
/// the given cells of what is.
GstBuffer* cropped_frame(const std::vector<unsigned>& cells) {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, 160 * 120, nullptr);
  GstMapInfo map;
  REQUIRE(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
  std::fill(map.data, map.data + map.size, 255);
  for (unsigned y = 0; y < 60; ++y) {
    for (unsigned x = 0; x < 80; ++x) {
      const bool white = std::count(cells.begin(), cells.end(), y / 15 * 4 + x / 20) > 0;
      map.data[(30 + y) * 160 + 40 + x] = white ? 255 : 0;
    }
  }
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

GstBuffer* with_crop_meta(GstBuffer* buffer) {
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 160, 120);
  GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = 40;
  crop->y = 30;
  crop->width = 80;
  crop->height = 60;
  return buffer;
}

}  // namespace

TEST_CASE("of a frame with a crop meta the visible part counts, and boxes count from its corner") {
  Plans plans;
  SUBCASE("made by videocrop, for a sink that takes such frames") {
    Harness harness(
        "videocrop left=40 top=30 right=40 bottom=30 ! stintinfer threads=1 model=" + plans.cells(),
        video_caps("GRAY8", 160, 120));
    gst_harness_add_propose_allocation_meta(harness.get(), GST_VIDEO_META_API_TYPE, nullptr);
    gst_harness_add_propose_allocation_meta(harness.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr);
    harness.set_caps(video_caps("GRAY8", 160, 120));
    REQUIRE(gst_harness_push(harness.get(), cropped_frame({6})) == GST_FLOW_OK);
    GstBuffer* out = harness.pull();
    REQUIRE(out);
    CHECK(gst_buffer_get_video_crop_meta(out));  // nothing was copied
    const auto found = regions(out);
    REQUIRE(found.size() == 1);
    CHECK(std::string(g_quark_to_string(found[0]->roi_type)) == "cell-6");
    CHECK(found[0]->x == 0);
    CHECK(found[0]->y == 0);
    CHECK(found[0]->w == 80);
    CHECK(found[0]->h == 60);
    gst_buffer_unref(out);
  }
  SUBCASE("made by the source; a region of interest counts from the corner, too") {
    Harness harness("stintinfer threads=1 region=rois model=" + plans.cells() + " ! stintjson",
                    video_caps("GRAY8", 80, 60));
    GstBuffer* buffer = with_crop_meta(cropped_frame({0}));
    gst_buffer_add_video_region_of_interest_meta(buffer, "thing", 10, 5, 40, 40);
    // Beyond the right edge of what is visible, though not of the buffer: it is cut there.
    gst_buffer_add_video_region_of_interest_meta(buffer, "edge", 0, 0, 100, 60);
    REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
    const Json line = harness.pull_json();
    // White in the first region: 10..19 x 5..14, its first cell.
    REQUIRE(line["detections"].size() == 2);
    CHECK(line["detections"][0]["class_id"] == 0);
    CHECK(line["detections"][0]["box"] ==
          Json{{"x1", 10.0}, {"y1", 5.0}, {"x2", 50.0}, {"y2", 45.0}});
    CHECK(line["detections"][1]["class_id"] == 0);
    CHECK(line["detections"][1]["box"] ==
          Json{{"x1", 0.0}, {"y1", 0.0}, {"x2", 80.0}, {"y2", 60.0}});
  }
  SUBCASE("nothing left: an error") {
    Harness harness("stintinfer threads=1 model=" + plans.cells(), video_caps("GRAY8", 80, 60));
    GstBuffer* buffer = with_crop_meta(cropped_frame({0}));
    gst_buffer_get_video_crop_meta(buffer)->x = 160;
    CHECK(gst_harness_push(harness.get(), buffer) == GST_FLOW_ERROR);
  }
  SUBCASE("stintoverlay draws on the visible part") {
    Harness harness("stintoverlay line-width=2 show-labels=false show-confidence=false",
                    video_caps("GRAY8", 80, 60));
    GstBuffer* buffer = with_crop_meta(cropped_frame({}));
    gst_buffer_add_video_region_of_interest_meta(buffer, "thing", 4, 6, 30, 20);
    REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
    GstBuffer* out = harness.pull();
    REQUIRE(out);
    GstMapInfo map;
    REQUIRE(gst_buffer_map(out, &map, GST_MAP_READ));
    CHECK(map.data[(30 + 6) * 160 + 40 + 4] != 0);
    CHECK(map.data[(30 + 5) * 160 + 40 + 4] == 0);
    CHECK(map.data[6 * 160 + 4] == 255);
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
  }
}

TEST_CASE("results survive scaling, in the pixels of the scaled frame") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells() +
                      " ! videoscale ! video/x-raw,width=80,height=60 ! stintjson",
                  video_caps("I420", 320, 240));
  const Json line = harness.run({12});
  CHECK(line["width"] == 80);
  REQUIRE(line["detections"].size() == 1);
  CHECK(line["detections"][0]["class_id"] == 12);
  CHECK(line["detections"][0]["label"] == "cell-12");
  CHECK(line["detections"][0]["box"]["x2"] == 80.0);
  CHECK(line["detections"][0]["box"]["y2"] == 60.0);
}

TEST_CASE("a buffer that somebody else holds is not written to") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells(), video_caps("GRAY8", 64, 64));
  GstBuffer* buffer = cell_frame(harness.info(), {2});
  gst_buffer_ref(buffer);
  REQUIRE(gst_harness_push(harness.get(), buffer) == GST_FLOW_OK);
  GstBuffer* out = harness.pull();
  CHECK(out != buffer);
  CHECK(regions(buffer).empty());
  CHECK(regions(out).size() == 1);
  gst_buffer_unref(out);
  gst_buffer_unref(buffer);
}
