#include "host_builder/builder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "host_builder/graph/error.h"

using namespace stint::builder;

TEST_CASE("a target this builder cannot make is refused with what it can make") {
  BuildOptions options;
  options.targets = {"brick", "cpu", "toaster"};
  try {
    build_plan("model.onnx", options, nullptr);
    FAIL("no error");
  } catch (const BuildError& error) {
    const std::string text = error.what();
    CHECK(text.find("no target 'brick'") != std::string::npos);
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

TEST_CASE("a model becomes the same plan twice, with one program per batch") {
  const char* data = std::getenv("STINT_DATA");
  if (data == nullptr) {
    MESSAGE("skipped: STINT_DATA is not set");
    return;
  }
  const std::filesystem::path model =
      std::filesystem::path(data) / "superres_espcn" / "super_resolution.onnx";
  BuildOptions options;
  options.batches = {2, 1, 2};
  std::vector<double> fractions;
  options.progress = [&](const std::string&, double fraction) { fractions.push_back(fraction); };
  BuildReport report;
  const std::vector<std::byte> first = build_plan(model, options, &report);
  CHECK(first == build_plan(model, options, nullptr));
  REQUIRE(report.programs.size() == 2);
  CHECK(report.programs[0].batch == 1);
  CHECK(report.programs[1].batch == 2);
  CHECK(report.plan_bytes == first.size());
  for (const ProgramReport& program : report.programs) {
    CHECK(program.steps > 0);
    CHECK(program.peak_bytes <= program.lower_bound * 105 / 100);
  }
  CHECK(std::is_sorted(fractions.begin(),
                       fractions.begin() + static_cast<std::ptrdiff_t>(fractions.size() / 2)));
  CHECK(fractions.back() == 1.0);
}
