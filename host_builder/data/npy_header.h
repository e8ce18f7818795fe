// The header of NumPy's .npy files (format 1 to 3, little-endian).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct NpyHeader {
  DType dtype = DType::kF32;
  Shape shape;
  bool first_axis_fastest = false;  // what numpy.save() writes of a transposed array
  uint64_t data_offset = 0;         // bytes from the beginning of the file to the first element
};

/// `begin`: the file's first bytes, its whole header among them. Throws BuildError, naming `path`,
/// for what is no .npy file and where the file's size is not what the header asks for.
NpyHeader parse_npy_header(std::span<const std::byte> begin, uint64_t file_bytes,
                           const std::filesystem::path& path);

/// "<f4"; null for a type that NumPy does not have.
const char* npy_descriptor(DType dtype);

}  // namespace stint::builder
