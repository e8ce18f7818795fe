// One test of ONNX's backend suite: a model, its inputs and the outputs ONNX's reference gives.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/evaluate/evaluate.h"

namespace stint::conformance {

struct NodeTestCase {
  std::string name;  // of the folder
  std::filesystem::path folder;
  onnx::ModelProto model;
  std::vector<std::string> operators;  // distinct, sorted; domain-qualified unless standard
};

/// One folder test_data_set_N: tensors in the order of the model's inputs and outputs.
struct DataSet {
  std::vector<builder::HostTensor> inputs, outputs;
};

/// All tests below `root`, sorted by name.
std::vector<std::filesystem::path> find_tests(const std::filesystem::path& root);
NodeTestCase load_test(const std::filesystem::path& folder);
std::vector<std::filesystem::path> data_sets(const NodeTestCase& test);

/// Throws builder::BuildError for tensors that Stint has no type for (strings, sequences, 8-bit
/// floats...).
DataSet load_data_set(const std::filesystem::path& folder);

/// The model with some of its inputs turned into initializers, serialised. A static-shape compiler
/// needs the operands that decide a shape (Reshape's target, Slice's starts) at build time; these
/// tests give them as inputs.
std::string with_constant_inputs(const NodeTestCase& test, const std::filesystem::path& data_set,
                                 const std::vector<bool>& constant);

/// Empty if `found` is what is expected: same type and shape, integers exact, floats within rtol
/// 1e-3 and atol 1e-5. Rows of -1 at the end of NonMaxSuppression's static bound are dropped first
/// when `padded_rows`.
std::string difference(const builder::HostTensor& expected, builder::HostTensor found,
                       bool padded_rows);

}  // namespace stint::conformance
