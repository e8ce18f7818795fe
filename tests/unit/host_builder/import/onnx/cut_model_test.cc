#include "host_builder/import/onnx/cut_model.h"

#include <doctest/doctest.h>

#include "host_builder/frames/insert.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  return names;
}

/// A detector with its own tail, which nobody supports, and a second head.
ModelBuilder detector() {
  ModelBuilder m(13);
  m.input("images", {1, 3, 4, 4}).output("found").output("embedding");
  m.integers("target", {1, 12, 4}).integers("row", {1, 1, 12});
  m.floats("w", {4, 1}, {1, 2, 3, 4});
  m.node("Relu", {"images"}, {"features"});
  m.node("Reshape", {"features", "target"}, {"boxes"});
  m.node("MatMul", {"boxes", "w"}, {"column"});
  m.node("Reshape", {"column", "row"}, {"scores"});
  m.node("SomebodysSuppression", {"boxes", "scores"}, {"found"});
  m.node("Sigmoid", {"features"}, {"embedding"});
  return m;
}

TEST_CASE("a model ends at the values it is cut at, and keeps what does not come from them") {
  CHECK(detector().refusal().find("SomebodysSuppression") != std::string::npos);
  ImportOptions options;
  options.cut_at = {"scores", "boxes"};
  Graph graph = detector().import(options);
  verify(graph);
  CHECK(output_names(graph) == std::vector<std::string>{"embedding", "scores", "boxes"});
}

TEST_CASE("cutting at inputs, outputs and unknown names changes nothing") {
  ImportOptions options;
  options.cut_at = {"images", "embedding", "nobody", ""};
  CHECK(detector().refusal(options) == detector().refusal());
}

TEST_CASE("an output that is asked for stays, though it comes from a cut value") {
  ModelBuilder m(13);
  m.input("x", {1, 4}).output("y").output("z");
  m.node("Relu", {"x"}, {"a"}).node("Sigmoid", {"a"}, {"y"}).node("Exp", {"a"}, {"z"});
  ImportOptions options;
  options.cut_at = {"a", "y", "a"};
  CHECK(output_names(m.import(options)) == std::vector<std::string>{"y", "a"});
}

TEST_CASE("a decoder reads values inside the model, in place of what it replaces") {
  ImportOptions options;
  options.cut_at = {"boxes", "scores"};
  Graph graph = detector().import(options);
  insert_frames(graph, "", "boxes-scores,boxes=boxes,scores=scores");
  verify(graph);
  REQUIRE(graph.detections.size() == 1);
  CHECK(output_names(graph) ==
        std::vector<std::string>{"embedding", graph.detections[0].name, "counts"});
}

}  // namespace
}  // namespace stint::builder
