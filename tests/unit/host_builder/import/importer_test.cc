#include "host_builder/import/importer.h"

#include <doctest/doctest.h>

#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

using namespace stint::builder;

namespace {

void store_outside(onnx::TensorProto& tensor, const std::string& file) {
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = tensor.add_external_data();
  entry->set_key("location");
  entry->set_value(file);
}

}  // namespace

TEST_CASE("a model's files are its own and those of its external tensors, wherever they hang") {
  ModelBuilder builder;
  onnx::ModelProto& model = builder.model();
  onnx::GraphProto& graph = *model.mutable_graph();
  store_outside(*graph.add_initializer(), "weights.bin");
  store_outside(*graph.add_initializer(), "weights.bin");
  graph.add_initializer();
  store_outside(*graph.add_node()->add_attribute()->mutable_t(), "sub/constant.bin");
  onnx::GraphProto& branch = *graph.add_node()->add_attribute()->mutable_g();
  store_outside(*branch.add_initializer(), "branch.bin");
  store_outside(*model.add_functions()->add_node()->add_attribute()->mutable_t(), "function.bin");
  const std::string bytes = builder.bytes();
  const stint::test::TemporaryFolder folder;
  const std::filesystem::path path = folder.write("m.onnx", bytes.data(), bytes.size());
  std::vector<std::filesystem::path> expected = {path};
  for (const char* name : {"branch.bin", "function.bin", "sub/constant.bin", "weights.bin"})
    expected.push_back(path.parent_path() / name);
  CHECK(files_of_model(path) == expected);
}

TEST_CASE("what is no model is alone") {
  const stint::test::TemporaryFolder folder;
  const std::filesystem::path path = folder.write("m.onnx", "no model", 8);
  CHECK(files_of_model(path) == std::vector<std::filesystem::path>{path});
  CHECK(files_of_model(folder.path("absent")).size() == 1);
}

TEST_CASE("a source of several files has one hash over them in their order, whatever their names") {
  const stint::test::TemporaryFolder folder;
  const auto source = [&](const char* first, const char* second, const std::string& weights) {
    return Source::of_file(folder.write(first, "topology", 8),
                           {folder.write(second, weights.data(), weights.size())});
  };
  const Source one = source("a", "b", "weights");
  CHECK(one.given().size() == 2);
  CHECK(one.digest() == source("z", "y", "weights").digest());
  CHECK(one.digest() != source("a", "b", "others!").digest());
  std::vector<std::byte> digests;
  for (const SourceFile& file : one.given()) {
    const auto bytes = std::as_bytes(std::span(file.digest));
    digests.insert(digests.end(), bytes.begin(), bytes.end());
  }
  CHECK(one.digest() == sha256(digests));
}
