// A .npy file read in parts along its first axis, so that memory does not grow with the file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "host_builder/data/npy_header.h"

namespace stint::builder {

class NpyRows {
 public:
  /// Reads the header alone. Throws BuildError for what is no well-formed file, has no axis, or has
  /// its first axis as the fastest (a transposed array as numpy.save() writes it).
  explicit NpyRows(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  DType dtype() const { return header_.dtype; }
  size_t count() const { return static_cast<size_t>(header_.shape.front()); }
  Shape row_shape() const { return {header_.shape.begin() + 1, header_.shape.end()}; }
  size_t row_bytes() const { return row_bytes_; }

  /// Fills `to`, a whole number of rows, from row `first` on. Several threads may read at once.
  /// Throws BuildError if the file has become shorter.
  void read(size_t first, std::span<std::byte> to) const;

 private:
  std::filesystem::path path_;
  NpyHeader header_;
  size_t row_bytes_ = 0;
};

}  // namespace stint::builder
