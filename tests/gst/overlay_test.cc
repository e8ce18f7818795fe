// Boxes and labels, drawn on every format, inside the frame.
#include <doctest/doctest.h>
#include <gst/video/gstvideometa.h>

#include <cstring>

#include "tests/gst/fixture.h"

using namespace stint::test;

namespace {

/// The first component (luma, red or grey) of a pixel.
int sample(GstVideoFrame* frame, int x, int y) {
  const guint8* row = static_cast<const guint8*>(GST_VIDEO_FRAME_COMP_DATA(frame, 0)) +
                      y * GST_VIDEO_FRAME_COMP_STRIDE(frame, 0);
  return row[x * GST_VIDEO_FRAME_COMP_PSTRIDE(frame, 0)];
}

struct DrawnFrame {
  DrawnFrame(Harness& harness, GstBuffer* in) : info(harness.info()) {
    REQUIRE(gst_harness_push(harness.get(), in) == GST_FLOW_OK);
    buffer = harness.pull();
    REQUIRE(buffer);
    REQUIRE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  }
  ~DrawnFrame() {
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
  }
  GstVideoInfo info;
  GstBuffer* buffer;
  GstVideoFrame frame;
};

}  // namespace

TEST_CASE("a box is drawn on its edges, a label above it, and nothing elsewhere") {
  Plans plans;
  for (const char* format :
       {"NV12", "I420", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "GRAY8"}) {
    for (const int padding : {0, 7}) {
      CAPTURE(format);
      Harness harness("stintoverlay line-width=2 font-scale=1", video_caps(format, 201, 151));
      GstBuffer* in = cell_frame(harness.info(), {}, 0, padding);
      gst_buffer_add_video_region_of_interest_meta(in, "digit", 50, 60, 80, 40);
      DrawnFrame out(harness, in);
      const int black = sample(&out.frame, 5, 5);
      for (int x = 50; x < 130; ++x) {
        CHECK(sample(&out.frame, x, 60) > black + 20);
        CHECK(sample(&out.frame, x, 99) > black + 20);
      }
      for (int y = 60; y < 100; ++y) {
        CHECK(sample(&out.frame, 50, y) > black + 20);
        CHECK(sample(&out.frame, 129, y) > black + 20);
      }
      CHECK(sample(&out.frame, 80, 80) == black);   // inside
      CHECK(sample(&out.frame, 49, 80) == black);   // beside
      CHECK(sample(&out.frame, 80, 100) == black);  // below
      CHECK(sample(&out.frame, 190, 55) == black);  // right of the label
      int background = 0, letters = 0;
      for (int y = 51; y < 60; ++y) {
        for (int x = 50; x < 100; ++x) {
          (sample(&out.frame, x, y) > black + 20 ? background : letters) += 1;
        }
      }
      CHECK(background > 250);
      CHECK(letters > 50);
    }
  }
}

TEST_CASE("labels and scores can be switched off") {
  Plans plans;
  Harness harness("stintoverlay line-width=2 show-labels=false show-confidence=false",
                  video_caps("GRAY8", 200, 150));
  GstBuffer* in = cell_frame(harness.info(), {});
  gst_buffer_add_video_region_of_interest_meta(in, "digit", 50, 60, 80, 40);
  DrawnFrame out(harness, in);
  for (int x = 0; x < 200; ++x) CHECK(sample(&out.frame, x, 58) == 0);
  CHECK(sample(&out.frame, 60, 60) > 20);
}

TEST_CASE("boxes at and beyond every edge stay inside the frame's memory") {
  Plans plans;
  struct {
    guint x, y, w, h;
  } const boxes[] = {{0, 0, 33, 17},
                     {32, 16, 1, 1},
                     {0, 0, 1, 1},
                     {500, 500, 9, 9},
                     {20, 10, 90, 90},
                     {G_MAXUINT, 0, 10, 10},
                     {0, 0, G_MAXUINT, G_MAXUINT}};
  for (const char* format : {"NV12", "I420", "RGB", "BGRA", "GRAY8"}) {
    for (const auto& box : boxes) {
      Harness harness("stintoverlay line-width=40 font-scale=4", video_caps(format, 33, 17));
      GstBuffer* in = cell_frame(harness.info(), {});
      gst_buffer_add_video_region_of_interest_meta(in, "a long label ~\x7f\xc3\xa9", box.x, box.y,
                                                   box.w, box.h);
      DrawnFrame out(harness, in);
      CHECK(out.buffer == in);
    }
  }
}

TEST_CASE("the whole chain: what stintinfer finds is drawn") {
  Plans plans;
  Harness harness("stintinfer threads=1 model=" + plans.cells() + " ! stintoverlay line-width=3",
                  video_caps("GRAY8", 320, 240));
  DrawnFrame out(harness, cell_frame(harness.info(), {5}));
  CHECK(sample(&out.frame, 100, 238) > 20);  // the box is the whole frame
  CHECK(sample(&out.frame, 318, 200) > 20);
  CHECK(sample(&out.frame, 200, 200) == 0);
}

TEST_CASE("late frames are not dropped by the overlay") {
  Plans plans;
  Harness harness("stintoverlay name=o", video_caps("GRAY8", 64, 64));
  gboolean qos = TRUE;
  g_object_get(harness.element("stintoverlay"), "qos", &qos, nullptr);
  CHECK_FALSE(qos);
}
