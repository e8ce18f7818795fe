// A session: the tables of a program with every address resolved. It lies at the start of the
// session block, its arrays behind it (session_layout.cc).
#pragma once

#include "core/cpu/workers.h"
#include "core/exec/engine.h"
#include "core/exec/options.h"
#include "core/plan/plan_access.h"
#include "core/profile/profile.h"
#include "kernels/cpu/kernel.h"

namespace stint {

struct StepState {
  const cpu::KernelEntry* kernel = nullptr;
  cpu::StepArgs args;
  bool runs = false;  // false: it has nothing to write
};

struct BindingState {
  const fb::Binding* binding = nullptr;
  std::byte* default_data = nullptr;  // in the I/O block; null if the caller gave none
  std::byte* data = nullptr;          // what runs use
  ImageView* bound =
      nullptr;  // images: what the caller bound, one per slot; planes[0] null if never
  ImageView* frames = nullptr;      // images: what kernels read, one per slot
  bool default_handed_out = false;  // the caller was told where the default buffer lies
};

/// An operand that lies in a binding: its address changes when the caller binds another buffer.
struct OperandInBinding {
  cpu::TensorView* view = nullptr;
  uint64_t offset = 0;
  uint32_t binding = 0;
};

/// How many of everything a program needs.
struct SessionCounts {
  uint32_t steps = 0;
  uint32_t bindings = 0;
  uint32_t images = 0;
  uint64_t operands = 0;
  uint64_t operands_in_bindings = 0;
  uint64_t params_bytes = 0;
};

inline constexpr uint64_t kParamsAlignment = 16;

namespace cuda {
struct CudaSession;
}

/// First word of a session, until it is destroyed.
inline constexpr uint32_t kLiveMark = 0x51E55104;

}  // namespace stint

/// The C API's opaque type.
struct stint_session {
  uint32_t mark = stint::kLiveMark;
  bool has_run = false;
  int64_t process = 0;  // that created it: a child of fork() has neither its threads nor its device
  stint_engine* engine = nullptr;
  const stint::fb::Program* program = nullptr;
  uint32_t batch = 0;
  uint32_t active_slots = 0;
  uint32_t step_count = 0;
  uint32_t binding_count = 0;
  uint32_t operand_in_binding_count = 0;
  stint::StepState* steps = nullptr;
  stint::BindingState* bindings = nullptr;
  stint::OperandInBinding* operands_in_bindings = nullptr;
  stint::StepTimes* times = nullptr;          // null without a profile
  const int32_t* detection_counts = nullptr;  // null: they lie in a binding
  uint32_t detections_binding = stint::kNone;
  stint::cpu::DetectionLimits limits;
  stint::cpu::Workers workers;
  stint::cuda::CudaSession* gpu = nullptr;  // null on the CPU
};

namespace stint {

/// Where the parts of a session block lie. All null when only counted.
struct SessionLayout {
  stint_session* session = nullptr;
  StepState* steps = nullptr;
  BindingState* bindings = nullptr;
  OperandInBinding* operands_in_bindings = nullptr;
  cpu::TensorView* operands = nullptr;
  ImageView* images = nullptr;
  std::byte* params = nullptr;
  StepTimes* times = nullptr;
  std::byte* worker_scratch = nullptr;
  cpu::Workers::Thread* threads = nullptr;
  std::byte* stacks = nullptr;
};

class Carver;

/// Whether calls may use the session: neither NULL, nor destroyed, nor one of a CUDA device that
/// the parent of this process created.
Status check_session(const stint_session* session);

SessionCounts count_session(const fb::Program& program);
SessionLayout lay_out_session(const fb::Program& program, const SessionOptions& options,
                              Carver* carver);
/// Addresses of a program's arenas in the arena block, in order. `arenas` may be null when only
/// counting.
void lay_out_arenas(const fb::Program& program, Carver* carver, std::byte** arenas);
Status compute_requirements(const Selection& selection, const SessionOptions& options,
                            stint_requirements* need);

/// The part of a fresh session that is the same on every device. `times`: null without a profile.
void begin_session(stint_session* session, const fb::Program& program, BindingState* bindings,
                   StepTimes* times);

/// Fills the state of one binding. Images: `bound` and `frames` have room for a batch each.
void build_binding(stint_session* session, uint32_t index, std::byte* io, ImageView* bound,
                   ImageView* frames);

/// Checks that every binding has memory and lists the frames that the run reads.
Status prepare_bindings(stint_session* session);

/// Writes the address of a binding's current buffer into every operand that lies in it.
void patch_operands(stint_session* session, uint32_t binding);

}  // namespace stint
