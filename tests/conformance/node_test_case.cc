#include "tests/conformance/node_test_case.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "host_builder/graph/shape.h"
#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/network/scalar_bytes.h"
#include "host_builder/support/error.h"

namespace stint::conformance {
namespace {

using builder::BuildError;
using builder::HostTensor;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

HostTensor read_tensor(const std::filesystem::path& path) {
  onnx::TensorProto proto;
  if (!proto.ParseFromString(read_file(path)) || proto.data_type() == 0) {
    throw BuildError("a test tensor is not a plain tensor (sequence, optional or map)");
  }
  builder::Source none = builder::Source::of_bytes({});
  builder::TensorSource source{none, uint64_t{1} << 32};
  return builder::decode_tensor(proto, source);
}

std::vector<HostTensor> read_tensors(const std::filesystem::path& folder, const std::string& kind) {
  std::vector<HostTensor> tensors;
  for (size_t i = 0;; ++i) {
    const auto path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!std::filesystem::exists(path)) return tensors;
    tensors.push_back(read_tensor(path));
  }
}

void drop_unused_rows(HostTensor& tensor) {
  const int64_t columns = tensor.shape[1];
  while (tensor.shape[0] > 0 && tensor.as<int64_t>()[(tensor.shape[0] - 1) * columns] == -1) {
    tensor.shape[0] -= 1;
    tensor.data.resize(tensor.data.size() - static_cast<size_t>(columns) * sizeof(int64_t));
  }
}

bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16;
}

bool close(double expected, double found) {
  if (std::isnan(expected) || std::isnan(found)) return std::isnan(expected) && std::isnan(found);
  if (std::isinf(expected) || std::isinf(found)) return expected == found;
  return std::abs(expected - found) <= 1e-5 + 1e-3 * std::abs(expected);
}

}  // namespace

std::vector<std::filesystem::path> find_tests(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "model.onnx") tests.push_back(entry.path().parent_path());
  }
  std::sort(tests.begin(), tests.end(),
            [](const auto& a, const auto& b) { return a.filename() < b.filename(); });
  return tests;
}

NodeTestCase load_test(const std::filesystem::path& folder) {
  NodeTestCase test;
  test.name = folder.filename().string();
  test.folder = folder;
  test.model.ParseFromString(read_file(folder / "model.onnx"));
  std::set<std::string> operators;
  for (const auto& node : test.model.graph().node()) {
    operators.insert((node.domain().empty() ? "" : node.domain() + ".") + node.op_type());
  }
  test.operators.assign(operators.begin(), operators.end());
  return test;
}

std::vector<std::filesystem::path> data_sets(const NodeTestCase& test) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(test.folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

DataSet load_data_set(const std::filesystem::path& folder) {
  return {read_tensors(folder, "input"), read_tensors(folder, "output")};
}

std::string with_constant_inputs(const NodeTestCase& test, const std::filesystem::path& data_set,
                                 const std::vector<bool>& constant) {
  onnx::ModelProto model = test.model;
  for (size_t i = 0; i < constant.size(); ++i) {
    if (!constant[i]) continue;
    const auto path = "input_" + std::to_string(i) + ".pb";
    onnx::TensorProto& initializer = *model.mutable_graph()->add_initializer();
    initializer.ParseFromString(read_file(data_set / path));
    initializer.set_name(model.graph().input(static_cast<int>(i)).name());
  }
  return model.SerializeAsString();
}

std::string difference(const HostTensor& expected, HostTensor found, bool padded_rows) {
  if (padded_rows && found.dtype == DType::kI64 && found.shape.size() == 2) drop_unused_rows(found);
  if (found.dtype != expected.dtype) {
    return std::string("type ") + dtype_name(found.dtype) + ", expected " +
           dtype_name(expected.dtype);
  }
  if (found.shape != expected.shape) {
    return "shape " + builder::shape_text(found.shape) + ", expected " +
           builder::shape_text(expected.shape);
  }
  if (!is_float(expected.dtype)) return found.data == expected.data ? "" : "integers differ";
  const size_t bytes = dtype_bytes(expected.dtype);
  for (size_t at = 0; at < expected.data.size(); at += bytes) {
    const double e = builder::scalar_from_bytes(expected.dtype, expected.data.data() + at);
    const double f = builder::scalar_from_bytes(found.dtype, found.data.data() + at);
    if (close(e, f)) continue;
    return "element " + std::to_string(at / bytes) + " is " + std::to_string(f) + ", expected " +
           std::to_string(e);
  }
  return "";
}

}  // namespace stint::conformance
