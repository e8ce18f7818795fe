#include "host_builder/support/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host_builder/support/error.h"
#include "host_builder/support/output_file.h"
#include "host_builder/support/temporary_file.h"

namespace stint::builder {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, const char* remedy) {
  throw BuildError("cannot write " + path.string() + ": " + what + ": " + std::strerror(errno) +
                   "; " + remedy);
}

/// So that the new name, too, outlives a loss of power. Where a folder cannot be opened or synced,
/// the file is there all the same.
void sync_folder(const std::filesystem::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  check_output(path);
  const std::filesystem::path target = follow_links(path);
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  TemporaryFile file(folder);
  if (!file.is_open()) fail(path, "no file can be made in that folder", "choose another folder");
  if (!file.take_mode_of(target) || !file.write_all(bytes) || !file.sync())
    fail(path, "writing failed", "make room there, or choose another folder");
  if (!file.rename_to(target))
    fail(path, "the finished file cannot be given its name", "choose another file name");
  sync_folder(folder);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  write_file_atomically(path, std::vector<std::byte>(begin, begin + text.size()));
}

}  // namespace stint::builder
