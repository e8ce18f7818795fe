#include <doctest/doctest.h>

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/frames/preprocess_spec.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

template <typename F>
std::string message_of(F f) {
  try {
    f();
  } catch (const BuildError& e) {
    return e.what();
  }
  return "accepted";
}

std::string preprocess_error(const std::string& text) {
  return message_of([&] { parse_preprocess_spec(text); });
}
std::string postprocess_error(const std::string& text) {
  return message_of([&] { parse_postprocess_spec(text); });
}

bool says(const std::string& message, const std::string& part) {
  INFO(message);
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a preprocess SPEC is words and values, later ones win, presets expand") {
  PreprocessSpec s = parse_preprocess_spec("letterbox,bgr,pad=114,mean=1:2:3.5,scale=0.5");
  CHECK(s.fit == FitMode::kLetterbox);
  CHECK(s.order_bgr);
  CHECK(s.pad_value == 114.0f);
  CHECK(s.mean == std::vector<float>{1.0f, 2.0f, 3.5f});
  CHECK(s.scale == std::vector<float>{0.5f});
  CHECK_FALSE(s.channels_last.has_value());

  s = parse_preprocess_spec("yolox,rgb,nhwc,input=a:b");
  CHECK(s.fit == FitMode::kLetterboxTopLeft);
  CHECK_FALSE(s.order_bgr);
  CHECK(s.pad_value == 114.0f);
  CHECK(s.channels_last == true);
  CHECK(s.input == "a:b");

  s = parse_preprocess_spec("stretch,std=2:4:8");
  CHECK(s.scale == std::vector<float>{0.5f, 0.25f, 0.125f});
  CHECK(s.order_bgr == false);
}

TEST_CASE("an error in a preprocess SPEC says where, what was found and what was expected") {
  CHECK(says(preprocess_error("letterbox,bqr"), "at character 11 found 'bqr', expected stretch"));
  CHECK(
      says(preprocess_error("pad=300"), "at character 5 found '300', expected a number in 0..255"));
  CHECK(says(preprocess_error("pad"), "expected 'pad=' and a number"));
  CHECK(says(preprocess_error("mean=1:x:3"), "at character 8 found 'x', expected a number"));
  CHECK(says(preprocess_error("mean=1:2:3:4"), "expected 1 to 3 numbers"));
  CHECK(says(preprocess_error("std=0"), "numbers other than 0"));
  CHECK(says(preprocess_error("scale=nan"), "found 'nan'"));
  CHECK(says(preprocess_error("bgr=1"), "at character 5 found '1', expected no value"));
  CHECK(says(preprocess_error("rgb,,bgr"), "at character 5 found nothing"));
  CHECK(says(preprocess_error("rgb,"), "at character 5 found nothing"));
  CHECK(says(preprocess_error(""), "found nothing"));
  CHECK(says(preprocess_error("=3"), "expected a word or key=value"));
}

TEST_CASE("a postprocess SPEC starts with its decoder") {
  PostprocessSpec s =
      parse_postprocess_spec("yolox,strides=8:16:32,classes=80,score=0.3,iou=0.45,agnostic");
  CHECK(s.kind == PostprocessKind::kYolox);
  CHECK(s.strides == std::vector<float>{8, 16, 32});
  CHECK(s.classes == 80);
  CHECK(s.score == 0.3f);
  CHECK(s.iou == 0.45f);
  CHECK(s.agnostic);
  CHECK_FALSE(s.multi_label.has_value());

  s = parse_postprocess_spec(
      "ssd,boxes=b,scores=s,prior-sizes=10:16:24/32:48,strides=8:16,variances=0.1:0.2");
  CHECK(s.kind == PostprocessKind::kSsd);
  CHECK(s.prior_sizes == std::vector<float>{10, 16, 24, 32, 48});
  CHECK(s.prior_counts == std::vector<size_t>{3, 2});

  s = parse_postprocess_spec("topk,k=3,softmax,score=-5");
  CHECK(s.max_detections == 3);
  CHECK(s.score == -5.0f);
  CHECK(s.function == ScoreFunction::kSoftmax);

  s = parse_postprocess_spec("yolo-anchors,outputs=a+b+c,anchors=1:2:3:4,scaled");
  CHECK(s.outputs == std::vector<std::string>{"a", "b", "c"});
  CHECK(s.scaled_anchors);
}

TEST_CASE("SPECs of decoders of final rows, queries and masks") {
  PostprocessSpec s = parse_postprocess_spec("end-to-end");
  CHECK(s.kind == PostprocessKind::kEndToEnd);
  CHECK_FALSE(s.unchecked);
  CHECK(parse_postprocess_spec("detr").kind == PostprocessKind::kDetr);
  s = parse_postprocess_spec("boxes-scores,boxes=b,scores=s,labels=l,count=c,yxyx,unchecked");
  CHECK(s.labels == "l");
  CHECK(s.count == "c");
  CHECK(s.y_first);
  CHECK(s.unchecked);
  s = parse_postprocess_spec("argmax,threshold=-0.5,axis=-1");
  CHECK(s.threshold == -0.5f);
  CHECK(s.axis == -1);
}

TEST_CASE("an error in a postprocess SPEC says where, what was found and what was expected") {
  CHECK(says(postprocess_error("yolo9,score=1"),
             "at character 1 found 'yolo9', expected a decoder first"));
  CHECK(says(postprocess_error("yolox,score=1.5"),
             "at character 13 found '1.5', expected a number in 0..1"));
  CHECK(says(postprocess_error("yolox,max=0"), "expected a whole number in 1.."));
  CHECK(says(postprocess_error("yolox,classes=8.5"), "found '8.5'"));
  CHECK(says(postprocess_error("yolox,strides=8:0"), "numbers from 1"));
  CHECK(says(postprocess_error("yolox,frobnicate"), "at character 7 found 'frobnicate'"));
  CHECK(says(postprocess_error("yolo-anchors,anchors=1:2:3"), "pairs of width and height"));
  CHECK(says(postprocess_error("yolox,anchors=1:2"),
             "expected a key of yolox ('anchors' belongs to yolo-anchors)"));
  CHECK(says(postprocess_error("detr,labels=l"), "'labels' belongs to boxes-scores"));
  CHECK(says(postprocess_error("topk,threshold=0.5"), "'threshold' belongs to argmax"));
  CHECK(says(postprocess_error("yolox,agnostic=yes"), "expected no value"));
  CHECK(says(postprocess_error("ssd,prior-sizes=1:2/x"), "at character 21 found 'x'"));
  CHECK(says(postprocess_error("ssd,boxes="), "the name of an output"));
}

}  // namespace stint::builder
