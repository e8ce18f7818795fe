// Picture files (PNG, JPEG, BMP) as RGB frames.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/include/stint/stint.h"

namespace stint::builder {

struct Picture {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> rgb;  // dense rows, 3 bytes a pixel

  /// A frame over these pixels, valid as long as the picture.
  stint_image frame() const;
};

/// Throws BuildError for a file that is missing or not a picture.
Picture read_picture(const std::filesystem::path& path);

}  // namespace stint::builder
