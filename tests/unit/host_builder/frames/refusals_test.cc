// Every refusal of --preprocess and --postprocess ends with something the user can do.
#include <doctest/doctest.h>

#include "host_builder/builder/noise_check.h"
#include "host_builder/frames/insert.h"
#include "host_builder/frames/labels.h"
#include "host_builder/support/error.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

struct Refused {
  Shape input;
  std::vector<std::pair<std::string, Shape>> outputs;
  std::string preprocess, postprocess;
  DType input_dtype = DType::kF32;
};

std::string message_of(const Refused& r) {
  Graph graph;
  graph.name = "test";
  graph.batch = 1;
  graph.inputs = {graph.add_value("image", r.input_dtype, r.input)};
  for (const auto& [name, shape] : r.outputs) {
    Value value;
    value.name = name;
    value.shape = shape;
    const bool whole = name.find("ids") != std::string::npos;
    value.dtype = whole ? DType::kI64 : DType::kF32;
    value.constant = std::make_shared<const std::vector<std::byte>>(
        static_cast<size_t>(value.elements() * dtype_bytes(value.dtype)), std::byte{0x41});
    graph.outputs.push_back(graph.add_value(std::move(value)));
  }
  try {
    const auto decoder = insert_frames(graph, r.preprocess, r.postprocess);
    if (decoder) check_decoder_on_noise(graph, *decoder);
  } catch (const BuildError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every refusal of a SPEC or a decoder ends with what the user can do") {
  const Shape image = {1, 3, 64, 64};
  const std::vector<std::pair<std::string, Shape>> one = {{"y", {1, 84, 8}}};
  const std::vector<std::pair<std::string, Shape>> two = {{"b", {1, 50, 4}}, {"s", {1, 50, 3}}};
  const std::vector<std::pair<std::string, Shape>> three = {
      {"b", {1, 50, 4}}, {"s", {1, 50}}, {"ids", {1, 50}}};
  const std::vector<Refused> refusals = {
      // SPECs
      {image, one, "bqr", ""},
      {image, one, "pad=300", ""},
      {image, one, "pad", ""},
      {image, one, "mean=1:x", ""},
      {image, one, "mean=1:2:3:4", ""},
      {image, one, "std=0", ""},
      {image, one, "bgr=1", ""},
      {image, one, "rgb,,bgr", ""},
      {image, one, "=3", ""},
      {image, one, "", "frobnicate"},
      {image, one, "", "yolox,frobnicate"},
      {image, one, "", "yolox,score=2"},
      {image, one, "", "yolox,max=0"},
      {image, one, "", "yolox,strides=0"},
      {image, one, "", "yolox,anchors=1:2"},
      {image, one, "", "yolo-anchors,anchors=1:2:3"},
      {image, one, "", "yolox,output="},
      // --preprocess against the model
      {image, one, "input=picture", ""},
      {{1, 10}, one, "stretch", ""},
      {{1, 10}, one, "input=image", ""},
      {image, one, "mean=1:2", ""},
      {image, one, "nhwc", ""},
      {{2, 3, 64, 64}, one, "stretch", ""},
      {{1, 3, 0, 64}, one, "stretch", ""},
      {image, one, "mean=1", "", DType::kU8},
      {image, one, "stretch", "", DType::kI64},
      // decoders against the model
      {image, one, "stretch", "yolox,output=heads"},
      {image, two, "stretch", "yolox"},
      {image, one, "stretch", "yolox,strides=4"},
      {image, one, "stretch", "yolox,classes=80"},
      {image, one, "stretch", "yolox,first-class=3"},
      {image, {{"y", {1, 84, 5}}}, "stretch", "yolox"},
      {image, {{"y", {1, 2, 3, 4, 5}}}, "stretch", "yolov8"},
      {image, {{"y", {2, 84, 8}}}, "stretch", "yolov8"},
      {image, {{"y", {1, 300, 6}}}, "stretch", "yolov8"},
      {image, {{"y", {1, 252, 8}}}, "stretch", "yolov8"},
      {image, {{"y", {1, 84, 4}}}, "stretch", "yolov8"},
      {image, {{"y", {1, 3, 84}}}, "stretch", "yolov8"},
      {image, one, "stretch", "yolov8,classes=80"},
      {image, {{"y", {1, 300, 85}}}, "stretch", "yolov8"},
      {image, {{"y", {1, 84, 300}}}, "stretch", "yolov5"},
      {image, {{"y", {1, 84, 40}}, {"p", {1, 32, 16, 16}}}, "stretch", "yolov8,output=y"},
      {{1, 10}, one, "", "yolov8"},
      {image, {{"y", {1, 84, 40}}, {"p", {1, 32, 16, 16}}}, "stretch", "yolov8,masks=y"},
      {image, {{"y", {1, 84, 40}}, {"p", {1, 32, 16, 16}}}, "stretch", "yolov8,masks=q"},
      {image, {{"y", {1, 84, 40}}, {"p", {1, 32, 16, 16}}}, "stretch", "yolov8,masks=p,classes=9"},
      {image, {{"y", {1, 84, 40}}, {"p", {1, 32, 16, 16}}}, "stretch", "yolov8,masks=p,rotated"},
      {image, {{"y", {1, 84, 40}}, {"p", {2, 32, 16, 16}}}, "stretch", "yolov8,masks=p"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolov8,keypoints=12"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolov8,keypoints=11,classes=1"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolov8,rotated,corners"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolov5,rotated"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolox,keypoints=11"},
      {image, {{"y", {1, 84, 40}}}, "stretch", "yolov8,keypoints=0"},
      {image, {{"y", {1, 300, 6}}}, "stretch", "end-to-end,rotated"},
      {image, {{"y", {1, 300, 8}}}, "stretch", "end-to-end,keypoints=3"},
      {image, {{"y", {1, 300, 7}}}, "stretch", "end-to-end,rotated,yxyx"},
      {image, one, "stretch", "yolo-anchors"},
      {image, one, "stretch", "yolo-anchors,anchors=1:2"},
      {image,
       {{"y", {1, 16, 8, 8}}},
       "stretch",
       "yolo-anchors,anchors=1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1"},
      {image, {{"y", {1, 16, 8, 8}}}, "stretch", "yolo-anchors,anchors=1:1,strides=8:16"},
      {image, {{"y", {1, 16, 8, 8}}}, "stretch", "yolo-anchors,anchors=1:1,strides=16"},
      {image,
       {{"y", {1, 1, 8, 8, 8}}, {"z", {1, 8, 4, 4}}},
       "stretch",
       "yolo-anchors,anchors=1:1:1:1"},
      {image,
       std::vector<std::pair<std::string, Shape>>({{"a", {1, 8, 8, 8}},
                                                   {"b", {1, 8, 8, 8}},
                                                   {"c", {1, 8, 8, 8}},
                                                   {"d", {1, 8, 8, 8}},
                                                   {"e", {1, 8, 8, 8}},
                                                   {"f", {1, 8, 8, 8}},
                                                   {"g", {1, 8, 8, 8}},
                                                   {"h", {1, 8, 8, 8}},
                                                   {"i", {1, 8, 8, 8}}}),
       "stretch", "yolo-anchors,anchors=1:1"},
      {image, one, "stretch", "ssd"},
      {image, two, "stretch", "ssd"},
      {image, two, "stretch", "ssd,priors=p"},
      {image, two, "stretch", "ssd,priors=s"},
      {image, two, "stretch", "ssd,strides=8,prior-sizes=4"},
      {image, two, "stretch", "ssd,strides=8:16,prior-sizes=4"},
      {image, two, "stretch", "ssd,strides=8,prior-sizes=4,corners"},
      {image, two, "stretch", "boxes-scores,boxes=s,scores=b"},
      {image, {{"b", {1, 50, 4}}, {"s", {1, 49, 3}}}, "stretch", "boxes-scores"},
      {image, three, "stretch", "boxes-scores"},
      {image, three, "stretch", "boxes-scores,boxes=b,scores=s"},
      {image, three, "stretch", "boxes-scores,labels=ids,multi-label"},
      {image, three, "stretch", "boxes-scores,labels=ids,softmax"},
      {image, three, "stretch", "boxes-scores,labels=ids,classes=3,first-class=3"},
      {image, three, "stretch", "boxes-scores,labels=b,scores=s"},
      {image, three, "stretch", "boxes-scores,labels=ids,count=s"},
      {image, one, "stretch", "detr"},
      {image, {{"b", {1, 50, 4}}}, "stretch", "detr"},
      {image, two, "stretch", "detr,boxes=s,scores=b"},
      {image, {{"b", {1, 50, 4}}, {"s", {1, 50, 1}}}, "stretch", "detr"},
      {image, {{"y", {1, 300, 5}}}, "stretch", "end-to-end"},
      {image, {{"y", {1, 300, 7}}}, "stretch", "end-to-end"},
      {image, {{"y", {1, 3000, 6}}}, "stretch", "end-to-end"},
      {image, {{"y", {1, 3000, 20}}}, "stretch", "end-to-end"},
      {image, {{"y", {1, 300, 57}}}, "stretch", "end-to-end,keypoints=16"},
      {image, {{"y", {1, 300, 7}}}, "stretch", "end-to-end,rotated,corners"},
      {image, one, "stretch", "yolox,rotated"},
      {image, one, "stretch", "yolov5,rotated"},
      {image, one, "stretch", "yolov8,rotated,corners"},
      {image, one, "stretch", "yolov8,rotated,keypoints=3"},
      {image, one, "stretch", "yolov8,rotated,yxyx"},
      {image, one, "stretch", "yolov8,keypoints=17"},
      {image, one, "stretch", "yolov8,keypoints=17,classes=3"},
      {image, one, "stretch", "yolov8,masks=protos"},
      {image, one, "stretch", "yolov8,masks=y,output=y"},
      {image, one, "stretch", "topk"},
      {image, {{"y", {1, 10}}}, "stretch", "argmax"},
      {image, {{"y", {1, 5, 8, 8}}}, "stretch", "argmax,axis=4"},
      {image, {{"y", {1, 5, 8, 8}}}, "stretch", "argmax,classes=3"},
      {image, {{"y", {1, 5, 8, 8}}}, "stretch", "argmax,threshold=1"},
      {image, {{"y", {1, 8, 8, 5}}}, "stretch", "argmax"},
      {image, {{"y", {1, 300, 8, 8}}}, "stretch", "argmax"},
      {image, {{"y", {1, 1, 8, 8}}}, "stretch", "argmax"},
      {image, {{"y", {1, 1, 8, 8}}}, "stretch", "argmax,threshold=2,sigmoid"},
      {image, {{"y", {1, 1, 8, 8}}}, "stretch", "argmax,threshold=0.5,softmax"},
      {image, {{"ids", {1, 8, 8}}}, "stretch", "argmax,threshold=0.5"},
      // on noise: every number is 12.08, every id 0x41...41
      {image, one, "stretch", "yolov8"},
      {image, one, "stretch", "yolov5"},
      {image, two, "stretch", "boxes-scores"},
      {image, three, "stretch", "boxes-scores,labels=ids"},
      {image, two, "stretch", "boxes-scores,sigmoid,normalized"},
      {image, {{"y", {1, 300, 6}}}, "stretch", "end-to-end"},
      {image, {{"ids", {1, 8, 8}}}, "stretch", "argmax"},
      {image, {{"y", {1, 1, 8, 8}}}, "stretch", "argmax,threshold=0.5"},
  };
  for (const Refused& r : refusals) {
    const std::string message = message_of(r);
    CAPTURE(r.preprocess);
    CAPTURE(r.postprocess);
    CAPTURE(message);
    CHECK(message != "accepted");
    CHECK(ends_with_action(message));
  }
}

TEST_CASE("every refusal of labels ends with what the user can do") {
  for (const std::string text : {"",
                                 "\xFF\xFE"
                                 "a",
                                 "a\x80", "a\x01", "[\"a\"]", "names:\n  0: a"}) {
    try {
      parse_labels(text, "labels.txt");
      FAIL("accepted: " << text);
    } catch (const BuildError& error) {
      CAPTURE(error.what());
      CHECK(ends_with_action(error.what()));
    }
  }
}

}  // namespace stint::builder
