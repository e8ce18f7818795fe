// Whether a session may be used, and its end.
#include <unistd.h>

#include "core/cuda/cuda.h"
#include "core/exec/session.h"

namespace stint {

Status check_session(const stint_session* session) {
  if (session == nullptr) return {Code::kInvalidArgument, kNoDetail, "session is NULL"};
  if (session->mark != kLiveMark) {
    return {Code::kInvalidArgument, kNoDetail, "the session was destroyed; create another one"};
  }
  if (session->gpu != nullptr && session->process != getpid()) {
    return {Code::kInvalidArgument, kNoDetail,
            "a session on a CUDA device cannot be used in a child of fork(); create one there"};
  }
  return ok_status();
}

}  // namespace stint

extern "C" void stint_session_destroy(stint_session* session) {
  if (session == nullptr || session->mark != stint::kLiveMark) return;
  session->mark = 0;
  // A child of fork() has copies of the tables, but the workers and the driver's objects are its
  // parent's: nobody could be joined.
  if (session->process != getpid()) return;
  if (session->gpu != nullptr) {
    stint::cuda::destroy(session);
  } else {
    session->workers.stop();
  }
  stint::release_engine(session->engine);
}
