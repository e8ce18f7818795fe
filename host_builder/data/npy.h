// NumPy's .npy files (format 1 to 3, little-endian, either order of axes; written: 1.0, C order).
#pragma once

#include <filesystem>

#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

/// Reads a tensor. Throws BuildError for anything but a whole, well-formed file.
HostTensor read_npy(const std::filesystem::path& path);

/// Writes a tensor through a temporary name. Throws BuildError.
void write_npy(const std::filesystem::path& path, const HostTensor& tensor);

}  // namespace stint::builder
