#include <doctest/doctest.h>
#include <cstring>

#include "host_builder/builder/pass_list.h"
#include "host_builder/frames/insert.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/elementwise.h"
#include "tests/support/pass_context.h"

namespace stint::builder {
namespace {

/// A network of one element-wise node per output: what it computes does not matter here.
Graph network(const Shape& input, const std::vector<std::pair<std::string, Shape>>& outputs,
              DType dtype = DType::kF32) {
  Graph graph;
  graph.name = "test";
  graph.batch = input.at(0);
  ValueId x = graph.add_value("image", dtype, input);
  graph.inputs = {x};
  if (dtype == DType::kU8 || dtype == DType::kI8) {
    Node cast;
    cast.name = "cast";
    cast.op = Op::kCast;
    cast.inputs = {x};
    x = graph.add_value("image_f32", dtype = DType::kF32, input);
    cast.outputs = {x};
    graph.add_node(std::move(cast));
  }
  for (const auto& [name, shape] : outputs) {
    // Sum over everything but the batch, then spread over the output.
    Node sum;
    sum.name = name + "_sum";
    sum.op = Op::kReduce;
    ReduceAttributes a;
    a.op = ReduceOp::kMean;
    for (size_t i = 1; i < input.size(); ++i) a.axes.push_back(static_cast<int64_t>(i));
    sum.attributes = a;
    sum.inputs = {x};
    Shape kept = input;
    for (size_t i = 1; i < kept.size(); ++i) kept[i] = 1;
    sum.outputs = {graph.add_value(name + "_mean", dtype, kept)};
    Node reshape;
    reshape.name = name + "_reshape";
    reshape.op = Op::kReshape;
    reshape.inputs = sum.outputs;
    Shape ones(shape.size(), 1);
    ones[0] = input[0];
    reshape.outputs = {graph.add_value(name + "_ones", dtype, ones)};
    Node expand;
    expand.name = name + "_expand";
    expand.op = Op::kExpand;
    expand.inputs = reshape.outputs;
    expand.outputs = {graph.add_value(name, dtype, shape)};
    graph.outputs.push_back(expand.outputs[0]);
    graph.add_node(std::move(sum));
    graph.add_node(std::move(reshape));
    graph.add_node(std::move(expand));
  }
  verify(graph);
  return graph;
}

/// Inserts, runs every pass and lowers every node, as a build does.
std::vector<StepSpec> steps_of(Graph& graph, const std::string& preprocess,
                               const std::string& postprocess) {
  insert_frames(graph, preprocess, postprocess);
  verify(graph);
  run_passes(graph, all_passes(), test::on_cpu(), {});
  std::vector<StepSpec> steps;
  const std::vector<NodeId> order = graph.order();
  for (const NodeId n : order) steps.push_back(lower_for_cpu(graph, Node(graph.node(n))));
  return steps;
}

const StepSpec* find_step(const std::vector<StepSpec>& steps, KernelId kernel) {
  for (const StepSpec& s : steps)
    if (s.kernel == kernel) return &s;
  return nullptr;
}

std::string error_of(Graph graph, const std::string& preprocess, const std::string& postprocess) {
  try {
    insert_frames(graph, preprocess, postprocess);
  } catch (const BuildError& e) {
    return e.what();
  }
  return "accepted";
}

bool says(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the image input becomes a frame and the outputs detections") {
  for (const bool channels_last : {false, true}) {
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      const Shape input = channels_last ? Shape{2, 64, 96, 3} : Shape{2, 3, 64, 96};
      Graph graph = network(input, {{"output", {2, 126, 8}}}, dtype);
      const auto steps =
          steps_of(graph, "letterbox,bgr,pad=114,mean=1:2:3", "yolox,classes=3,score=0.4,max=20");
      CHECK(graph.inputs.empty());
      REQUIRE(graph.images.size() == 1);
      CHECK(graph.images[0].name == "image");
      CHECK(graph.images[0].spec.width == 96);
      CHECK(graph.images[0].spec.height == 64);
      REQUIRE(graph.detections.size() == 1);
      REQUIRE(graph.outputs.size() == 2);
      CHECK(graph.value(graph.outputs[0]).name == "detections");
      CHECK(graph.value(graph.outputs[0]).shape == Shape{2, 20, 6});
      CHECK(graph.value(graph.outputs[1]).name == "counts");
      CHECK(graph.detections[0].detections == graph.outputs[0]);
      CHECK(graph.detections[0].counts == graph.outputs[1]);

      const StepSpec* pre = find_step(steps, KernelId::kPreprocess);
      const StepSpec* post = find_step(steps, KernelId::kDecode);
      REQUIRE(pre != nullptr);
      REQUIRE(post != nullptr);
      CHECK(pre->image_binding == 0);
      CHECK(post->image_binding == 0);
      CHECK(graph.value(pre->outputs[0]).shape == Shape{2, 64, 96, 3});
      DecodeParams p;
      REQUIRE(post->params.size() == sizeof(p));
      std::memcpy(&p, post->params.data(), sizeof(p));
      CHECK(p.fit == FitMode::kLetterbox);
      CHECK(p.classes == 3);
      CHECK(p.level_count == 3);
      CHECK(p.levels[2].grid_width == 3);
      CHECK(p.levels[2].grid_height == 2);
      CHECK(post->workspace_bytes == decode_workspace_bytes(2, uint64_t(p.max_candidates)));
    }
  }
}

TEST_CASE("an input of bytes gets the frame's own bytes") {
  for (const bool channels_last : {false, true}) {
    const Shape input = channels_last ? Shape{2, 64, 96, 3} : Shape{2, 3, 64, 96};
    Graph graph = network(input, {{"output", {2, 126, 8}}}, DType::kU8);
    const auto steps = steps_of(graph, "letterbox,bgr,pad=114", "yolox,classes=3");
    const StepSpec* pre = find_step(steps, KernelId::kPreprocess);
    REQUIRE(pre != nullptr);
    CHECK(graph.value(pre->outputs[0]).dtype == DType::kU8);
    CHECK(graph.value(pre->outputs[0]).shape == Shape{2, 64, 96, 3});
    const Graph fresh = network(input, {{"output", {2, 126, 8}}}, DType::kU8);
    for (const char* spec : {"mean=1", "scale=2", "std=255", "yolo", "imagenet"})
      says(error_of(fresh, spec, ""), "is u8 and takes the frame's own values");
  }
  says(error_of(network({1, 3, 64, 96}, {{"output", {1, 126, 8}}}, DType::kI8), "stretch", ""),
       "frames can become f32, f16 or u8");
}

TEST_CASE("decoders take the shapes that exporters give them") {
  const auto decoded = [](const std::vector<std::pair<std::string, Shape>>& outputs,
                          const std::string& spec) {
    Graph graph = network({1, 3, 64, 96}, outputs);
    const auto steps = steps_of(graph, "stretch", spec);
    const StepSpec* post = find_step(steps, KernelId::kDecode);
    REQUIRE(post != nullptr);
    DecodeParams p;
    std::memcpy(&p, post->params.data(), sizeof(p));
    return p;
  };
  CHECK(decoded({{"y", {1, 8, 126}}}, "yolox").classes == 3);
  CHECK(decoded({{"y", {1, 300, 15}}}, "yolov5").level_count == 0);
  CHECK(decoded({{"y", {1, 10, 300}}}, "yolov8").transposed == 1);
  CHECK(decoded({{"y", {1, 300, 10}}}, "yolov8").transposed == 0);
  CHECK(decoded({{"y", {1, 300, 10}}}, "yolov8").classes == 6);
  CHECK(
      decoded({{"b", {1, 300, 1, 4}}, {"s", {1, 300, 2}}}, "boxes-scores,first-class=1,normalized")
          .multi_label == 1);
  CHECK(decoded({{"b", {1, 300, 4}}, {"s", {1, 7, 300}}}, "boxes-scores").transposed == 1);
  const DecodeParams anchors = decoded({{"a", {1, 16, 8, 12}}, {"b", {1, 16, 4, 6}}},
                                       "yolo-anchors,anchors=4:4:8:8:16:16:32:32");
  CHECK(anchors.classes == 3);
  CHECK(anchors.level_count == 2);
  CHECK(anchors.levels[1].stride == 16.0f);
  CHECK(anchors.levels[1].anchors[1][0] == 32.0f);
  CHECK(anchors.score_function == ScoreFunction::kSigmoid);
  CHECK(decoded({{"a", {1, 2, 8, 12, 8}}}, "yolo-anchors,anchors=4:4:8:8,scaled").anchor_major ==
        1);
  const DecodeParams ssd =
      decoded({{"b", {1, 216, 4}}, {"s", {1, 216, 2}}}, "ssd,strides=8:16,prior-sizes=8:12/24");
  CHECK(ssd.kind == DecoderKind::kSsdPriors);
  CHECK(ssd.first_class == 1);
  CHECK(ssd.variances[1] == 0.2f);
}

TEST_CASE("classifiers and masks") {
  Graph classifier = network({1, 3, 32, 32}, {{"prob", {1, 1000, 1, 1}}});
  auto steps = steps_of(classifier, "crop", "topk,k=7,softmax");
  REQUIRE(find_step(steps, KernelId::kTopClasses) != nullptr);
  CHECK(classifier.value(classifier.outputs[0]).shape == Shape{1, 7, 6});

  Graph segmenter = network({1, 32, 32, 3}, {{"map", {1, 32, 32, 21}}, {"other", {1, 5}}});
  steps = steps_of(segmenter, "stretch", "argmax,output=map,axis=-1");
  REQUIRE(find_step(steps, KernelId::kArgmaxMask) != nullptr);
  REQUIRE(segmenter.outputs.size() == 2);
  CHECK(segmenter.value(segmenter.outputs[0]).name == "other");
  CHECK(segmenter.value(segmenter.outputs[1]).shape == Shape{1, 32, 32});
  CHECK(segmenter.value(segmenter.outputs[1]).dtype == DType::kU8);
}

TEST_CASE("final rows, queries and labels have decoders of their own") {
  const auto decoded = [](const std::vector<std::pair<std::string, Shape>>& outputs,
                          const std::string& spec, int64_t batch = 1) {
    Graph graph = network({batch, 3, 64, 96}, outputs);
    const auto steps = steps_of(graph, "stretch", spec);
    const StepSpec* post = find_step(steps, KernelId::kDecode);
    REQUIRE(post != nullptr);
    CHECK(graph.outputs.size() == 2);
    CHECK(graph.value(graph.outputs[0]).shape == Shape{batch, 100, 6});
    DecodeParams p;
    std::memcpy(&p, post->params.data(), sizeof(p));
    return p;
  };
  DecodeParams p = decoded({{"output0", {1, 300, 6}}}, "end-to-end");
  CHECK(p.kind == DecoderKind::kEndToEnd);
  CHECK(p.iou_threshold == 1.0f);
  CHECK(p.classes == kMaxCandidates);
  CHECK(p.center_boxes == 0);
  p = decoded({{"output0", {2, 300, 38}}}, "end-to-end,classes=80,iou=0.5", 2);
  CHECK(p.iou_threshold == 0.5f);
  CHECK(p.classes == 80);
  CHECK(decoded({{"output0", {1, 8400, 6}}}, "end-to-end,iou=0.45").iou_threshold == 0.45f);

  for (const bool logits_first : {false, true}) {
    const std::pair<std::string, Shape> logits = {"logits", {2, 100, 92}},
                                        boxes = {"pred_boxes", {2, 100, 4}};
    p = logits_first ? decoded({logits, boxes}, "detr", 2) : decoded({boxes, logits}, "detr", 2);
    CHECK(p.kind == DecoderKind::kBoxesScores);
    CHECK(p.flags == kNoObjectLast);
    CHECK(p.classes == 92);
    CHECK(p.score_function == ScoreFunction::kSoftmax);
    CHECK(p.center_boxes == 1);
    CHECK(p.normalized_boxes == 1);
    CHECK(p.multi_label == 0);
    CHECK(p.iou_threshold == 1.0f);
  }
  p = decoded({{"logits", {1, 300, 80}}, {"boxes", {1, 300, 4}}}, "detr,sigmoid,classes=80");
  CHECK(p.flags == 0);
  CHECK(p.classes == 80);
  CHECK(p.multi_label == 1);
  CHECK(decoded({{"l", {1, 300, 4}}, {"b", {1, 300, 4}}}, "detr,boxes=b,scores=l").classes == 4);

  p = decoded({{"labels", {2, 20}}, {"boxes", {2, 20, 4}}, {"scores", {2, 20}}},
              "boxes-scores,labels=labels", 2);
  CHECK(p.flags == kRowLabels);
  CHECK(p.multi_label == 0);
  CHECK(p.iou_threshold == 1.0f);
  p = decoded({{"n", {1, 1}}, {"b", {1, 100, 4}}, {"s", {1, 100, 1}}, {"c", {1, 100}}},
              "boxes-scores,boxes=b,scores=s,labels=c,count=n,yxyx,normalized,first-class=1");
  CHECK(p.flags == (kRowLabels | kRowCounts | kYFirst));
  CHECK(p.first_class == 1);
  CHECK(p.normalized_boxes == 1);
  CHECK(decoded({{"b", {2, 50, 4}}, {"s", {2, 50}}}, "boxes-scores", 2).classes == 1);
}

TEST_CASE("columns behind the classes are left alone, and the longer axis holds the rows") {
  const auto decoded = [](const Shape& shape, const std::string& spec) {
    Graph graph = network({1, 3, 64, 64}, {{"output0", shape}});
    const auto steps = steps_of(graph, "stretch", spec);
    DecodeParams p;
    std::memcpy(&p, find_step(steps, KernelId::kDecode)->params.data(), sizeof(p));
    return p;
  };
  for (const char* spec : {"yolov8,classes=3", "yolov8,classes=3,unchecked"}) {
    CHECK(decoded({1, 39, 84}, spec).classes == 3);
    CHECK(decoded({1, 39, 84}, spec).transposed == 1);
    CHECK(decoded({1, 84, 39}, spec).transposed == 0);
  }
  // Exactly the classes: the axis that has them, however few rows that leaves.
  CHECK(decoded({1, 39, 84}, "yolov8,classes=80").transposed == 0);
  CHECK(decoded({1, 84, 40}, "yolov5,classes=3").classes == 3);
  says(
      error_of(network({1, 3, 64, 64}, {{"output0", {1, 39, 84}}}), "stretch", "yolov8,classes=79"),
      "classes=79, but output 'output0' f32 [1,39,84] has room for 35");
}

TEST_CASE("masks: the class axis, thresholds, and what is a mask already") {
  const auto mask_of = [](const Shape& shape, const std::string& spec, DType dtype = DType::kF32) {
    Graph graph = network({shape[0], 3, 64, 96}, {{"map", shape}});
    if (dtype != DType::kF32) {
      Node cast;
      cast.name = "cast";
      cast.op = Op::kCast;
      cast.inputs = {graph.outputs[0]};
      cast.outputs = {graph.add_value("classes", dtype, shape)};
      graph.outputs = cast.outputs;
      graph.add_node(std::move(cast));
    }
    steps_of(graph, "stretch", spec);
    REQUIRE(graph.outputs.size() == 1);
    CHECK(graph.value(graph.outputs[0]).name == "mask");
    CHECK(graph.value(graph.outputs[0]).dtype == DType::kU8);
    return graph.value(graph.outputs[0]).shape;
  };
  CHECK(mask_of({1, 150, 16, 24}, "argmax") == Shape{1, 16, 24});
  CHECK(mask_of({2, 40, 32, 32}, "argmax") == Shape{2, 32, 32});
  CHECK(mask_of({1, 16, 24, 21}, "argmax,axis=-1") == Shape{1, 16, 24});
  CHECK(mask_of({1, 16, 24, 21}, "argmax,axis=1") == Shape{1, 24, 21});
  CHECK(mask_of({1, 1, 16, 24}, "argmax,threshold=0.5") == Shape{1, 16, 24});
  CHECK(mask_of({1, 16, 24, 1}, "argmax,threshold=0.5,axis=-1,sigmoid") == Shape{1, 16, 24});
  CHECK(mask_of({1, 16, 24}, "argmax,threshold=0.5") == Shape{1, 16, 24});
  CHECK(mask_of({1, 16, 24}, "argmax", DType::kI64) == Shape{1, 16, 24});
  CHECK(mask_of({2, 1, 16, 24}, "argmax", DType::kI32) == Shape{2, 16, 24});

  const auto refused = [](const Shape& shape, const std::string& spec) {
    return error_of(network({1, 3, 64, 96}, {{"map", shape}}), "stretch", spec);
  };
  says(refused({1, 16, 24, 21}, "argmax"), "give axis=-1 if the classes are last");
  says(refused({1, 1, 16, 24}, "argmax"), "give threshold=0.5, and sigmoid");
  says(refused({1, 16, 24}, "argmax"), "give threshold=0.5, and sigmoid");
  says(refused({1, 3, 16, 24}, "argmax,threshold=0.5"), "leave threshold= out");
  says(refused({1, 1, 16, 24}, "argmax,threshold=2,sigmoid"), "give a threshold in 0..1");
  says(refused({1, 300, 16, 24}, "argmax"), "a mask holds 1 to 256 classes");
  says(refused({2, 3, 16, 24}, "argmax"), "does not start with the batch of 1");
}

TEST_CASE("a decoder that is given another kind of output names the one that fits") {
  const auto refused = [](const std::vector<std::pair<std::string, Shape>>& outputs,
                          const std::string& spec) {
    return error_of(network({1, 3, 64, 64}, outputs), "stretch", spec);
  };
  says(refused({{"output0", {1, 300, 6}}}, "yolov8"), "use --postprocess end-to-end");
  says(refused({{"output0", {1, 300, 6}}}, "yolov5"), "use --postprocess end-to-end");
  CHECK(refused({{"output0", {1, 300, 6}}}, "yolov8,classes=2") == "accepted");
  CHECK(refused({{"output0", {1, 300, 6}}}, "yolov8,unchecked") == "accepted");
  CHECK(refused({{"output0", {1, 84, 6}}}, "yolov8") == "accepted");  // 8x8 + 4x4 + 2x2 cells
  says(refused({{"output0", {1, 252, 8}}}, "yolov8"), "use --postprocess yolov5");
  says(refused({{"output0", {1, 300, 85}}}, "yolov8"), "use --postprocess yolov5");
  says(refused({{"output0", {1, 84, 300}}}, "yolov5"), "use --postprocess yolov8");
  says(refused({{"output0", {1, 84, 84}}}, "yolox"), "use --postprocess yolov8");
  says(refused({{"output0", {1, 12, 84}}}, "yolov5"), "use --postprocess yolov8");
  says(refused({{"output0", {1, 116, 300}}, {"p", {1, 32, 16, 16}}}, "yolov5,masks=p"),
       "use --postprocess yolov8,masks=p");
  says(refused({{"output0", {1, 84, 8400}}}, "argmax"), "axis=1");
  CHECK(refused({{"output0", {1, 84, 300}}}, "yolov5,classes=79") == "accepted");
  says(refused({{"boxes", {1, 20, 4}}, {"scores", {1, 20}}, {"labels", {1, 20}}}, "boxes-scores"),
       "use --postprocess boxes-scores,boxes=boxes,scores=scores,labels=labels");
  says(refused({{"boxes", {1, 20, 4}}, {"scores", {1, 20}}, {"labels", {1, 20}}},
               "boxes-scores,boxes=boxes,scores=scores"),
       "add labels=labels");
  CHECK(refused({{"boxes", {1, 20, 4}}, {"scores", {1, 20}}, {"labels", {1, 20}}},
                "boxes-scores,boxes=boxes,scores=scores,unchecked") == "accepted");
  says(refused({{"output0", {1, 39, 84}}, {"output1", {1, 32, 16, 16}}}, "yolov8,output=output0"),
       "'output1' f32 [1,32,16,16] looks like prototypes of masks");
  says(refused({{"b", {1, 20, 4}}, {"s", {1, 20, 3}}}, "yolov8"),
       "use --postprocess boxes-scores,boxes=b,scores=s");
  says(refused({{"y", {1, 10}}}, "yolov8"), "use --postprocess topk");
  says(refused({{"y", {1, 5, 16, 16}}}, "topk"), "use --postprocess argmax");
  says(refused({{"y", {1, 1, 16, 16}}}, "yolov8"), "");
  says(refused({{"output0", {1, 300, 7}}}, "end-to-end"), "one column more");
  says(refused({{"output0", {1, 8400, 6}}}, "end-to-end"), "give iou=0.45 to suppress them");
  says(refused({{"output0", {1, 300, 5}}}, "end-to-end"), "is not [n, rows, 6]");
}

TEST_CASE("decoding works without a frame: boxes stay in network pixels") {
  Graph graph = network({1, 3, 64, 96}, {{"output", {1, 126, 8}}});
  const auto steps = steps_of(graph, "", "yolox,keep-outputs");
  REQUIRE(find_step(steps, KernelId::kDecode) != nullptr);
  CHECK(find_step(steps, KernelId::kDecode)->image_binding == -1);
  CHECK(graph.inputs.size() == 1);
  CHECK(graph.outputs.size() == 3);
}

TEST_CASE("what does not fit is refused with what the model offers") {
  const Graph yolo = network({1, 3, 64, 96}, {{"output", {1, 126, 8}}});
  const Graph two = network({1, 3, 64, 96}, {{"boxes", {1, 50, 4}}, {"scores", {1, 50, 3}}});
  says(error_of(yolo, "stretch,input=picture", ""),
       "no input 'picture'; the model's inputs: 'image' f32 [1,3,64,96]");
  says(error_of(yolo, "mean=1:2", ""), "mean has 2 values, the network input has 3 channel(s)");
  says(error_of(yolo, "nhwc", ""), "read as nhwc has 96 channels");
  says(error_of(network({1, 10}, {{"y", {1, 4}}}), "stretch", ""), "no input is an image");
  says(error_of(yolo, "stretch", "yolox,strides=8:16"), "12x8 + 6x4 = 120 rows of a 96x64 input");
  says(error_of(yolo, "stretch", "yolox,classes=80"),
       "classes=80, but output 'output' f32 [1,126,8] holds 3");
  says(error_of(yolo, "stretch", "yolox,output=heads"), "there is no output 'heads'");
  says(error_of(two, "stretch", "yolox"), "the model has 2 outputs;");
  says(error_of(two, "stretch", "boxes-scores,boxes=scores,scores=boxes"), "are not [n, rows, 4]");
  says(error_of(two, "stretch", "boxes-scores,first-class=3"), "leaves none of the 3 classes");
  says(error_of(two, "stretch", "ssd"), "either priors=NAME or prior-sizes=");
  says(error_of(two, "stretch", "ssd,priors=p"), "no value 'p' for the priors");
  says(error_of(two, "stretch", "ssd,strides=8,prior-sizes=4"),
       "makes 96 priors, the boxes have 50 rows");
  says(error_of(yolo, "stretch", "yolo-anchors"), "anchors= needs the same number");
  says(error_of(yolo, "stretch", "topk"), "is not one row of class scores");
  says(error_of(network({1, 10}, {{"y", {1, 50, 9}}}), "", "yolov5"),
       "not known; the model's outputs: 'y' f32 [1,50,9]; add --preprocess");
}

}  // namespace stint::builder
