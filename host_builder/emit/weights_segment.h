// The constants of all programs of a plan, each stored once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

class WeightsSegment {
 public:
  /// Offset of the bytes in the segment, a multiple of 64. Equal bytes get one place.
  uint64_t add(const Bytes& constant);

  const std::vector<std::byte>& bytes() const { return bytes_; }
  /// Whether something refers to the segment, be it to no bytes of it.
  bool used() const { return !kept_.empty(); }

 private:
  std::vector<std::byte> bytes_;
  std::map<const void*, uint64_t> by_address_;  // the same constant again, without reading it
  std::multimap<uint64_t, std::pair<uint64_t, uint64_t>> by_checksum_;  // offset, size
  std::vector<Bytes> kept_;  // so that no address is reused by another constant
};

}  // namespace stint::builder
