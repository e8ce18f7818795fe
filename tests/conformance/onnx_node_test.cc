// ONNX's own backend tests, through import, passes, plan and runtime: on the cpu target, or with
// STINT_DEVICE=cuda on the first GPU (run_model.h).
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "host_builder/support/refusal.h"
#include "tests/conformance/node_test_case.h"
#include "tests/conformance/report.h"
#include "tests/conformance/run_model.h"

namespace stint::conformance {
namespace {

using builder::BuildError;
using builder::HostTensor;

/// Operands that decide shapes are integers, or single numbers such as Resize's scales and Clip's
/// bounds.
bool may_decide_a_shape(const HostTensor& tensor) {
  const bool integer = tensor.dtype == DType::kI64 || tensor.dtype == DType::kI32;
  return tensor.shape.size() <= 1 && (integer || tensor.data.size() <= 16 * sizeof(float));
}

/// Which inputs are fixed at build time, from none to all.
std::vector<std::vector<bool>> attempts(const DataSet& data) {
  std::vector<bool> none(data.inputs.size(), false), small = none, rest(data.inputs.size(), true);
  for (size_t i = 0; i < data.inputs.size(); ++i) small[i] = may_decide_a_shape(data.inputs[i]);
  if (!rest.empty()) rest[0] = false;
  const std::vector<bool> all(data.inputs.size(), true);
  std::vector<std::vector<bool>> list{none};
  for (const auto& next : {small, rest, all}) {
    if (next != list.back() && next != none) list.push_back(next);
  }
  return list;
}

/// Runs every data set; empty if all outputs agree.
std::string run_attempt(const Device& device, const NodeTestCase& test,
                        const std::vector<bool>& constant, const std::filesystem::path& scratch) {
  const bool padded_rows = test.operators == std::vector<std::string>{"NonMaxSuppression"};
  for (const auto& folder : data_sets(test)) {
    const DataSet data = load_data_set(folder);
    const std::filesystem::path model = scratch / "model.onnx";
    std::ofstream(model, std::ios::binary) << with_constant_inputs(test, folder, constant);
    std::vector<const HostTensor*> inputs;
    for (size_t i = 0; i < data.inputs.size(); ++i) {
      if (!constant[i]) inputs.push_back(&data.inputs[i]);
    }
    const std::vector<HostTensor> outputs = run_model(device, model, inputs);
    if (!device.runs) continue;
    if (outputs.size() != data.outputs.size())
      return "has " + std::to_string(outputs.size()) + " outputs";
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string text = difference(data.outputs[i], outputs[i], padded_rows);
      if (!text.empty()) return "output " + std::to_string(i) + ": " + text;
    }
  }
  return "";
}

/// Tests whose values are not meant to be met, and why.
const char* meant_deviation(const std::string& test) {
  static const std::map<std::string, const char*> deviations = [] {
    const char* corners =
        "align_corners with a scale that gives no whole extent: PyTorch, TensorRT and onnxruntime "
        "align the corners of the integer extents, the test those of the fractional length";
    return std::map<std::string, const char*>{
        {"test_resize_downsample_scales_linear_align_corners", corners},
        {"test_resize_downsample_scales_cubic_align_corners", corners}};
  }();
  const auto found = deviations.find(test);
  return found == deviations.end() ? nullptr : found->second;
}

/// The operator a test is about: its only one, or for a composition what the name says.
std::string group_of(const NodeTestCase& test) {
  if (test.operators.size() == 1) return test.operators[0];
  return test.name.find("_expanded") != std::string::npos ? "(functions expanded)"
                                                          : "(several operators)";
}

/// Why a model whose inputs or outputs are not tensors is outside of what these tests can feed;
/// else empty.
std::string untyped_interface(const NodeTestCase& test) {
  const auto& graph = test.model.graph();
  auto is_tensor = [](const onnx::ValueInfoProto& value) { return value.type().has_tensor_type(); };
  const bool tensors = std::all_of(graph.input().begin(), graph.input().end(), is_tensor) &&
                       std::all_of(graph.output().begin(), graph.output().end(), is_tensor);
  return tensors ? "" : "sequences, optionals and maps are not tensors";
}

Result run_test(const Device& device, const std::filesystem::path& folder,
                const std::filesystem::path& scratch) {
  const NodeTestCase test = load_test(folder);
  Result result{test.name, group_of(test), Outcome::kRefused, ""};
  if (const std::string reason = untyped_interface(test); !reason.empty()) {
    result.reason = reason;
    return result;
  }
  std::vector<std::vector<bool>> choices;
  try {
    choices = attempts(load_data_set(data_sets(test).front()));
  } catch (const BuildError& error) {
    result.reason = short_reason(error.what());
  }
  for (size_t i = 0; i < choices.size(); ++i) {
    try {
      const std::string wrong = run_attempt(device, test, choices[i], scratch);
      const bool folded =
          std::find(choices[i].begin(), choices[i].end(), false) == choices[i].end();
      const bool meant = meant_deviation(test.name) != nullptr;
      result.outcome = !wrong.empty() ? (meant ? Outcome::kDeviates : Outcome::kWrong)
                       : i == 0       ? Outcome::kPassed
                       : folded       ? Outcome::kFolded
                                      : Outcome::kPassedWithConstants;
      if (result.outcome != Outcome::kFolded) result.reason = wrong;
      if (result.outcome == Outcome::kDeviates) result.reason = meant_deviation(test.name);
      return result;
    } catch (const BuildError& error) {
      result.reason = short_reason(error.what());  // of the last attempt, which knows most
      result.by_importer =
          std::string_view(error.what()).rfind("the ONNX model cannot be built:", 0) == 0;
    }
  }
  return result;
}

/// All tests, in order. Building for a GPU takes its compiler's time: as many models at once as
/// there are processors.
std::vector<Result> run_tests(const Device& device,
                              const std::vector<std::filesystem::path>& folders,
                              const std::filesystem::path& scratch) {
  std::vector<Result> results(folders.size());
  std::atomic<size_t> next{0};
  const unsigned workers = device.on_gpu ? std::max(1u, std::thread::hardware_concurrency()) : 1;
  const auto work = [&](unsigned worker) {
    const auto own = scratch / std::to_string(worker);
    std::filesystem::create_directories(own);
    for (size_t i = next++; i < folders.size(); i = next++)
      results[i] = run_test(device, folders[i], own);
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < workers; ++i) helpers.emplace_back(work, i);
  work(0);
  for (std::thread& helper : helpers) helper.join();
  return results;
}

TEST_CASE("ONNX node tests pass or are refused for a listed reason") {
  const char* root = std::getenv("STINT_NODE_TESTS");
  if (!root || !std::filesystem::is_directory(root)) {
    MESSAGE(
        "skipped: STINT_NODE_TESTS is not a folder with the unpacked ONNX backend tests (CTest "
        "unpacks them from STINT_DATA)");
    return;
  }
  const char* filter = std::getenv("STINT_NODE_TEST_FILTER");
  const auto scratch =
      std::filesystem::temp_directory_path() / ("stint_conformance_" + std::to_string(::getpid()));
  std::filesystem::create_directories(scratch);
  std::vector<std::filesystem::path> folders;
  for (const auto& folder : find_tests(root)) {
    if (filter && folder.filename().string().find(filter) == std::string::npos) continue;
    folders.push_back(folder);
  }
  const Device device = device_from_environment();
  const std::vector<Result> results = run_tests(device, folders, scratch);
  std::filesystem::remove_all(scratch);
  std::cout << table(results);
  if (const char* path = std::getenv("STINT_WRITE_EXPECTATIONS"))
    write_expected_refusals(path, results);
  const char* list = std::getenv("STINT_EXPECTED_REFUSALS");  // where the sources are not
  const auto expected = read_reasons(list == nullptr ? STINT_EXPECTED_REFUSALS : list);
  REQUIRE(!results.empty());
  for (const Result& r : results) {
    CAPTURE(r.test);
    CAPTURE(r.reason);
    CHECK(r.outcome != Outcome::kWrong);
    const auto listed = expected.find(r.test);
    const bool as_folded = listed != expected.end() && listed->second.rfind(kFoldedMark, 0) == 0;
    if (r.outcome == Outcome::kRefused) CHECK((listed != expected.end() && !as_folded));
    if (r.outcome == Outcome::kFolded) CHECK(as_folded);
    // What is meant to deviate and does not is a slip too.
    if (device.runs && meant_deviation(r.test) != nullptr) CHECK(r.outcome == Outcome::kDeviates);
    if (r.by_importer && r.outcome == Outcome::kRefused) CHECK(builder::ends_with_action(r.reason));
  }
}

}  // namespace
}  // namespace stint::conformance
