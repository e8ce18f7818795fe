// What a session on a CUDA device adds to stint_session: handles of the driver, and where
// everything lies in the device block. The rest of the runtime reaches CUDA through the functions
// at the end, from one place each.
#pragma once

#include "core/cuda/cuda_engine.h"
#include "core/exec/session.h"
#include "core/plan/limits.h"

namespace stint::cuda {

struct KernelState {
  Function function = nullptr;  // null: the step writes nothing and is an empty node
  GraphNode node = nullptr;
  std::byte* params = nullptr;
};

/// A pointer in a parameter block that follows a binding's buffer.
struct BindingPointer {
  uint32_t step = 0;
  uint32_t param_byte = 0;
  uint32_t binding = 0;
  uint64_t offset = 0;  // from the start of the buffer
};

enum class MemoryKind : uint8_t { kPageable, kPinned, kDevice };

/// A tensor or detections binding, beside its BindingState.
struct DeviceBinding {
  DeviceAddress twin = 0;     // its place in the device block
  DeviceAddress address = 0;  // what kernels use: the twin, or the caller's device memory
  MemoryKind kind = MemoryKind::kPageable;  // of BindingState::data
};

struct FrameSlot {
  MemoryKind kind = MemoryKind::kPageable;
  DeviceAddress staging = 0;
};

inline constexpr uint64_t kMaxPlanes = 3;
/// Kernels read frames and limits from here: ImageView[batch] per image binding, then
/// DetectionLimits.
inline constexpr uint64_t kRunBlockAlignment = 16;

/// Addresses in the device block.
struct DeviceLayout {
  DeviceAddress arenas[kMaxArenas] = {};
  DeviceAddress io = 0;
  DeviceAddress run_block = 0;
  DeviceAddress frames = 0;  // room for one frame after another
  uint64_t frame_pitch = 0;
};

struct CudaSession {
  const Driver* driver = nullptr;  // the engine's, as the context
  DeviceContext context;
  Stream stream = nullptr;
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  DeviceLayout device;
  KernelState* kernels = nullptr;  // per step
  BindingPointer* pointers = nullptr;
  uint32_t pointer_count = 0;
  DeviceBinding* bindings = nullptr;
  FrameSlot* slots = nullptr;  // per image binding and batch slot, in order
  Event* events = nullptr;     // profile: before the first kernel and after each
  uint32_t event_count = 0;
  std::byte* run_block = nullptr;  // what the next run needs there
  std::byte* uploaded = nullptr;   // what is there
  uint64_t run_block_bytes = 0;
  uint64_t limits_offset = 0;
  bool run_block_valid = false;  // `uploaded` is right
  int32_t* counts = nullptr;     // of detections, when they lie in an arena
  DeviceAddress device_counts = 0;
  uint64_t frame_bytes = 0;
  Event complete = nullptr;  // recorded behind every enqueued run
  bool is_enqueued = false;  // and not yet seen to be complete
};

/// Parts of the session block of a CUDA session. All null when only counted.
struct HostLayout {
  stint_session* session = nullptr;
  CudaSession* gpu = nullptr;
  BindingState* bindings = nullptr;
  DeviceBinding* device_bindings = nullptr;
  FrameSlot* slots = nullptr;
  ImageView* bound = nullptr;
  KernelState* kernels = nullptr;
  BindingPointer* pointers = nullptr;
  Event* events = nullptr;
  StepTimes* times = nullptr;
  int32_t* counts = nullptr;
  std::byte* run_block = nullptr;
  std::byte* uploaded = nullptr;
  std::byte* params = nullptr;
};

HostLayout lay_out_host(const fb::Program& program, const SessionOptions& options, Carver* carver);
void lay_out_device(const fb::Program& program, const SessionOptions& options, Carver* carver,
                    DeviceLayout* layout);

/// Bytes of the run block, and where its parts begin.
uint64_t run_block_bytes(const fb::Program& program);
uint64_t frames_offset(const fb::Program& program, uint32_t binding);
uint64_t limits_offset(const fb::Program& program);

/// Builds the graph from the kernels, whose functions and parameters are known.
Status build_graph(stint_session* session, const DeviceLimits& limits);
/// Writes the address of a binding into the parameter blocks, and into the graph if it is made.
Status patch_pointers(stint_session* session, uint32_t binding);
void destroy_graph(CudaSession* gpu);

/// Adds the times between the events of a run to the profile.
Status read_events(stint_session* session);

Status classify(const Driver& driver, const void* data, MemoryKind* kind);

}  // namespace stint::cuda
