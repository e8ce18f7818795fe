// The segments of a plan, each stored once however many steps or variants refer to it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "host_builder/codegen/compiler.h"
#include "plan_schema/file_format.h"

namespace stint::builder {

struct Segment {
  SegmentKind kind = SegmentKind::kWeights;
  std::shared_ptr<const std::vector<std::byte>> bytes;
};

class Segments {
 public:
  /// Index of the segment with this content.
  uint32_t add(SegmentKind kind, const std::shared_ptr<const std::vector<std::byte>>& bytes);

  const std::vector<Segment>& all() const { return segments_; }

 private:
  std::vector<Segment> segments_;
  std::multimap<uint64_t, uint32_t> by_checksum_;
};

}  // namespace stint::builder
