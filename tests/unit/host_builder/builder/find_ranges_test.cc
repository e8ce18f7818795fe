// Names: the ranges of a model's tensors reach the values that passes make of them.
#include "host_builder/builder/find_ranges.h"

#include <doctest/doctest.h>

#include "host_builder/builder/pass_list.h"
#include "host_builder/data/npy.h"
#include "host_builder/quantize/calibration_cache.h"
#include "host_builder/quantize/complete_ranges.h"
#include "host_builder/quantize/observed_network.h"
#include "host_builder/support/error.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

TensorRange range(float threshold) { return {-threshold, threshold, threshold}; }

Graph optimised(const ModelBuilder& model, const char* target) {
  Graph graph = model.import();
  run_passes(graph, passes_before_precision(), {find_target(target)}, {});
  return graph;
}

std::vector<std::string> names_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const NodeId n : graph.order())
    for (const ValueId id : graph.node(n).outputs)
      if (id != kNoValue) names.push_back(graph.value(id).name);
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

ModelBuilder two_branches() {
  ModelBuilder model;
  model.input("x", {1, 8, 4, 4})
      .floats("w1", {8, 8, 1, 1}, std::vector<float>(64, 0.5f))
      .floats("w2", {8, 8, 1, 1}, std::vector<float>(64, 0.25f))
      .node("Conv", {"x", "w1"}, {"a"})
      .node("Conv", {"x", "w2"}, {"b"})
      .node("MaxPool", {"a"}, {"ta"})
      .attribute("kernel_shape", std::vector<int64_t>{2, 2})
      .node("AveragePool", {"b"}, {"eb"})
      .attribute("kernel_shape", std::vector<int64_t>{2, 2})
      .output("ta")
      .output("eb");
  return model;
}

}  // namespace

TEST_CASE("endings of the layout pass do not hide a name, a model's own names come first") {
  const std::set<std::string> names = {"x", "y_p", "y", "z_nhwc"};
  CHECK(range_name("x_nhwc", names) == "x");
  CHECK(range_name("x_nhwc_1", names) == "x");
  CHECK(range_name("x_p_r_2", names) == "x");
  CHECK(range_name("y_p", names) == "y_p");
  CHECK(range_name("y_p_nhwc", names) == "y_p");
  CHECK(range_name("z_nhwc", names) == "z_nhwc");
  CHECK(range_name("q_nhwc", names) == "q_nhwc");
}

TEST_CASE("a value in another order of axes has the model's range") {
  const TensorRanges known = {
      {"x", range(1)}, {"a", range(2)}, {"b", range(3)}, {"ta", range(4)}, {"eb", range(5)}};
  const Graph graph = optimised(two_branches(), "cpu");
  const TensorRanges ranges = complete_ranges(graph, known);
  CHECK(operands_without_range(graph, ranges).empty());
  for (const std::string& name : names_of(graph)) {
    CAPTURE(name);
    CHECK((ranges.count(name) == 1 || name.find("merged") != std::string::npos));
  }
  CHECK_FALSE(operands_without_range(graph, complete_ranges(graph, {{"a", range(2)}})).empty());
}

TEST_CASE("merged convolutions have the range of all their parts") {
  ModelBuilder model = two_branches();
  const Graph graph = optimised(model, "sm_90");
  std::string merged;
  for (const std::string& name : names_of(graph))
    if (name.find("_merged") != std::string::npos) merged = name;
  REQUIRE_FALSE(merged.empty());
  TensorRanges known = {{"x", range(1)}, {"a", {-1, 2, 2}}, {"b", {-4, 0, 3}}};
  const TensorRanges ranges =
      ranges_for(model.import(), {find_target("sm_90")}, PassOptions(), known);
  REQUIRE(ranges.count(merged) == 1);
  CHECK(ranges.at(merged).low == -4);
  CHECK(ranges.at(merged).high == 2);
  CHECK(ranges.at(merged).threshold == 3);
  known.erase("b");
  CHECK(complete_ranges(graph, known).count(merged) == 0);
}

TEST_CASE("what folding changes does not keep its name") {
  // A name that the model and the optimised network share is the same tensor in both.
  ModelBuilder model;
  model.input("x", {1, 4, 4, 4})
      .floats("w", {4, 4, 1, 1}, std::vector<float>(16, 0.5f))
      .floats("ones", {4}, {1, 2, 3, 4})
      .floats("zeros", {4}, {0, 0, 0, 1})
      .floats("factor", {}, {0.125f})
      .node("Conv", {"x", "w"}, {"conv"})
      .node("BatchNormalization", {"conv", "ones", "zeros", "zeros", "ones"}, {"norm"})
      .node("Relu", {"norm"}, {"relu"})
      .node("MaxPool", {"norm"}, {"pool"})
      .attribute("kernel_shape", std::vector<int64_t>{2, 2})
      .node("Conv", {"relu", "w"}, {"second"})
      .node("Reshape", {"second", "shape"}, {"flat"})
      .integers("shape", {1, 4, 16})
      .node("Mul", {"flat", "factor"}, {"scaled"})
      .node("Softmax", {"scaled"}, {"soft"})
      .output("soft")
      .output("pool");
  const std::vector<std::string> names = names_of(optimised(model, "cpu"));
  for (const char* gone : {"conv", "conv_nhwc", "second", "second_nhwc", "flat"}) {
    CAPTURE(gone);
    CHECK_FALSE(has(names, gone));
  }
  CHECK((has(names, "norm") || has(names, "norm_nhwc")));
  CHECK((has(names, "scaled") || has(names, "scaled_p")));
}

TEST_CASE("a network of several inputs is calibrated from a folder with a file for each") {
  ModelBuilder model;
  model.input("x", {-1, 3})
      .input("b/c", {-1, 3})
      .node("Add", {"x", "b/c"}, {"sum"})
      .node("Relu", {"sum"}, {"y"})
      .output("y");
  const test::TemporaryFolder folder;
  const std::string bytes = model.bytes();
  const std::string path = folder.write("model.onnx", bytes.data(), bytes.size());
  std::filesystem::create_directory(folder.path("samples"));
  const auto save = [&](const char* name, const Shape& shape, const std::vector<float>& x) {
    write_npy(folder.path(std::string("samples/") + name), HostTensor::of(DType::kF32, shape, x));
  };
  BuildOptions options;
  options.precision = "int8";
  options.calibration.samples = folder.path("samples");
  options.calibration.cache = folder.path("cache");
  options.calibration.calibrator = Calibrator::kMinMax;
  const auto refusal = [&] {
    try {
      build_plan(path, options, nullptr);
    } catch (const BuildError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  save("x.npy", {2, 3}, {1, 2, 3, -4, -5, -6});
  mentions(refusal(), "b_c.npy: there is no such file");
  save("b_c.npy", {3, 3}, std::vector<float>(9, 10));
  mentions(refusal(), "give as many as the other inputs have");
  save("b_c.npy", {1, 3}, {10, 10, 10});  // one for all
  CHECK(refusal().empty());
  const TensorRanges ranges = ranges_of(read_calibration_cache(folder.path("cache")));
  CHECK(ranges.at("x").threshold == doctest::Approx(6));
  CHECK(ranges.at("b/c").threshold == doctest::Approx(10));
  CHECK(ranges.at("y").threshold == doctest::Approx(13));
  std::filesystem::remove(folder.path("cache"));
  options.calibration.samples = folder.path("samples/x.npy");
  mentions(refusal(), "give a folder with a file for each: x.npy, b_c.npy");
}

}  // namespace stint::builder
