#include "host_builder/import/onnx/tensor_decode.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "host_builder/graph/shape.h"
#include "host_builder/import/onnx/external_data.h"
#include "host_builder/network/findings.h"

namespace stint::builder {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX raw data is little-endian");

uint64_t parse_number(const std::string& text, const char* what) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) {
    throw Refusal(std::string("external data: ") + what + " '" + text + "' is not a number",
                  kCheckModel);
  }
  return number;
}

std::vector<std::byte> read_external(const onnx::TensorProto& tensor, uint64_t wanted,
                                     TensorSource& source) {
  std::string location;
  uint64_t offset = 0, length = wanted;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = parse_number(entry.value(), "offset");
    else if (entry.key() == "length")
      length = parse_number(entry.value(), "length");
  }
  if (length != wanted) {
    throw Refusal("external data has " + std::to_string(length) + " bytes, the tensor needs " +
                      std::to_string(wanted),
                  kCheckModel);
  }
  const SourceFile& file = load_external(source.files, location);
  const uint64_t size = file.bytes.size();
  if (offset > size || length > size - offset) {
    throw FileRefusal(location,
                      "has " + std::to_string(size) + " bytes, bytes " + std::to_string(offset) +
                          " to " + std::to_string(offset) + "+" + std::to_string(length) +
                          " are needed",
                      "copy the file again, whole, from where the model comes from");
  }
  const std::byte* data = file.bytes.data() + offset;
  return {data, data + length};
}

template <typename T, typename Field>
std::vector<std::byte> convert(const Field& field) {
  std::vector<std::byte> bytes(static_cast<size_t>(field.size()) * sizeof(T));
  for (int i = 0; i < field.size(); ++i) {
    const T element = static_cast<T>(field[i]);
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof(T), &element, sizeof(T));
  }
  return bytes;
}

std::vector<std::byte> typed_data(const onnx::TensorProto& tensor, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return convert<float>(tensor.float_data());
    case DType::kF64:
      return convert<double>(tensor.double_data());
    case DType::kI64:
      return convert<int64_t>(tensor.int64_data());
    case DType::kU32:
      return convert<uint32_t>(tensor.uint64_data());
    case DType::kU64:
      return convert<uint64_t>(tensor.uint64_data());
    case DType::kI32:
      return convert<int32_t>(tensor.int32_data());
    case DType::kI16:
      return convert<int16_t>(tensor.int32_data());
    case DType::kI8:
      return convert<int8_t>(tensor.int32_data());
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16:
      return convert<uint16_t>(tensor.int32_data());
    case DType::kU8:
    case DType::kBool:
      return convert<uint8_t>(tensor.int32_data());
  }
  return {};
}

}  // namespace

std::optional<DType> dtype_from_onnx(int32_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT:
      return DType::kF32;
    case onnx::TensorProto::UINT8:
      return DType::kU8;
    case onnx::TensorProto::INT8:
      return DType::kI8;
    case onnx::TensorProto::UINT16:
      return DType::kU16;
    case onnx::TensorProto::INT16:
      return DType::kI16;
    case onnx::TensorProto::INT32:
      return DType::kI32;
    case onnx::TensorProto::INT64:
      return DType::kI64;
    case onnx::TensorProto::BOOL:
      return DType::kBool;
    case onnx::TensorProto::FLOAT16:
      return DType::kF16;
    case onnx::TensorProto::DOUBLE:
      return DType::kF64;
    case onnx::TensorProto::UINT32:
      return DType::kU32;
    case onnx::TensorProto::UINT64:
      return DType::kU64;
    case onnx::TensorProto::BFLOAT16:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

std::string onnx_type_name(int32_t data_type) {
  // Numbers newer than the installed schema are named here.
  static constexpr const char* kNames[] = {
      "undefined",      "float",    "uint8",        "int8",           "uint16",
      "int16",          "int32",    "int64",        "string",         "bool",
      "float16",        "double",   "uint32",       "uint64",         "complex64",
      "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0",
      "uint2",          "int2"};
  if (data_type >= 0 && data_type < static_cast<int32_t>(std::size(kNames)))
    return kNames[data_type];
  return "data type " + std::to_string(data_type);
}

HostTensor decode_tensor(const onnx::TensorProto& tensor, TensorSource& source) {
  const auto dtype = dtype_from_onnx(tensor.data_type());
  if (!dtype)
    throw Refusal("tensors of type " + onnx_type_name(tensor.data_type()) + " are not supported",
                  "export the model with float32 or integer tensors");
  if (tensor.has_segment())
    throw Refusal("segmented tensors are not supported", "store the tensor in one piece");
  HostTensor result;
  result.dtype = *dtype;
  result.shape.assign(tensor.dims().begin(), tensor.dims().end());
  if (result.shape.size() > static_cast<size_t>(kMaxRank)) {
    throw Refusal("a tensor has " + std::to_string(result.shape.size()) + " axes, at most " +
                      std::to_string(kMaxRank) + " are supported",
                  "reshape it to fewer axes in the model");
  }
  const auto elements = checked_elements(result.shape);
  if (!elements)
    throw Refusal("a tensor's dimensions " + shape_text(result.shape) + " are impossible",
                  kCheckModel);
  const uint64_t wanted = static_cast<uint64_t>(*elements) * dtype_bytes(*dtype);
  if (wanted > source.bytes_left) {
    throw Refusal("a tensor " + shape_text(result.shape) + " exceeds the limit for constants (" +
                      std::to_string(source.bytes_left) + " bytes left)",
                  "reduce the model's weights, or split it into several models");
  }
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    result.data = read_external(tensor, wanted, source);
  } else if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    const auto* data = reinterpret_cast<const std::byte*>(raw.data());
    result.data.assign(data, data + raw.size());
  } else {
    result.data = typed_data(tensor, *dtype);
  }
  if (result.data.size() != wanted) {
    throw Refusal("a " + std::string(dtype_name(*dtype)) + " tensor " + shape_text(result.shape) +
                      " needs " + std::to_string(wanted) + " bytes, the file has " +
                      std::to_string(result.data.size()),
                  kCheckModel);
  }
  if (*dtype == DType::kBool) {
    for (std::byte& b : result.data) b = std::byte{b != std::byte{0}};
  }
  source.bytes_left -= wanted;
  return result;
}

}  // namespace stint::builder
