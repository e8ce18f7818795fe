#include <doctest/doctest.h>
#include <cstring>

#include "host_builder/builder/pass_list.h"
#include "host_builder/frames/insert.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/detection_details.h"
#include "tests/support/pass_context.h"

namespace stint::builder {
namespace {

using Outputs = std::vector<std::pair<std::string, Shape>>;

/// A network that hands its inputs on: an image that only says the input's size, and the outputs.
Graph network(const Outputs& outputs, DType dtype = DType::kF32) {
  Graph graph;
  graph.name = "test";
  graph.batch = outputs.at(0).second.at(0);
  graph.inputs = {graph.add_value("image", DType::kF32, {graph.batch, 3, 64, 96})};
  for (const auto& [name, shape] : outputs) {
    graph.inputs.push_back(graph.add_value(name + "_in", dtype, shape));
    Node node;
    node.name = name + "_relu";
    node.op = Op::kUnary;
    node.attributes = UnaryAttributes{EltOp::kRelu};
    node.inputs = {graph.inputs.back()};
    node.outputs = {graph.add_value(name, dtype, shape)};
    graph.outputs.push_back(node.outputs[0]);
    graph.add_node(std::move(node));
  }
  verify(graph);
  return graph;
}

struct Inserted {
  Graph graph;
  std::vector<StepSpec> steps;

