#include "host_builder/builder.h"

#include <doctest/doctest.h>

#include "host_builder/graph/error.h"

using namespace stint::builder;

TEST_CASE("a target this builder cannot make is refused with what it can make") {
  BuildOptions options;
  options.targets = {"orin", "toaster"};
  try {
    build_plan("model.onnx", options, nullptr);
    FAIL("no error");
  } catch (const BuildError& error) {
    const std::string text = error.what();
    CHECK(text.find("target 'orin' is a GPU") != std::string::npos);
    CHECK(text.find("no target 'toaster'; this builder knows: cpu") != std::string::npos);
  }
}

TEST_CASE("impossible batches and missing models are refused") {
  BuildOptions options;
  options.batches = {0};
  CHECK_THROWS_WITH_AS(build_plan("model.onnx", options, nullptr),
                       doctest::Contains("batch size 0"), BuildError);
  options.batches = {};
  CHECK_THROWS_AS(build_plan("model.onnx", options, nullptr), BuildError);
  options.batches = {1};
  CHECK_THROWS_WITH_AS(build_plan("/nowhere/model.onnx", options, nullptr),
                       doctest::Contains("/nowhere/model.onnx"), BuildError);
}
