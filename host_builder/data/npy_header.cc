#include "host_builder/data/npy_header.h"

#include <array>
#include <cctype>
#include <cstring>
#include <string>
#include <utility>

#include "host_builder/support/error.h"

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

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> begin, uint64_t file_bytes,
                           const std::filesystem::path& path) {
  const auto fail = [&](const std::string& why) -> BuildError {
    return BuildError(path.string() + ": " + why + "; write it with numpy.save()");
  };
  const auto* bytes = reinterpret_cast<const unsigned char*>(begin.data());
  if (begin.size() < 10 || std::memcmp(bytes, "\x93NUMPY", 6) != 0) throw fail("not a .npy file");
  const unsigned major = bytes[6];
  if (major < 1 || major > 3) throw fail("unknown .npy version " + std::to_string(major));
  const size_t prefix = major == 1 ? 10 : 12;
  if (begin.size() < prefix) throw fail("truncated header");
  size_t header_bytes = bytes[8] | (bytes[9] << 8);
  if (major != 1) header_bytes |= (size_t{bytes[10]} << 16) | (size_t{bytes[11]} << 24);
  if (header_bytes > begin.size() - prefix) throw fail("truncated header");
  const std::string header(reinterpret_cast<const char*>(bytes) + prefix, header_bytes);

  NpyHeader npy;
  const std::string descriptor = field(header, "descr", '\'', '\'');
  bool known = false;
  for (const auto& [dtype, text] : kDescriptors) {
    if (descriptor == text) {
      npy.dtype = dtype;
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
    npy.shape.push_back(static_cast<int64_t>(extent));
    if (__builtin_mul_overflow(elements, extent, &elements)) throw fail("the shape is too large");
  }
  npy.data_offset = prefix + header_bytes;
  const uint64_t have = file_bytes - npy.data_offset;
  uint64_t need = 0;
  if (__builtin_mul_overflow(elements, uint64_t{dtype_bytes(npy.dtype)}, &need) || need != have) {
    throw fail("the shape needs " + std::to_string(need) + " bytes, the file holds " +
               std::to_string(have));
  }
  npy.first_axis_fastest = header.find("'fortran_order': True") != std::string::npos;
  return npy;
}

const char* npy_descriptor(DType dtype) {
  for (const auto& [known, text] : kDescriptors)
    if (known == dtype) return text;
  return nullptr;
}

}  // namespace stint::builder
