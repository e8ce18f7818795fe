#include "core/api/sized_struct.h"

namespace stint {

Status check_struct_size(uint32_t size, const StructRules& rules, uint32_t known) {
  if (size >= rules.least && size <= kMostStructBytes && size % 4 == 0) return ok_status();
  return {Code::kInvalidArgument, kNoDetail, rules.refused, size, known};
}

Status read_struct_bytes(const void* from, uint32_t size, void* to, uint32_t known,
                         const StructRules& rules) {
  STINT_RETURN_IF_ERROR(check_struct_size(size, rules, known));
  const auto* bytes = static_cast<const unsigned char*>(from);
  for (uint32_t i = known; i < size; ++i) {
    if (bytes[i] != 0) {
      return {Code::kInvalidArgument, kNoDetail,
              "a struct of a newer version of the interface asks for what this library does not "
              "have; leave its newer fields 0, or use a newer library (stint_version)",
              size, known};
    }
  }
  std::memcpy(to, from, size < known ? size : known);
  return ok_status();
}

void write_struct_bytes(const void* from, uint32_t known, void* to, uint32_t size) {
  std::memcpy(to, from, size < known ? size : known);
  if (size > known) std::memset(static_cast<unsigned char*>(to) + known, 0, size - known);
}

}  // namespace stint
