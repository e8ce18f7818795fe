#include <cmath>

#include "host_builder/builder/builder.h"
#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

/// One place of two priors (30 x 30, and 30 x 15 with its turn): 3 boxes, 2 classes.
std::string ssd(const std::string& detection, const std::string& prior =
                                                  "variance: 0.1 variance: 0.1 "
                                                  "variance: 0.2 variance: 0.2") {
  return "input: 'x' input_shape { dim: 1 dim: 3 dim: 60 dim: 100 }\n"
         "layer { name: 'f' type: 'Pooling' bottom: 'x' top: 'f' pooling_param { pool: AVE "
         "global_pooling: true } }\n"
         "layer { name: 'loc' type: 'InnerProduct' bottom: 'f' top: 'loc' inner_product_param { "
         "num_output: 12 } }\n"
         "layer { name: 'conf' type: 'InnerProduct' bottom: 'f' top: 'conf' inner_product_param { "
         "num_output: 6 } }\n"
         "layer { name: 'r' type: 'Reshape' bottom: 'conf' top: 'r' reshape_param { shape { dim: 0 "
         "dim: -1 dim: 2 } } }\n"
         "layer { name: 's' type: 'Softmax' bottom: 'r' top: 's' softmax_param { axis: 2 } }\n"
         "layer { name: 'flat' type: 'Flatten' bottom: 's' top: 'flat' }\n"
         "layer { name: 'p' type: 'PriorBox' bottom: 'f' bottom: 'x' top: 'p' prior_box_param { "
         "min_size: 30.9 aspect_ratio: 2 aspect_ratio: 1 " +
         prior +
         " } }\n"
         "layer { name: 'd' type: 'DetectionOutput' bottom: 'loc' bottom: 'flat' bottom: 'p' top: "
         "'d'\n  detection_output_param { num_classes: 2 " +
         detection + " } }\n";
}

constexpr const char* kUsual =
    "code_type: CENTER_SIZE nms_param { nms_threshold: 0.45 top_k: 400 } keep_top_k: 200 "
    "confidence_threshold: 0.01";

}  // namespace

TEST_CASE("prior boxes: sizes in whole pixels, ratios and their turns, parts of the picture") {
  const CaffeNet net(
      "input: 'x' input_shape { dim: 1 dim: 3 dim: 60 dim: 100 }\n"
      "layer { name: 'f' type: 'Pooling' bottom: 'x' top: 'f' pooling_param { kernel_h: 60 "
      "kernel_w: 50 stride: 50 } }\n"
      "layer { name: 'p' type: 'PriorBox' bottom: 'f' bottom: 'x' top: 'p' prior_box_param { "
      "min_size: 20.7 max_size: 45 aspect_ratio: 4 variance: 0.1 variance: 0.1 variance: 0.2 "
      "variance: 0.3 clip: true } }\n");
  // Two places, centres 25 and 75 by 30; 20 x 20, 30 x 30, 40 x 10, 10 x 40.
  const std::vector<std::vector<double>> sizes = {{20, 20}, {30, 30}, {40, 10}, {10, 40}};
  std::vector<double> want;
  for (const double cx : {25.0, 75.0})
    for (const auto& size : sizes) {
      want.push_back((cx - size[0] / 2) / 100);
      want.push_back((30 - size[1] / 2) / 60);
      want.push_back((cx + size[0] / 2) / 100);
      want.push_back((30 + size[1] / 2) / 60);
    }
  for (int box = 0; box < 8; ++box) want.insert(want.end(), {0.1, 0.1, 0.2, 0.3});
  const Graph graph = net.import();
  CHECK(shape_of(graph, "p") == Shape{1, 2, 32});
  close_to(net.result(std::vector<float>(3 * 60 * 100), "p"), want);
}

TEST_CASE("a DetectionOutput becomes the plan's decoder") {
  std::string decoder;
  ImportOptions options;
  options.own_decoder = &decoder;
  const Graph graph = CaffeNet(ssd(kUsual)).import(options);
  CHECK(decoder ==
        "ssd,boxes=d/boxes,scores=d/scores,priors=d/priors,corners,variances=0.1:0.2,"
        "first-class=1,score=0.01,iou=0.45,max=200");
  REQUIRE(graph.outputs.size() == 2);
  CHECK(shape_of(graph, "d/boxes") == Shape{1, 3, 4});
  CHECK(shape_of(graph, "d/scores") == Shape{1, 3, 2});
  CHECK(shape_of(graph, "d/priors") == Shape{3, 4});
  const std::string text = ssd(kUsual);
  for (const bool own : {true, false}) {
    Source source = Source::of_bytes(std::as_bytes(std::span(text)));
    BuildOptions build;
    build.own_decoder = own;
    BuildReport report;
    build_plan(source, build, &report);
    REQUIRE(report.notes.size() == (own ? 2 : 1));
    if (own) mentions(report.notes[1], "--postprocess ssd,boxes=d/boxes");
  }
}

TEST_CASE("variances that differ go into the offsets") {
  std::string decoder;
  ImportOptions options;
  options.own_decoder = &decoder;
  CaffeNet(ssd(kUsual, "variance: 0.1 variance: 0.3 variance: 0.2 variance: 0.2")).import(options);
  mentions(decoder, "variances=1:1");
}

TEST_CASE("what the decoder cannot do is refused") {
  mentions(CaffeNet(ssd("")).refusal(), "another code_type than CENTER_SIZE");
  const std::string centre = "code_type: CENTER_SIZE ";
  mentions(CaffeNet(ssd(centre + "share_location: false")).refusal(), "for each class");
  mentions(CaffeNet(ssd(centre + "background_label_id: 1")).refusal(), "that is not the first");
  mentions(CaffeNet(ssd(centre + "nms_param { eta: 0.9 }")).refusal(), "remove eta");
  mentions(CaffeNet(ssd(kUsual, "max_size: 20")).refusal(), "not above its min_size");
  mentions(
      CaffeNet(ssd(kUsual) + "layer { name: 'z' type: 'Split' bottom: 'd' top: 'z' }").refusal(),
      "number of boxes is known only at run time");
}
