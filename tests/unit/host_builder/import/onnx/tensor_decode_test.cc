#include "host_builder/import/onnx/tensor_decode.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>

#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

using test::TemporaryFolder;

Source no_files = Source::of_bytes({});

TensorSource memory_source() { return {no_files, uint64_t{1} << 30}; }

std::string refusal(const onnx::TensorProto& tensor, TensorSource source) {
  try {
    decode_tensor(tensor, source);
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

onnx::TensorProto external_tensor(const std::string& location, const std::string& offset) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(2);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto add = [&](const char* key, const std::string& value) {
    auto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", location);
  add("offset", offset);
  add("length", "8");
  return tensor;
}

TEST_CASE("typed and raw data give the same bytes") {
  onnx::TensorProto typed, raw;
  for (auto* tensor : {&typed, &raw}) {
    tensor->set_data_type(onnx::TensorProto::INT16);
    tensor->add_dims(3);
  }
  const int16_t values[] = {-1, 300, -32768};
  for (int16_t v : values) typed.add_int32_data(v);
  raw.set_raw_data(values, sizeof(values));
  TensorSource source = memory_source();
  const HostTensor a = decode_tensor(typed, source), b = decode_tensor(raw, source);
  CHECK(a.dtype == DType::kI16);
  CHECK(a.data == b.data);
  CHECK(std::memcmp(a.data.data(), values, sizeof(values)) == 0);
  CHECK(source.bytes_left == memory_source().bytes_left - 2 * sizeof(values));
}

TEST_CASE("bool bytes become 0 or 1") {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::BOOL);
  tensor.add_dims(3);
  tensor.set_raw_data(std::string("\x00\x02\xff", 3));
  TensorSource source = memory_source();
  const HostTensor decoded = decode_tensor(tensor, source);
  CHECK(decoded.data == std::vector<std::byte>{std::byte{0}, std::byte{1}, std::byte{1}});
}

TEST_CASE("sizes that do not fit and foreign types are refused") {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(3);
  tensor.set_raw_data(std::string(8, '\0'));
  CHECK(refusal(tensor, memory_source()).find("needs 12 bytes, the file has 8") !=
        std::string::npos);
  CHECK(refusal(tensor, {no_files, 4}).find("limit for constants") != std::string::npos);
  tensor.set_dims(0, -3);
  CHECK(refusal(tensor, memory_source()).find("impossible") != std::string::npos);
  tensor.set_data_type(onnx::TensorProto::STRING);
  CHECK(refusal(tensor, memory_source()).find("string") != std::string::npos);
}

TEST_CASE("external data is read at its offset, within the file") {
  TemporaryFolder folder;
  const float values[] = {1.0f, 2.0f, 3.0f};
  std::ofstream(folder.root() / "weights.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(values), sizeof(values));
  std::ofstream(folder.root() / "model.onnx") << "its own bytes";
  Source files = Source::of_file(folder.root() / "model.onnx");
  TensorSource source{files, 1000};
  const HostTensor decoded = decode_tensor(external_tensor("weights.bin", "4"), source);
  CHECK(decoded.as<float>()[0] == 2.0f);
  CHECK(decoded.as<float>()[1] == 3.0f);
  CHECK(refusal(external_tensor("weights.bin", "8"), source).find("has 12 bytes") !=
        std::string::npos);
  CHECK(refusal(external_tensor("weights.bin", "18446744073709551615"), source)
            .find("has 12 bytes") != std::string::npos);
  CHECK(refusal(external_tensor("weights.bin", "-1"), source).find("not a number") !=
        std::string::npos);
  CHECK(refusal(external_tensor("weights.bin", "0"), memory_source()).find("from memory") !=
        std::string::npos);
}

}  // namespace
}  // namespace stint::builder
