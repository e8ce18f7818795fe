#include "host_builder/data/npy_rows.h"

#include <fstream>
#include <system_error>
#include <vector>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

/// Longer than any header that NumPy writes for a plain array.
constexpr size_t kMostHeaderBytes = size_t{1} << 16;

}  // namespace

NpyRows::NpyRows(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw BuildError(path.string() + ": there is no regular file of that name; give a .npy file");
  const uint64_t bytes = std::filesystem::file_size(path, error);
  std::vector<std::byte> begin(std::min<uint64_t>(error ? 0 : bytes, kMostHeaderBytes));
  std::ifstream file(path, std::ios::binary);
  if (error ||
      !file.read(reinterpret_cast<char*>(begin.data()), static_cast<std::streamsize>(begin.size())))
    throw BuildError(path.string() + ": the file cannot be read; check its rights");
  header_ = parse_npy_header(begin, bytes, path);
  if (header_.shape.empty())
    throw BuildError(path.string() +
                     ": it holds one number; an array is needed whose first axis counts samples");
  if (header_.first_axis_fastest)
    throw BuildError(path.string() +
                     ": its samples lie interleaved (Fortran order); write "
                     "numpy.ascontiguousarray(array)");
  row_bytes_ = dtype_bytes(header_.dtype);
  for (const int64_t extent : row_shape()) row_bytes_ *= static_cast<size_t>(extent);
}

void NpyRows::read(size_t first, std::span<std::byte> to) const {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(header_.data_offset + first * row_bytes_));
  if (!file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size())))
    throw BuildError(path_.string() + ": row " + std::to_string(first) +
                     " cannot be read; the file must not change while it is used");
}

}  // namespace stint::builder
