#include "host_builder/emit/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host_builder/graph/error.h"

namespace stint::builder {
namespace {

/// A file descriptor and the temporary name behind it; both are gone when this is.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string pattern)
      : name_(std::move(pattern)), fd_(mkostemp(name_.data(), O_CLOEXEC)) {}
  ~TemporaryFile() {
    if (fd_ >= 0) close(fd_);
    if (fd_ >= 0 && !renamed_) unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool is_open() const { return fd_ >= 0; }

  bool write_all(const std::vector<std::byte>& bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = write(fd_, bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  }

  /// mkostemp gives owner-only rights; a plan gets what any new file would.
  bool set_usual_mode() {
    const mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd_, 0666 & ~mask) == 0;
  }

  bool sync() { return fsync(fd_) == 0; }

  bool rename_to(const std::string& path) {
    renamed_ = std::rename(name_.c_str(), path.c_str()) == 0;
    return renamed_;
  }

 private:
  std::string name_;
  int fd_;
  bool renamed_ = false;
};

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw BuildError("cannot write " + path + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  const std::string name = path.string();
  if (path.filename().empty() || std::filesystem::is_directory(path)) {
    throw BuildError("cannot write " + name + ": it is a folder; give the name of a file");
  }
  TemporaryFile file(name + ".XXXXXX");
  if (!file.is_open()) fail(name, "no file can be made in that folder");
  if (!file.write_all(bytes) || !file.set_usual_mode() || !file.sync())
    fail(name, "writing failed");
  if (!file.rename_to(name)) fail(name, "the finished file cannot be given its name");
}

}  // namespace stint::builder
