#include "core/profile/profile.h"

#include "core/api/sized_struct.h"
#include "core/exec/session.h"

namespace stint {
namespace {

Status read_profile(const stint_session* session, stint_step_profile* steps, uint32_t step_size,
                    uint32_t capacity, uint32_t* count) {
  STINT_RETURN_IF_ERROR(check_session(session));
  if (count == nullptr || (steps == nullptr && capacity != 0))
    return {Code::kInvalidArgument, kNoDetail, "steps or count is NULL"};
  *count = 0;
  constexpr uint32_t kKnown = sizeof(stint_step_profile);
  STINT_RETURN_IF_ERROR(check_struct_size(step_size, RulesOf<stint_step_profile>::kRules, kKnown));
  if (session->times == nullptr) {
    return {Code::kInvalidArgument, kNoDetail,
            "the session keeps no profile; create it with options.profile"};
  }
  *count = session->step_count;
  for (uint32_t i = 0; i < session->step_count && i < capacity; ++i) {
    const auto* name = session->program->steps()->Get(i)->name();
    const StepTimes& times = session->times[i];
    const fb::Launch* launch = session->program->steps()->Get(i)->launch();
    const char* kernel =
        launch == nullptr ? session->steps[i].kernel->name : launch->symbol()->c_str();
    const stint_step_profile step = {name == nullptr ? kernel : name->c_str(), kernel, times.runs,
                                     times.total_ns, times.min_ns};
    auto* place = reinterpret_cast<unsigned char*>(steps) + uint64_t{i} * step_size;
    write_struct_bytes(&step, kKnown, place, step_size);
  }
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_profile_read(const stint_session* session, stint_step_profile* steps,
                                uint32_t step_size, uint32_t capacity, uint32_t* count) {
  return stint::to_c(stint::read_profile(session, steps, step_size, capacity, count));
}

void stint_profile_reset(stint_session* session) {
  if (!stint::check_session(session).ok() || session->times == nullptr) return;
  for (uint32_t i = 0; i < session->step_count; ++i) session->times[i] = {};
}

}  // extern "C"
