// Errors of the device world: a banded code, a static string and two numbers. No allocation, no
// logging.
#pragma once

#include <cstdint>

namespace stint {

/// Same values as STINT_* in core/include/stint/stint.h, which explains them.
enum class Code : uint32_t {
  kOk = 0,
  kInvalidArgument = 0x10,
  kNotBound = 0x11,
  kShapeMismatch = 0x12,
  kUnsupportedFormat = 0x13,
  kTruncatedPlan = 0x20,
  kNotAPlan = 0x21,
  kIncompatibleVersion = 0x22,
  kUnknownFeature = 0x23,
  kCorruptPlan = 0x24,
  kChecksumMismatch = 0x25,
  kNoSuchTarget = 0x30,
  kNoSuchBatch = 0x31,
  kIncompatibleTarget = 0x32,
  kBlockTooSmall = 0x40,
  kBlockMisaligned = 0x41,
  kThreadFailed = 0x50,
  kFileFailed = 0x51,
  kOutOfMemory = 0x52,
  kCudaUnavailable = 0x60,
  kCudaFailed = 0x61,
  kDriverTooOld = 0x62,
};

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  uint32_t detail = 0xFFFFFFFFu;  // index of the thing concerned
  const char* message = "ok";
  int64_t found = 0;
  int64_t needed = 0;

  constexpr bool ok() const { return code == Code::kOk; }
};

constexpr Status ok_status() { return {}; }

/// A plan that contradicts itself. `message` names what was compared.
constexpr Status corrupt(const char* message, int64_t found = 0, int64_t needed = 0) {
  return {Code::kCorruptPlan, 0xFFFFFFFFu, message, found, needed};
}

}  // namespace stint

#define STINT_RETURN_IF_ERROR(expression)                                      \
  do {                                                                         \
    if (::stint::Status status_ = (expression); !status_.ok()) return status_; \
  } while (0)
