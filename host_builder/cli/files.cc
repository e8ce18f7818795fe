#include "host_builder/cli/files.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "host_builder/graph/error.h"

namespace stint::builder {

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path))
    throw BuildError(path.string() + ": is a folder; a file is needed");
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) throw BuildError(path.string() + ": cannot be opened: " + std::strerror(errno));
  std::vector<std::byte> bytes(static_cast<size_t>(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream) throw BuildError(path.string() + ": cannot be read to its end");
  return bytes;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  std::vector<std::string> lines(1);
  for (const std::byte b : bytes) {
    const char c = static_cast<char>(b);
    if (c == '\n') {
      lines.emplace_back();
    } else if (c != '\r') {
      lines.back() += c;
    }
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace stint::builder
