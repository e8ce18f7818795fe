#include "host_builder/emit/segments.h"

#include "plan_schema/checksum.h"

namespace stint::builder {

uint32_t Segments::add(SegmentKind kind,
                       const std::shared_ptr<const std::vector<std::byte>>& bytes) {
  const uint64_t checksum = checksum64(bytes->data(), bytes->size());
  const auto [begin, end] = by_checksum_.equal_range(checksum);
  for (auto it = begin; it != end; ++it) {
    const Segment& known = segments_[it->second];
    if (known.kind == kind && *known.bytes == *bytes) return it->second;
  }
  const auto index = static_cast<uint32_t>(segments_.size());
  segments_.push_back({kind, bytes});
  by_checksum_.emplace(checksum, index);
  return index;
}

}  // namespace stint::builder
