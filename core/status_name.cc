#include "core/include/stint/stint.h"

extern "C" const char* stint_status_name(uint32_t code) {
  switch (code) {
    case STINT_OK:
      return "ok";
    case STINT_INVALID_ARGUMENT:
      return "invalid-argument";
    case STINT_NOT_BOUND:
      return "not-bound";
    case STINT_SHAPE_MISMATCH:
      return "shape-mismatch";
    case STINT_UNSUPPORTED_FORMAT:
      return "unsupported-format";
    case STINT_TRUNCATED_PLAN:
      return "truncated-plan";
    case STINT_NOT_A_PLAN:
      return "not-a-plan";
    case STINT_INCOMPATIBLE_VERSION:
      return "incompatible-version";
    case STINT_UNKNOWN_FEATURE:
      return "unknown-feature";
    case STINT_CORRUPT_PLAN:
      return "corrupt-plan";
    case STINT_CHECKSUM_MISMATCH:
      return "checksum-mismatch";
    case STINT_NO_SUCH_TARGET:
      return "no-such-target";
    case STINT_NO_SUCH_BATCH:
      return "no-such-batch";
    case STINT_INCOMPATIBLE_TARGET:
      return "incompatible-target";
    case STINT_BLOCK_TOO_SMALL:
      return "block-too-small";
    case STINT_BLOCK_MISALIGNED:
      return "block-misaligned";
    case STINT_THREAD_FAILED:
      return "thread-failed";
    case STINT_FILE_FAILED:
      return "file-failed";
    case STINT_OUT_OF_MEMORY:
      return "out-of-memory";
    case STINT_CUDA_UNAVAILABLE:
      return "cuda-unavailable";
    case STINT_CUDA_FAILED:
      return "cuda-failed";
    case STINT_DRIVER_TOO_OLD:
      return "driver-too-old";
  }
  return "unknown";
}
