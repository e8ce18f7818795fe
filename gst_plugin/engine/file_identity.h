// Tells whether two paths, or one path at two times, are the same plan.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "gst_plugin/engine/problem.h"

namespace stint::gst {

/// A file replaced, rewritten in place, or reached through a link is recognised for what it is.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t modified_ns = 0;
  uint64_t checksum = 0;  // of the whole content

  auto operator<=>(const FileIdentity&) const = default;
};

/// Reads the whole file. Fails with kNotFound or kUnreadable.
Problem identify_file(const std::string& path, FileIdentity* identity);

}  // namespace stint::gst
