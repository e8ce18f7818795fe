#include "host_builder/support/read_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "host_builder/support/error.h"

namespace stint::builder {

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status))
    throw BuildError(path.string() + ": is a folder; a file is needed");
  // A pipe or a device has no size, and reading it may never end.
  if (!std::filesystem::is_regular_file(status))
    throw BuildError(path.string() + ": " +
                     (error ? error.message() : "is a pipe or a device; give a regular file"));
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) throw BuildError(path.string() + ": cannot be opened: " + std::strerror(errno));
  std::vector<std::byte> bytes(static_cast<size_t>(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream) throw BuildError(path.string() + ": cannot be read to its end");
  return bytes;
}

}  // namespace stint::builder
