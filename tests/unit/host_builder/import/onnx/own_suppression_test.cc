#include "host_builder/import/onnx/own_suppression.h"

#include <doctest/doctest.h>

#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

bool ends_with(const std::string& text, const std::string& part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}

std::string advice(const onnx::GraphProto& graph) {
  NetworkFindings findings(1);
  advise_on_own_suppression(graph, findings);
  try {
    findings.raise();
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a model without a suppression of its own needs no advice") {
  ModelBuilder m;
  m.input("x", {1, 4}).output("y").node("Relu", {"x"}, {"y"});
  CHECK(advice(m.model().graph()) == "");
}

/// A head as YOLO's exporters write it with its suppression: a filter by score, then NMS.
ModelBuilder yolo(const std::string& op) {
  ModelBuilder m(13);
  m.input("images", {1, 3, 8, 8}).output("found").output("protos");
  m.floats("bias", {1, 1, 1, 1}, {1.0f}).integers("zero", {0}).integers("target", {1, 12, 16});
  m.node("Relu", {"images"}, {"features"});
  m.node("Sigmoid", {"features"}, {"protos"});
  m.node("Identity", {"bias"}, {"constant"});  // of constants alone: on nobody's way
  m.node("Add", {"features", "constant"}, {"shifted"});
  m.node("Reshape", {"shifted", "target"}, {"head"});
  m.node("Slice", {"head", "zero", "zero"}, {"boxes"});
  m.node("ReduceMax", {"head"}, {"scores"});
  m.node("NonZero", {"scores"}, {"rows"});
  m.node("GatherND", {"boxes", "rows"}, {"kept"});
  m.node(op, {"kept", "scores"}, {"found"});
  return m;
}

TEST_CASE("the advice ends the model where everything passes before it is filtered") {
  for (const char* op : {"NonMaxSuppression", "EfficientNMS_TRT"}) {
    const std::string text = advice(yolo(op).model().graph());
    CAPTURE(text);
    CHECK(text.find(op) != std::string::npos);
    CHECK(text.find("--postprocess yolov8,output=head ") != std::string::npos);
    // And whoever follows it gets past the importer.
    CHECK(yolo(op).refusal().find("--postprocess yolov8,output=head ") != std::string::npos);
    ImportOptions options;
    options.cut_at = {"head"};
    CHECK_NOTHROW(yolo(op).import(options));
  }
}

TEST_CASE("without such a value it names what the suppression reads") {
  ModelBuilder m(13);
  m.input("a", {1, 9, 4}).input("b", {1, 1, 9}).output("y").output("z");
  m.node("Relu", {"a"}, {"boxes"}).node("Sigmoid", {"b"}, {"scores"});
  m.node("NonMaxSuppression", {"boxes", "scores"}, {"y"});
  m.node("Nothing", {"a"}, {"z"});
  CHECK(ends_with(m.refusal(), "--postprocess boxes-scores,boxes=boxes,scores=scores"));
}

}  // namespace
}  // namespace stint::builder
