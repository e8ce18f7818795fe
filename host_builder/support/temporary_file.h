// A file under a temporary name that never outlives the work, however the work ends.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace stint::builder {

/// Makes a file in a folder; it is gone with this object unless it was given its real name.
/// Functions that return bool leave the reason in errno.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& folder);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  bool write_all(const std::vector<std::byte>& bytes);
  /// With the rights of a file that it is to replace, so that who could read that can read this.
  bool take_mode_of(const std::filesystem::path& path);
  bool sync();
  bool rename_to(const std::filesystem::path& path);

 private:
  void forget();

  std::string name_;
  size_t slot_ = 0;
  int fd_ = -1;
};

/// From now on SIGINT, SIGTERM, SIGHUP and SIGPIPE remove the temporary files there are before they
/// end the process as usual (those that are ignored stay so), and a file beyond the size limit
/// (ulimit -f) is a failed write instead of the end. For programs; a library leaves signals alone.
void remove_temporary_files_on_signals();

}  // namespace stint::builder