  Inserted(Graph original, const std::string& postprocess,
           const std::string& preprocess = "letterbox")
      : graph(std::move(original)) {
    insert_frames(graph, preprocess, postprocess);
    verify(graph);
    run_passes(graph, all_passes(), test::on_cpu(), {});
    const std::vector<NodeId> order = graph.order();
    for (const NodeId n : order) steps.push_back(lower_for_cpu(graph, Node(graph.node(n))));
  }
  const StepSpec& step(KernelId kernel) const {
    const StepSpec* found = nullptr;
    for (const StepSpec& s : steps)
      if (s.kernel == kernel) found = &s;
    REQUIRE(found != nullptr);
    return *found;
  }
  template <typename P>
  P params(KernelId kernel) const {
    P p;
    REQUIRE(step(kernel).params.size() == sizeof(p));
    std::memcpy(&p, step(kernel).params.data(), sizeof(p));
    return p;
  }
  /// The outputs: detections, counts, and one of this name and type.
  void gives(const std::string& name, DType dtype, const Shape& shape) const {
    REQUIRE(graph.outputs.size() == 3);
    const Value& v = graph.value(graph.outputs[2]);
    CHECK(v.name == name);
    CHECK(v.dtype == dtype);
    CHECK(v.shape == shape);
    REQUIRE(graph.detections.size() == 1);
    CHECK(graph.detections[0].detections == graph.outputs[0]);
  }
};

std::string error_of(const Outputs& outputs, const std::string& postprocess) {
  try {
    Graph graph = network(outputs);
    insert_frames(graph, "letterbox", postprocess);
  } catch (const BuildError& e) {
    return e.what();
  }
  return "accepted";
}

void says(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("masks: coefficients behind the classes, prototypes of another output") {
  const Outputs seg = {{"output0", {2, 4 + 3 + 32, 189}}, {"output1", {2, 32, 16, 24}}};
  for (const DType dtype : {DType::kF32, DType::kF16})
    for (const char* classes : {"classes=3,", ""}) {
      const Inserted made(network(seg, dtype),
                          std::string("yolov8,") + classes + "masks=output1,max=9");
      made.gives("masks", DType::kU8, {2, 9, 16, 24});
      const auto d = made.params<DecodeParams>(KernelId::kDecode);
      CHECK(d.classes == 3);
      CHECK(d.transposed == 1);
      const auto p = made.params<DetectionDetailParams>(KernelId::kDetectionMasks);
      CHECK(p.first_column == 7);
      CHECK(p.transposed == 1);
      CHECK(p.center_boxes == 1);
      CHECK(p.input_width == 96);
      CHECK(p.input_height == 64);
      CHECK(p.threshold == 0.0f);
      const StepSpec& masks = made.step(KernelId::kDetectionMasks);
      CHECK(made.graph.value(masks.inputs.at(2)).shape == Shape{2, 16, 24, 32});
      CHECK(masks.inputs.at(1) == made.step(KernelId::kDecode).outputs.at(2));
    }
  // Rows outermost; an objectness; a third output that nobody asked for stays.
  const Inserted v5(network({{"p", {1, 32, 16, 24}}, {"y", {1, 189, 5 + 3 + 32}}, {"z", {1, 7}}}),
                    "yolov5,output=y,masks=p,classes=3");
  REQUIRE(v5.graph.outputs.size() == 4);
  CHECK(v5.graph.value(v5.graph.outputs[0]).name == "z");
  CHECK(v5.params<DetectionDetailParams>(KernelId::kDetectionMasks).first_column == 8);
  CHECK(v5.params<DecodeParams>(KernelId::kDecode).classes == 3);
}

TEST_CASE("keypoints: their number and classes= say how many values each has") {
  const Inserted three(network({{"y", {2, 4 + 1 + 51, 189}}}), "yolov8,classes=1,keypoints=17");
  three.gives("keypoints", DType::kF32, {2, 100, 17, 3});
  auto p = three.params<DetectionDetailParams>(KernelId::kDetectionKeypoints);
  CHECK(p.point_values == 3);
  CHECK(p.first_column == 5);
  CHECK(p.fit == FitMode::kLetterbox);
  CHECK(three.step(KernelId::kDetectionKeypoints).image_binding == 0);
  const Inserted two(network({{"y", {1, 189, 4 + 2 + 10}}}), "yolov8,classes=2,keypoints=5");
  p = two.params<DetectionDetailParams>(KernelId::kDetectionKeypoints);
  CHECK(p.point_values == 2);
  CHECK(p.transposed == 0);
  const Inserted bare(network({{"y", {1, 189, 4 + 2 + 10}}}), "yolov8,classes=2,keypoints=5", "");
  CHECK(bare.step(KernelId::kDetectionKeypoints).image_binding == -1);
}

TEST_CASE("rotated: the angle turns boxes in the decoder and is a result of its own") {
  for (const char* spec : {"yolov8,rotated", "yolov8,rotated,classes=15"}) {
    const Inserted made(network({{"y", {2, 4 + 15 + 1, 189}}}), spec);
    made.gives("rotated", DType::kF32, {2, 100, 7});
    CHECK(made.params<DecodeParams>(KernelId::kDecode).classes == 15);
    CHECK(made.params<DetectionDetailParams>(KernelId::kRotatedBoxes).first_column == 19);
    const StepSpec& boxes = made.step(KernelId::kRotatedBoxes);
    CHECK(boxes.image_binding == 0);
    CHECK(boxes.inputs.at(2) == made.graph.outputs[0]);
  }
}

TEST_CASE("rows of networks that suppress themselves have details behind box, score and class") {
  const Inserted masks(network({{"y", {2, 300, 6 + 32}}, {"p", {2, 32, 16, 24}}}),
                       "end-to-end,masks=p");
  masks.gives("masks", DType::kU8, {2, 100, 16, 24});
  auto p = masks.params<DetectionDetailParams>(KernelId::kDetectionMasks);
  CHECK(p.first_column == 6);
  CHECK(p.center_boxes == 0);
  CHECK(p.transposed == 0);
  const Inserted keypoints(network({{"y", {1, 300, 6 + 34}}}), "end-to-end,keypoints=17");
  p = keypoints.params<DetectionDetailParams>(KernelId::kDetectionKeypoints);
  CHECK(p.point_values == 2);
  const Inserted rotated(network({{"y", {1, 300, 7}}}), "end-to-end,rotated");
  CHECK(rotated.params<DetectionDetailParams>(KernelId::kRotatedBoxes).first_column == 6);
  const auto d = rotated.params<DecodeParams>(KernelId::kDecode);
  CHECK((d.flags & kRotated) != 0);
  CHECK(d.center_boxes == 1);
  says(error_of({{"y", {1, 300, 7}}}, "end-to-end"), "add rotated if it is");
  says(error_of({{"y", {1, 300, 6}}}, "end-to-end,rotated"), "rotated does not fill");
  says(error_of({{"y", {1, 300, 57}}}, "end-to-end,keypoints=16"), "keypoints=16 does not fill");
  says(error_of({{"y", {1, 300, 7}}}, "end-to-end,rotated,corners"), "leave corners out");
}

TEST_CASE("details that the model does not have are refused with what to do") {
  const Outputs seg = {{"output0", {1, 39, 189}}, {"output1", {1, 32, 16, 24}}};
  says(error_of(seg, "yolov8,masks=protos"), "no output 'protos'");
  says(error_of(seg, "yolov8,masks=output0"), "masks= wants prototypes [n, k, h, w]");
  says(error_of(seg, "yolov8,classes=80,masks=output1"),
       "35 columns behind the box, which classes=80 and masks=output1 do not fill");
  says(error_of(seg, "yolov8"), "add masks=output1");
  says(error_of(seg, "yolov8,output=output0"), "give masks=output1");
  says(error_of(seg, "yolov8,masks=output1,rotated"), "leave out what");
  says(error_of(seg, "yolox,masks=output1"), "'masks' belongs to yolov5 or yolov8 or end-to-end");
  says(error_of({{"y", {1, 300, 7}}}, "end-to-end,rotated,yxyx"), "leave yxyx out");
  says(error_of({{"y", {1, 56, 189}}}, "yolov8,keypoints=17"), "add classes=N");
  says(error_of({{"y", {1, 56, 189}}}, "yolov8,classes=1,keypoints=16"), "classes=1");
  says(error_of({{"y", {1, 56, 189}}}, "yolov8,rotated,corners"), "leave corners out");
  says(error_of({{"y", {1, 189, 56}}}, "yolov5,rotated"),
       "'rotated' belongs to yolov8 or end-to-end");
  says(error_of({{"y", {1, 189, 56}}}, "yolov8,keypoints"), "'keypoints='");
  says(error_of({{"y", {1, 189, 56}}}, "yolov8,rotated=1"), "a word of its own");
}

}  // namespace stint::builder
