#include "host_builder/support/output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw BuildError("cannot write " + path.string() + ": " + why);
}

/// What a thing that is neither file nor folder is.
const char* kind_of(fs::file_type type) {
  switch (type) {
    case fs::file_type::fifo:
      return "a pipe";
    case fs::file_type::socket:
      return "a socket";
    case fs::file_type::block:
    case fs::file_type::character:
      return "a device";
    default:
      return "no regular file";
  }
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  // Neither need be there yet: a tactic file that is to be made.
  const fs::path left = follow_links(a), right = follow_links(b);
  return left.filename() == right.filename() &&
         fs::equivalent(folder_of(left), folder_of(right), error);
}

/// Replaced under its name, the file would lose what the shell lets other commands write there.
bool is_standard_stream(const fs::path& path) {
  struct stat file = {}, stream = {};
  if (stat(path.c_str(), &file) != 0) return false;
  for (const int number : {STDOUT_FILENO, STDERR_FILENO}) {
    if (fstat(number, &stream) == 0 && S_ISREG(stream.st_mode) && stream.st_dev == file.st_dev &&
        stream.st_ino == file.st_ino)
      return true;
  }
  return false;
}

void check_folder(const fs::path& path, const fs::path& target) {
  const fs::path folder = folder_of(target);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    refuse(path, "there is no folder " + folder.string() +
                     "; make it first, or give the name of a file in another one");
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(path, "no file can be made in the folder " + folder.string() + ": " +
                     std::strerror(errno) + "; give the name of a file in another one");
  }
}

}  // namespace

fs::path follow_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as many as Linux follows
  fs::path target = path;
  std::error_code error;
  for (int i = 0; fs::is_symlink(fs::symlink_status(target, error)); ++i) {
    if (i == kMostLinks)
      refuse(path, "its links never end; remove them, or give another file name");
    const fs::path next = fs::read_symlink(target, error);
    if (error) refuse(path, "its link cannot be read: " + error.message() + "; remove the link");
    target = next.is_absolute() ? next : folder_of(target) / next;
  }
  return target;
}

void check_output(const fs::path& path, const std::vector<InputFile>& inputs) {
  if (path.empty()) throw BuildError("cannot write a file without a name; give the name of a file");
  const fs::path target = follow_links(path);
  std::error_code error;
  // Of what opening the path would reach: links of /proc lead where no name does.
  const fs::file_status status = fs::status(path, error);
  if (path.filename().empty() || target.filename().empty() || fs::is_directory(status))
    refuse(path, "it is a folder; give the name of a file");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    refuse(path, std::string("it is ") + kind_of(status.type()) +
                     ", and only regular files are replaced; give another file name");
  }
  // What has lost its name, or never had one, cannot be replaced under it.
  if (fs::exists(status) && !fs::equivalent(path, target, error))
    refuse(path, "it leads to an open file without a name; give the name of a file");
  if (is_standard_stream(path))
    refuse(path, "standard output or error goes there; give the name of a file");
  check_folder(path, target);
  for (const InputFile& input : inputs) {
    if (same_file(path, input.path)) {
      const std::string name =
          input.path.string() == path.string() ? "" : " (" + input.path.string() + ")";
      refuse(path, "it is " + input.what + name +
                       ", which is read and would be lost; give another file name");
    }
  }
}

}  // namespace stint::builder
