#include "host_builder/builder/builder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "core/include/stint/stint.hpp"
#include "host_builder/support/error.h"
#include "tests/support/aligned_bytes.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

using namespace stint;
using namespace stint::builder;

TEST_CASE("a target this builder cannot make is refused with what it can make") {
  BuildOptions options;
  options.targets = {"brick", "cpu", "toaster"};
  try {
    build_plan("model.onnx", options, nullptr);
    FAIL("no error");
  } catch (const UsageError& error) {
    const std::string text = error.what();
    CHECK(text.find("no target 'brick'") != std::string::npos);
    CHECK(text.find("no target 'toaster'; this builder knows: cpu") != std::string::npos);
  }
}

TEST_CASE("impossible batches and missing models are refused") {
  BuildOptions options;
  options.batches = {0};
  CHECK_THROWS_WITH_AS(build_plan("model.onnx", options, nullptr),
                       doctest::Contains("batch size 0"), UsageError);
  options.batches = {};
  CHECK_THROWS_AS(build_plan("model.onnx", options, nullptr), UsageError);
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

namespace {

std::string model_named(const std::string& graph_name) {
  ModelBuilder builder;
  builder.input("x", {1, 8}).output("y").node("Relu", {"x"}, {"y"});
  builder.model().mutable_graph()->set_name(graph_name);
  return builder.bytes();
}

std::string plan_name(const std::string& graph_name, const std::string& option) {
  const test::TemporaryFolder folder;
  const std::string model = model_named(graph_name);
  BuildOptions options;
  options.name = option;
  const std::vector<std::byte> plan =
      build_plan(folder.write("file.onnx", model.data(), model.size()), options, nullptr);
  const test::AlignedBytes aligned(plan.data(), plan.size());
  Plan opened;
  REQUIRE(ok(opened.open(aligned.data(), aligned.size())));
  return opened.name();
}

}  // namespace

TEST_CASE("two names of one model give the same plan") {
  const test::TemporaryFolder folder;
  const std::string model = model_named("net");
  BuildOptions options;
  const auto build = [&](const std::string& name) {
    return build_plan(folder.write(name, model.data(), model.size()), options, nullptr);
  };
  const std::vector<std::byte> plan = build("a.onnx");
  CHECK(plan == build("another name.bin"));
  options.name = "other";
  CHECK(plan != build("a.onnx"));
}

TEST_CASE("a plan is called what it is told, or what its graph is called") {
  CHECK(plan_name("main_graph", "") == "main_graph");
  CHECK(plan_name("torch_jit", "detector") == "detector");
  CHECK(plan_name("", "") == "model");
  CHECK(plan_name("gr\xC3\xBC"
                  "n",
                  "") ==
        "gr\xC3\xBC"
        "n");
  CHECK(plan_name("a\nb\xFF"
                  "c",
                  "") == "a_b_c");
  CHECK(plan_name(std::string("a\0b", 3), "") == "a_b");
  CHECK(plan_name(std::string(1000, 'n'), "") == std::string(kMaxPlanName, 'n'));
}
