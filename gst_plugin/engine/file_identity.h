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
  uint64_t checksum = 0;  // content_checksum()

  auto operator<=>(const FileIdentity&) const = default;
};

/// Reads the whole file. Fails with kNotFound or kUnreadable, at once where there is no regular
/// file (a FIFO is not waited for).
Problem identify_file(const std::string& path, FileIdentity* identity);

uint64_t content_checksum(const void* data, uint64_t size);

/// The path does not lead to a file that can be read: says what it leads to and what to do.
Problem unreadable_plan(const std::string& path, int error);

}  // namespace stint::gst
