#include "core/exec/options.h"

#include "core/api/sized_struct.h"
#include "core/cpu/workers.h"

namespace stint {
namespace {

constexpr uint64_t kDefaultFrameBytes = 1920 * 1080 * 4;  // RGBA; NV12 of 3840 x 1440

Status read(const stint_options* options, stint_options* out) {
  *out = STINT_OPTIONS_INIT;
  if (options != nullptr) STINT_RETURN_IF_ERROR(read_struct(*options, out));
  // Of both, so that a wrong wish is refused by the first call that gets it.
  if (out->threads > cpu::kMaxWorkers) {
    return {Code::kInvalidArgument, kNoDetail, "too many threads", out->threads, cpu::kMaxWorkers};
  }
  return ok_status();
}

}  // namespace

Status read_options(const stint_options* options, EngineOptions* out) {
  stint_options all;
  STINT_RETURN_IF_ERROR(read(options, &all));
  out->device = all.device;
  return ok_status();
}

Status read_options(const stint_options* options, SessionOptions* out) {
  stint_options all;
  STINT_RETURN_IF_ERROR(read(options, &all));
  out->workers = all.threads == 0 ? 1 : all.threads;
  out->profile = all.profile != 0;
  out->frame_bytes = all.frame_bytes == 0 ? kDefaultFrameBytes : all.frame_bytes;
  return ok_status();
}

}  // namespace stint
