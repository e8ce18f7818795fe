// What a model computes from the rows of its own NonMaxSuppression: unused rows never look like a
// box, and a model whose result would depend on them is refused.
#include "host_builder/network/suppressed_rows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "host_builder/evaluate/evaluate_graph.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

constexpr int64_t kBoxes = 12, kMost = 10;

template <typename T>
HostTensor tensor(DType dtype, Shape shape, const std::vector<T>& values) {
  HostTensor t{dtype, std::move(shape), {}};
  t.data.resize(values.size() * sizeof(T));
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

/// `far` boxes that do not touch each other; the others lie on the first one and score less.
HostTensors detections(int64_t far) {
  std::vector<float> boxes, scores;
  std::mt19937 random(static_cast<uint32_t>(far));
  std::uniform_real_distribution<float> jitter(0.0f, 0.5f);
  for (int64_t i = 0; i < kBoxes; ++i) {
    const float at = (i < far ? 20.0f * static_cast<float>(i) : 0.0f) + jitter(random);
    boxes.insert(boxes.end(), {at, at, at + 10.0f, at + 10.0f});
    scores.push_back(i < far ? 0.9f - 0.01f * static_cast<float>(i)
                             : 0.5f - 0.01f * static_cast<float>(i));
  }
  return {{"boxes", tensor(DType::kF32, {1, kBoxes, 4}, boxes)},
          {"scores", tensor(DType::kF32, {1, 1, kBoxes}, scores)}};
}

/// boxes, scores -> "sel" [kMost, 3] and "row" [kMost], as torchvision's nms exports.
ModelBuilder suppression() {
  ModelBuilder m(13);
  m.input("boxes", {1, kBoxes, 4}).input("scores", {1, 1, kBoxes});
  m.integers("most", {kMost}).floats("iou", {1}, {0.5f}).floats("least", {1}, {0.1f});
  m.integers("two", {2}).integers("zero", {0}).integers("one", {1}).integers("first", {0, 1});
  m.node("NonMaxSuppression", {"boxes", "scores", "most", "iou", "least"}, {"sel"});
  m.node("Gather", {"sel", "two"}, {"column"}).attribute("axis", int64_t{1});
  m.node("Squeeze", {"column", "one"}, {"row"});
  m.node("Squeeze", {"boxes", "zero"}, {"table"});
  m.node("Squeeze", {"scores", "first"}, {"score_table"});
  return m;
}

TEST_CASE("rows that no box took are zeros, and -1 where they count") {
  ModelBuilder m = suppression();
  m.output("kept").output("row").output("sure").output("sel").output("number");
  m.node("Cast", {"row"}, {"number"}).attribute("to", int64_t{onnx::TensorProto::FLOAT});
  m.node("Gather", {"table", "row"}, {"chosen"}).attribute("axis", int64_t{0});
  m.node("Gather", {"score_table", "row"}, {"raw"}).attribute("axis", int64_t{0});
  m.node("Sigmoid", {"raw"}, {"likely"});  // of 0 it would be a half
  m.node("Unsqueeze", {"likely", "one"}, {"sure"});
  m.node("Concat", {"chosen", "sure"}, {"kept"}).attribute("axis", int64_t{1});
  const Graph graph = m.import();
  verify(graph);
  for (int64_t far = 1; far <= kBoxes; ++far) {
    HostTensors inputs = detections(far);
    HostTensors y = evaluate_graph(graph, inputs);
    REQUIRE(y.at("kept").shape == Shape{kMost, 5});
    REQUIRE(y.at("row").shape == Shape{kMost});
    const float* kept = y.at("kept").as<float>();
    const int64_t found = std::min(far, kMost);
    for (int64_t i = 0; i < kMost; ++i) {
      CAPTURE(far);
      CAPTURE(i);
      const bool used = i < found;
      CHECK(y.at("row").as<int64_t>()[i] == (used ? i : -1));
      CHECK(y.at("sel").as<int64_t>()[3 * i + 2] == (used ? i : -1));
      CHECK(y.at("number").as<float>()[i] == static_cast<float>(used ? i : -1));
      for (int64_t k = 0; k < 4; ++k)
        CHECK(kept[5 * i + k] == (used ? inputs.at("boxes").as<float>()[4 * i + k] : 0.0f));
      const double score = inputs.at("scores").as<float>()[std::min(i, kBoxes - 1)];
      CHECK(kept[5 * i + 4] ==
            doctest::Approx(used ? 1.0 / (1.0 + std::exp(-score)) : 0.0).epsilon(1e-6));
      CHECK(y.at("sure").as<float>()[i] == kept[5 * i + 4]);
    }
  }
}

TEST_CASE("the first rows, columns, transposes and products of rows stay rows") {
  ModelBuilder m = suppression();
  m.output("y")
      .integers("begin", {0})
      .integers("end", {4})
      .floats("w", {4, 2}, {1, 0, 0, 1, 2, 0, 0, 2});
  m.node("Slice", {"row", "begin", "end"}, {"best"});
  m.node("Gather", {"table", "best"}, {"chosen"}).attribute("axis", int64_t{0});
  m.node("MatMul", {"chosen", "w"}, {"moved"});
  m.node("Transpose", {"moved"}, {"turned"});
  m.node("Exp", {"turned"}, {"y"});  // of 0 it is 1
  const Graph graph = m.import();
  verify(graph);
  HostTensors y = evaluate_graph(graph, detections(2));
  REQUIRE(y.at("y").shape == Shape{2, 4});
  for (int64_t i = 0; i < 8; ++i) CHECK((y.at("y").as<float>()[i] == 0.0f) == (i % 4 >= 2));
}

TEST_CASE("a model that mixes rows is refused with the --postprocess that replaces it") {
  ModelBuilder m = suppression();
  m.output("y");
  SUBCASE("the best of them") {
    m.node("Gather", {"score_table", "row"}, {"raw"}).attribute("axis", int64_t{0});
    m.node("TopK", {"raw", "two"}, {"y", "where"});
  }
  SUBCASE("their mean") {
    m.node("Gather", {"score_table", "row"}, {"raw"}).attribute("axis", int64_t{0});
    m.node("ReduceMean", {"raw"}, {"y"});
  }
  SUBCASE("the last of them") {
    m.integers("begin", {-3}).integers("end", {1000});
    m.node("Slice", {"row", "begin", "end"}, {"y"});
  }
  SUBCASE("one after the other") {
    m.node("Concat", {"row", "row"}, {"y"}).attribute("axis", int64_t{0});
  }
  SUBCASE("one of them") { m.node("Gather", {"row", "zero"}, {"y"}).attribute("axis", int64_t{0}); }
  const std::string error = m.refusal();
  CAPTURE(error);
  CHECK(error.find("mixes the rows of 'NonMaxSuppression_1'") != std::string::npos);
  CHECK(error.find("--postprocess boxes-scores,boxes=boxes,scores=scores") != std::string::npos);
}

TEST_CASE("the number of boxes may size values, not be one") {
  ModelBuilder m = suppression();
  m.node("Shape", {"row"}, {"count"});
  SUBCASE("a mask of ones") {
    m.output("y").floats("one_point", {1}, {1.0f});
    m.node("Expand", {"one_point", "count"}, {"ones"});
    m.node("Gather", {"score_table", "row"}, {"raw"}).attribute("axis", int64_t{0});
    m.node("Mul", {"raw", "ones"}, {"y"});
    HostTensors y = evaluate_graph(m.import(), detections(3));
    for (int64_t i = 0; i < kMost; ++i) CHECK((y.at("y").as<float>()[i] != 0.0f) == (i < 3));
  }
  SUBCASE("as a result") {
    m.output("count");
    CHECK(m.refusal().find("known only at run time") != std::string::npos);
  }
  SUBCASE("as an operand") {
    m.output("y");
    m.node("Cast", {"count"}, {"n"}).attribute("to", int64_t{onnx::TensorProto::FLOAT});
    m.node("Div", {"table", "n"}, {"y"});
    CHECK(m.refusal().find("known only at run time") != std::string::npos);
  }
}

TEST_CASE("boxes known at build time have as many rows as survive") {
  ModelBuilder m(13);
  m.input("x", {1}).output("y").output("z");
  m.floats("boxes", {1, 3, 4}, {0, 0, 9, 9, 1, 1, 9, 9, 40, 40, 50, 50});
  m.floats("scores", {1, 1, 3}, {0.9f, 0.8f, 0.7f})
      .integers("most", {3})
      .floats("iou", {1}, {0.5f});
  m.node("NonMaxSuppression", {"boxes", "scores", "most", "iou"}, {"y"});
  m.node("Relu", {"x"}, {"z"});
  const Graph graph = m.import();
  CHECK(graph.value(graph.outputs[0]).shape == Shape{2, 3});
}

}  // namespace
}  // namespace stint::builder
