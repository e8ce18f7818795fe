// Opening a plan, in this order, always: length, magic and version, ranges, alignment and checksums
// (frame.cc), then the flatbuffer's structure, then its meaning (verify_*.cc). Only then does a
// stint_plan exist.
#include "core/plan/frame.h"
#include "core/plan/plan_access.h"
#include "core/plan/verify.h"

namespace stint {
namespace {

Status check_structure(const Frame& frame) {
  flatbuffers::Verifier::Options options;
  options.max_depth = 8;  // plan > variant > program > step > launch, and room for a later level
  // A table takes at least four bytes and a reference to it four more: more tables than that means
  // that references share tables, which no writer does and which would make the cost of
  // verification exceed the file's size.
  options.max_tables = static_cast<flatbuffers::uoffset_t>(frame.flatbuffer_bytes / 8 + 1);
  options.check_nested_flatbuffers = false;
  flatbuffers::Verifier verifier(frame.flatbuffer, frame.flatbuffer_bytes, options);
  if (!fb::VerifyPlanBuffer(verifier)) {
    return corrupt("the flatbuffer's structure is wrong: an offset, length or identifier");
  }
  return ok_status();
}

Status open(const void* bytes, uint64_t size, stint_plan* plan) {
  if (plan == nullptr || bytes == nullptr)
    return {Code::kInvalidArgument, kNoDetail, "bytes or plan is NULL"};
  *plan = {};
  Frame frame;
  STINT_RETURN_IF_ERROR(read_frame(bytes, size, &frame));
  STINT_RETURN_IF_ERROR(check_structure(frame));
  const fb::Plan* root = fb::GetPlan(frame.flatbuffer);
  STINT_RETURN_IF_ERROR(verify_plan(*root, frame));
  plan->bytes = bytes;
  plan->size = frame.total_bytes;
  plan->root = root;
  plan->segments = frame.segments;
  plan->segment_count = frame.segment_count;
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" stint_status stint_plan_open(const void* bytes, uint64_t size, stint_plan* plan) {
  return stint::to_c(stint::open(bytes, size, plan));
}
