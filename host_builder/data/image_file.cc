#include "host_builder/data/image_file.h"

#include <climits>

#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace stint::builder {

stint_image Picture::frame() const {
  stint_image image = STINT_IMAGE_INIT;
  image.planes[0] = rgb.data();
  image.strides[0] = static_cast<int32_t>(width * 3);
  image.width = width;
  image.height = height;
  image.format = STINT_FORMAT_RGB;
  image.range = STINT_RANGE_FULL;
  return image;
}

Picture read_picture(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_file(path);
  if (file.size() > INT_MAX) throw BuildError(path.string() + ": too large for a picture");
  int width = 0, height = 0, channels = 0;
  stbi_uc* pixels =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()),
                            static_cast<int>(file.size()), &width, &height, &channels, 3);
  if (pixels == nullptr) {
    throw BuildError(path.string() + ": not a readable picture (" + stbi_failure_reason() +
                     "); PNG, JPEG and BMP are known");
  }
  Picture picture;
  picture.width = static_cast<uint32_t>(width);
  picture.height = static_cast<uint32_t>(height);
  picture.rgb.assign(pixels, pixels + size_t{3} * picture.width * picture.height);
  stbi_image_free(pixels);
  return picture;
}

}  // namespace stint::builder
