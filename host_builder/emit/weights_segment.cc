#include "host_builder/emit/weights_segment.h"

#include <cstring>

#include "plan_schema/checksum.h"

namespace stint::builder {
namespace {

constexpr size_t kConstantAlignment = 64;

}  // namespace

uint64_t WeightsSegment::add(const Bytes& constant) {
  const auto known = by_address_.find(constant.get());
  if (known != by_address_.end()) return known->second;
  const size_t size = constant->size();
  const uint64_t checksum = checksum64(constant->data(), size);
  uint64_t offset = bytes_.size();
  bool found = false;
  const auto [begin, end] = by_checksum_.equal_range(checksum);
  for (auto it = begin; it != end && !found; ++it) {
    const auto [place, length] = it->second;
    if (length == size &&
        (size == 0 || std::memcmp(bytes_.data() + place, constant->data(), size) == 0)) {
      offset = place;
      found = true;
    }
  }
  if (!found) {
    bytes_.insert(bytes_.end(), constant->begin(), constant->end());
    bytes_.resize(
        (bytes_.size() + kConstantAlignment - 1) / kConstantAlignment * kConstantAlignment,
        std::byte{0});
    by_checksum_.emplace(checksum, std::pair{offset, size});
  }
  by_address_.emplace(constant.get(), offset);
  kept_.push_back(constant);
  return offset;
}

}  // namespace stint::builder
