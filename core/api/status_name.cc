#include "core/include/stint/stint.h"

extern "C" {

const char* stint_status_name(uint32_t code) {
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

const char* stint_detail_name(uint32_t detail_kind) {
  switch (detail_kind) {
    case STINT_DETAIL_NONE:
      return "none";
    case STINT_DETAIL_STEP:
      return "step";
    case STINT_DETAIL_TENSOR:
      return "tensor";
    case STINT_DETAIL_BINDING:
      return "binding";
    case STINT_DETAIL_INPUT:
      return "input";
    case STINT_DETAIL_OUTPUT:
      return "output";
    case STINT_DETAIL_SLOT:
      return "slot";
    case STINT_DETAIL_PLANE:
      return "plane";
    case STINT_DETAIL_SPACE:
      return "space";
    case STINT_DETAIL_SEGMENT:
      return "segment";
    case STINT_DETAIL_TARGET:
      return "target";
    case STINT_DETAIL_ARENA:
      return "arena";
    case STINT_DETAIL_EDGE:
      return "edge";
    case STINT_DETAIL_THREAD:
      return "thread";
  }
  return "item";
}

}  // extern "C"
