// A folder that goes away with the test.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace stint::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "stint-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& root() const { return path_; }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

  /// Writes under a temporary name and renames, as builders do. Returns the path.
  std::string write(const std::string& name, const void* data, size_t size) const {
    const std::string to = path(name), part = to + ".part";
    std::ofstream(part, std::ios::binary)
        .write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    std::filesystem::rename(part, to);
    return to;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace stint::test
