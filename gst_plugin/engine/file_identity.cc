#include "gst_plugin/engine/file_identity.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "gst_plugin/engine/plan_advice.h"
#include "plan_schema/checksum.h"
#include "stint/engine.hpp"

namespace stint::gst {
namespace {

constexpr uint64_t kChunkBytes = 256 * 1024;

uint64_t add_chunk(uint64_t checksum, const void* data, uint64_t size) {
  return checksum * 0x9E3779B97F4A7C15ull +  // 2^64 / golden ratio: the order of chunks counts
         checksum64(data, size);
}

}  // namespace

uint64_t content_checksum(const void* data, uint64_t size) {
  uint64_t checksum = 0;
  const auto* bytes = static_cast<const char*>(data);
  for (uint64_t at = 0; at < size; at += kChunkBytes) {
    checksum = add_chunk(checksum, bytes + at, std::min(kChunkBytes, size - at));
  }
  return checksum;
}

Problem unreadable_plan(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {Problem::Kind::kNotFound, "there is no plan file " + path, std::strerror(error),
            "a plan made by `stint build`", build_command(path)};
  }
  Problem problem{Problem::Kind::kUnreadable, "the plan file " + path + " cannot be read",
                  std::strerror(error), "a plan made by `stint build`", build_command(path)};
  if (error == EISDIR || error == EINVAL) {
    problem.found = kind_of_file(path);
    problem.message = path + " is " + problem.found + ", not a plan file";
    if (error == EISDIR) problem.needed = "the path of a plan file, e.g. model=FOLDER/NAME.plan";
  } else if (error == EACCES) {
    problem.needed = "permission to read the file";
    problem.command = "chmod a+r " + shell_word(path);
  }
  return problem;
}

Problem identify_file(const std::string& path, FileIdentity* identity) {
  RegularFile file;
  if (const int error = file.open(path.c_str()); error != 0) return unreadable_plan(path, error);
  uint64_t checksum = 0, bytes = 0;
  std::vector<char> chunk(kChunkBytes);
  for (uint64_t got = kChunkBytes; got == kChunkBytes; bytes += got) {
    if (const int error = file.read(chunk.data(), kChunkBytes, &got); error != 0) {
      return unreadable_plan(path, error);
    }
    if (got > 0) checksum = add_chunk(checksum, chunk.data(), got);
  }
  const struct stat& info = file.info();
  *identity = {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino), bytes,
               int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, checksum};
  return {};
}

}  // namespace stint::gst
