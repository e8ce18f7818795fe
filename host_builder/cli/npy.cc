#include "host_builder/cli/npy.h"

#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "host_builder/builder/builder.h"
#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {
namespace {

constexpr std::array<std::pair<DType, const char*>, 12> kDescriptors{{
    {DType::kF32, "<f4"},
    {DType::kF64, "<f8"},
    {DType::kF16, "<f2"},
    {DType::kI8, "|i1"},
    {DType::kU8, "|u1"},
    {DType::kI16, "<i2"},
    {DType::kU16, "<u2"},
    {DType::kI32, "<i4"},
    {DType::kU32, "<u4"},
    {DType::kI64, "<i8"},
    {DType::kU64, "<u8"},
    {DType::kBool, "|b1"},
}};

// The text between the quotes or brackets that follow `key` in the header's Python dictionary.
std::string field(const std::string& header, const std::string& key, char open, char close) {
  const size_t at = header.find("'" + key + "'");
  if (at == std::string::npos) return {};
  const size_t colon = header.find(':', at);
  const size_t begin = colon == std::string::npos ? colon : header.find(open, colon);
  const size_t end = begin == std::string::npos ? begin : header.find(close, begin + 1);
  if (end == std::string::npos) return {};
  return header.substr(begin + 1, end - begin - 1);
}

/// Of data whose first axis is the fastest: what numpy.save() writes of a transposed array.
std::vector<std::byte> last_axis_fastest(const std::byte* data, const Shape& shape,
                                         size_t element_bytes) {
  std::vector<size_t> strides(shape.size());  // elements, in `data`
  size_t elements = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = elements;
    elements *= static_cast<size_t>(shape[axis]);
  }
  std::vector<std::byte> result(elements * element_bytes);
  std::vector<int64_t> index(shape.size(), 0);
  size_t from = 0;
  for (size_t i = 0; i < elements; ++i) {
    std::memcpy(result.data() + i * element_bytes, data + from * element_bytes, element_bytes);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * static_cast<size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

HostTensor read_npy(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_file(path);
  const auto fail = [&](const std::string& why) -> BuildError {
    return BuildError(path.string() + ": " + why + "; write it with numpy.save()");
  };
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  if (file.size() < 10 || std::memcmp(bytes, "\x93NUMPY", 6) != 0) throw fail("not a .npy file");
  const unsigned major = bytes[6];
  if (major < 1 || major > 3) throw fail("unknown .npy version " + std::to_string(major));
  const size_t prefix = major == 1 ? 10 : 12;
  if (file.size() < prefix) throw fail("truncated header");
  size_t header_bytes = bytes[8] | (bytes[9] << 8);
  if (major != 1) header_bytes |= (size_t{bytes[10]} << 16) | (size_t{bytes[11]} << 24);
  if (header_bytes > file.size() - prefix) throw fail("truncated header");
  const std::string header(reinterpret_cast<const char*>(bytes) + prefix, header_bytes);

  HostTensor tensor;
  const std::string descriptor = field(header, "descr", '\'', '\'');
  bool known = false;
  for (const auto& [dtype, text] : kDescriptors) {
    if (descriptor == text) {
      tensor.dtype = dtype;
      known = true;
    }
  }
  if (!known && !descriptor.empty() && descriptor[0] == '>') {
    throw BuildError(path.string() +
                     ": its elements are big-endian; write array.astype(array.dtype."
                     "newbyteorder('<'))");
  }
  if (!known) {
    throw BuildError(path.string() + ": elements of type '" + descriptor +
                     "' are not known; write array.astype() of a number type");
  }
  size_t elements = 1;
  const std::string shape = field(header, "shape", '(', ')');
  for (size_t i = 0; i < shape.size();) {
    if (std::isdigit(static_cast<unsigned char>(shape[i])) == 0) {
      ++i;
      continue;
    }
    uint64_t extent = 0;
    for (; i < shape.size() && std::isdigit(static_cast<unsigned char>(shape[i])) != 0; ++i) {
      extent = extent * 10 + static_cast<uint64_t>(shape[i] - '0');
      if (extent > (uint64_t{1} << 40)) throw fail("an axis of the shape is too long");
    }
    tensor.shape.push_back(static_cast<int64_t>(extent));
    if (__builtin_mul_overflow(elements, extent, &elements)) throw fail("the shape is too large");
  }
  const size_t have = file.size() - prefix - header_bytes;
  size_t need = 0;
  if (__builtin_mul_overflow(elements, size_t{dtype_bytes(tensor.dtype)}, &need) || need != have) {
    throw fail("the shape needs " + std::to_string(need) + " bytes, the file holds " +
               std::to_string(have));
  }
  const std::byte* data = file.data() + (file.size() - have);
  if (header.find("'fortran_order': True") != std::string::npos)
    tensor.data = last_axis_fastest(data, tensor.shape, dtype_bytes(tensor.dtype));
  else
    tensor.data.assign(data, data + have);
  return tensor;
}

void write_npy(const std::filesystem::path& path, const HostTensor& tensor) {
  const char* descriptor = nullptr;
  for (const auto& [dtype, text] : kDescriptors) {
    if (dtype == tensor.dtype) descriptor = text;
  }
  if (descriptor == nullptr) {
    throw BuildError(path.string() + ": numpy has no element type for " + dtype_name(tensor.dtype));
  }
  std::string header =
      std::string("{'descr': '") + descriptor + "', 'fortran_order': False, 'shape': (";
  for (const int64_t extent : tensor.shape) header += std::to_string(extent) + ",";
  header += "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::vector<std::byte> bytes(10 + header.size() + tensor.data.size());
  std::memcpy(bytes.data(), "\x93NUMPY\x01\x00", 8);
  bytes[8] = static_cast<std::byte>(header.size() & 0xFF);
  bytes[9] = static_cast<std::byte>(header.size() >> 8);
  std::memcpy(bytes.data() + 10, header.data(), header.size());
  if (!tensor.data.empty())
    std::memcpy(bytes.data() + 10 + header.size(), tensor.data.data(), tensor.data.size());
  write_file_atomically(path, bytes);
}

}  // namespace stint::builder
