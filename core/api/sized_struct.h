// The caller's structs, of whatever version of the interface it was compiled with: their first
// member says how long they are.
#pragma once

#include <cstring>

#include "core/include/stint/stint.h"
#include "plan_schema/status.h"

namespace stint {

/// What a struct of the interface is called in messages, and the bytes without which it makes no
/// sense.
struct StructRules {
  const char* refused;
  uint32_t least;
};

template <typename T>
struct RulesOf;

#define STINT_STRUCT_RULES(type, init, least_bytes)                                           \
  template <>                                                                                 \
  struct RulesOf<type> {                                                                      \
    static constexpr StructRules kRules = {                                                   \
        #type ": its struct_size is not one of a struct of this interface; begin with " init, \
        least_bytes};                                                                         \
    static_assert(least_bytes <= sizeof(type));                                               \
  }

/// Bytes of everything before a member.
#define STINT_UP_TO(type, member) static_cast<uint32_t>(offsetof(type, member))

// Requirements and memory: less than the spaces of 1.0 would hide one.
STINT_STRUCT_RULES(stint_options, "STINT_OPTIONS_INIT", STINT_UP_TO(stint_options, profile));
STINT_STRUCT_RULES(stint_requirements, "STINT_REQUIREMENTS_INIT",
                   STINT_UP_TO(stint_requirements, space) +
                       (STINT_SPACE_DEVICE + 1) * sizeof(stint_requirement));
STINT_STRUCT_RULES(stint_memory, "STINT_MEMORY_INIT",
                   STINT_UP_TO(stint_memory, space) +
                       (STINT_SPACE_DEVICE + 1) * sizeof(stint_block));
STINT_STRUCT_RULES(stint_image, "STINT_IMAGE_INIT", STINT_UP_TO(stint_image, matrix));
STINT_STRUCT_RULES(stint_target_info, "STINT_TARGET_INFO_INIT",
                   STINT_UP_TO(stint_target_info, min_driver));
STINT_STRUCT_RULES(stint_program_info, "STINT_PROGRAM_INFO_INIT",
                   STINT_UP_TO(stint_program_info, target));
STINT_STRUCT_RULES(stint_binding_info, "STINT_BINDING_INFO_INIT",
                   STINT_UP_TO(stint_binding_info, scale));
STINT_STRUCT_RULES(stint_detection_list, "STINT_DETECTION_LIST_INIT", sizeof(stint_detection_list));
STINT_STRUCT_RULES(stint_cuda_device_info, "STINT_CUDA_DEVICE_INFO_INIT",
                   STINT_UP_TO(stint_cuda_device_info, memory_bytes));
STINT_STRUCT_RULES(stint_step_profile, "sizeof(stint_step_profile)",
                   STINT_UP_TO(stint_step_profile, total_ns));

/// No struct of any version is longer: a size beyond it was never set.
inline constexpr uint32_t kMostStructBytes = 4096;

Status check_struct_size(uint32_t size, const StructRules& rules, uint32_t known);
Status read_struct_bytes(const void* from, uint32_t size, void* to, uint32_t known,
                         const StructRules& rules);
void write_struct_bytes(const void* from, uint32_t known, void* to, uint32_t size);

/// Copies what the caller's struct has into `to`, which holds the defaults. Refuses what this
/// version does not know, unless it is 0.
template <typename T>
Status read_struct(const T& from, T* to) {
  STINT_RETURN_IF_ERROR(
      read_struct_bytes(&from, from.struct_size, to, sizeof(T), RulesOf<T>::kRules));
  to->struct_size = sizeof(T);
  return ok_status();
}

/// Whether write_struct may write to it.
template <typename T>
Status check_struct(const T& out) {
  return check_struct_size(out.struct_size, RulesOf<T>::kRules, sizeof(T));
}

/// Fills a struct that was checked with as much as it has room for; the rest of it becomes 0.
template <typename T>
void write_struct(T from, T* to) {
  from.struct_size = to->struct_size;
  write_struct_bytes(&from, sizeof(T), to, to->struct_size);
}

}  // namespace stint
