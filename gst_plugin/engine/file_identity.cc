#include "gst_plugin/engine/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "plan_schema/checksum.h"

namespace stint::gst {
namespace {

Problem cannot_read(const std::string& path, int error) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  return {missing ? Problem::Kind::kNotFound : Problem::Kind::kUnreadable,
          missing ? "there is no plan file " + path : "the plan file " + path + " cannot be read",
          std::strerror(error), "a plan made by `stint build`",
          "stint build MODEL.onnx --target cpu -o " + path};
}

class File {
 public:
  explicit File(const std::string& path) : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

Problem identify_file(const std::string& path, FileIdentity* identity) {
  const File file(path);
  struct stat info = {};
  if (file.number() < 0 || ::fstat(file.number(), &info) != 0) return cannot_read(path, errno);
  if (S_ISDIR(info.st_mode)) return cannot_read(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return cannot_read(path, EINVAL);

  uint64_t checksum = 0;
  std::vector<char> chunk(256 * 1024);
  while (true) {
    const ssize_t got = ::read(file.number(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) break;
    checksum =
        checksum * 0x9E3779B97F4A7C15ull +  // 2^64 / golden ratio: the order of chunks counts
        checksum64(chunk.data(), static_cast<uint64_t>(got));
  }
  *identity = {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino),
               static_cast<uint64_t>(info.st_size),
               int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, checksum};
  return {};
}

}  // namespace stint::gst
