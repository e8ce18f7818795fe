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

/// What an index in a status counts. Same values as STINT_DETAIL_*, which explains them.
enum class DetailKind : uint32_t {
  kNone = 0,
  kStep = 1,
  kTensor = 2,
  kBinding = 3,
  kInput = 4,
  kOutput = 5,
  kSlot = 6,
  kPlane = 7,
  kSpace = 8,
  kSegment = 9,
  kTarget = 10,
  kArena = 11,
  kEdge = 12,
  kThread = 13,
};

/// The thing a status concerns. Not made of a bare number, so that none goes without its kind.
struct Detail {
  DetailKind kind = DetailKind::kNone;
  uint32_t index = 0xFFFFFFFFu;
};

constexpr Detail kNoDetail = {};
constexpr Detail at_step(uint32_t index) { return {DetailKind::kStep, index}; }
constexpr Detail at_tensor(uint32_t index) { return {DetailKind::kTensor, index}; }
constexpr Detail at_binding(uint32_t index) { return {DetailKind::kBinding, index}; }
constexpr Detail at_slot(uint32_t index) { return {DetailKind::kSlot, index}; }
constexpr Detail at_plane(uint32_t index) { return {DetailKind::kPlane, index}; }
constexpr Detail at_space(uint32_t index) { return {DetailKind::kSpace, index}; }
constexpr Detail at_segment(uint32_t index) { return {DetailKind::kSegment, index}; }
constexpr Detail at_target(uint32_t index) { return {DetailKind::kTarget, index}; }
constexpr Detail at_arena(uint32_t index) { return {DetailKind::kArena, index}; }
constexpr Detail at_edge(uint32_t index) { return {DetailKind::kEdge, index}; }
constexpr Detail at_thread(uint32_t index) { return {DetailKind::kThread, index}; }
/// Of an input or output, counted among its like.
constexpr Detail at_io(bool is_input, uint32_t index) {
  return {is_input ? DetailKind::kInput : DetailKind::kOutput, index};
}

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  Detail detail;
  const char* message = "ok";
  int64_t found = 0;
  int64_t needed = 0;

  constexpr bool ok() const { return code == Code::kOk; }
};

constexpr Status ok_status() { return {}; }

/// A plan that contradicts itself. `message` names what was compared.
constexpr Status corrupt(const char* message, int64_t found = 0, int64_t needed = 0) {
  return {Code::kCorruptPlan, kNoDetail, message, found, needed};
}

}  // namespace stint

#define STINT_RETURN_IF_ERROR(expression)                                      \
  do {                                                                         \
    if (::stint::Status status_ = (expression); !status_.ok()) return status_; \
  } while (0)
