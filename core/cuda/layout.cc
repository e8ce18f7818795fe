// Where the parts of a CUDA session lie: in the session block on the host, and in the device block.
#include "core/cuda/cuda.h"
#include "core/cuda/cuda_session.h"
#include "core/memory/carver.h"
#include "core/plan/step_operands.h"

namespace stint::cuda {
namespace {

// A kernel whose parameters are longer than its plan says makes the driver read beyond them; where
// the driver cannot be asked how long they are (before CUDA 12.4), there is room for its maximum.
constexpr uint64_t kParamsSlack = 32768;

struct Counts {
  uint32_t images = 0;
  uint64_t pointers = 0;
  uint64_t params_bytes = 0;
};

Counts count(const fb::Program& program) {
  Counts counts;
  for (const fb::Binding* binding : *program.bindings())
    counts.images += binding->kind() == fb::BindingKind::Image;
  for (const fb::Step* step : *program.steps()) {
    counts.params_bytes +=
        (uint64_t{params_bytes(*step)} + kParamsAlignment - 1) & ~(kParamsAlignment - 1);
    const auto* relocations = step->launch()->relocations();
    for (uint32_t i = 0; relocations != nullptr && i < relocations->size(); ++i) {
      counts.pointers += program.tensors()->Get(relocations->Get(i)->tensor())->storage() ==
                         fb::StorageKind::Binding;
    }
  }
  return counts;
}

DeviceAddress take(Carver* carver, uint64_t bytes, uint64_t alignment) {
  if (alignment < kDeviceAlignment) alignment = kDeviceAlignment;
  return reinterpret_cast<uintptr_t>(carver->take(bytes, alignment));
}

}  // namespace

uint64_t frames_offset(const fb::Program& program, uint32_t binding) {
  uint64_t images = 0;
  for (uint32_t i = 0; i < binding; ++i)
    images += program.bindings()->Get(i)->kind() == fb::BindingKind::Image;
  return images * program.batch() * sizeof(ImageView);
}

uint64_t limits_offset(const fb::Program& program) {
  const uint64_t frames = frames_offset(program, program.bindings()->size());
  return (frames + kRunBlockAlignment - 1) & ~(kRunBlockAlignment - 1);
}

uint64_t run_block_bytes(const fb::Program& program) {
  return limits_offset(program) + sizeof(cpu::DetectionLimits);
}

HostLayout lay_out_host(const fb::Program& program, const SessionOptions& options, Carver* carver) {
  const Counts counts = count(program);
  const uint32_t steps = program.steps()->size();
  const uint32_t bindings = program.bindings()->size();
  const uint64_t slots = uint64_t{counts.images} * program.batch();
  HostLayout layout;
  layout.session = carver->take_array<stint_session>(1);
  layout.gpu = carver->take_array<CudaSession>(1);
  layout.bindings = carver->take_array<BindingState>(bindings);
  layout.device_bindings = carver->take_array<DeviceBinding>(bindings);
  layout.slots = carver->take_array<FrameSlot>(slots);
  layout.bound = carver->take_array<ImageView>(slots);
  layout.kernels = carver->take_array<KernelState>(steps);
  layout.pointers = carver->take_array<BindingPointer>(counts.pointers);
  layout.events = carver->take_array<Event>(options.profile ? uint64_t{steps} + 1 : 0);
  layout.times = carver->take_array<StepTimes>(options.profile ? steps : 0);
  layout.counts = carver->take_array<int32_t>(program.batch());
  const uint64_t run_block = run_block_bytes(program);
  layout.run_block = static_cast<std::byte*>(carver->take(run_block, kRunBlockAlignment));
  layout.uploaded = static_cast<std::byte*>(carver->take(run_block, kRunBlockAlignment));
  layout.params =
      static_cast<std::byte*>(carver->take(counts.params_bytes + kParamsSlack, kParamsAlignment));
  return layout;
}

void lay_out_device(const fb::Program& program, const SessionOptions& options, Carver* carver,
                    DeviceLayout* layout) {
  for (uint32_t i = 0; i < program.arenas()->size(); ++i) {
    const fb::Arena& arena = *program.arenas()->Get(i);
    layout->arenas[i] = take(carver, arena.bytes(), arena.alignment());
  }
  layout->io = take(carver, program.io_bytes(), kDeviceAlignment);
  layout->run_block = take(carver, run_block_bytes(program), kDeviceAlignment);
  const uint64_t slots =
      frames_offset(program, program.bindings()->size()) / sizeof(ImageView);  // of all images
  uint64_t pitch = 0;
  uint64_t bytes = 0;
  if (!checked_add(options.frame_bytes, kMaxPlanes * kDeviceAlignment, &pitch) ||
      !checked_align(pitch, kDeviceAlignment, &pitch) || !checked_multiply(pitch, slots, &bytes)) {
    bytes = UINT64_MAX;  // exhausts the carver
  }
  layout->frame_pitch = pitch;
  layout->frames = take(carver, bytes, kDeviceAlignment);
}

Status compute_requirements(const fb::Program& program, const SessionOptions& options,
                            stint_requirements* need) {
  Carver host, device;
  DeviceLayout layout;
  lay_out_host(program, options, &host);
  lay_out_device(program, options, &device, &layout);
  if (host.exhausted() || device.exhausted()) {
    return {Code::kInvalidArgument, kNoDetail,
            "the program and its frames need more memory than an address space holds"};
  }
  need->space[STINT_SPACE_HOST] = {host.used(), host.alignment()};
  need->space[STINT_SPACE_IO] = {program.io_bytes(), kMinBaseAlignment};
  need->space[STINT_SPACE_DEVICE] = {device.used(), device.alignment()};
  return ok_status();
}

}  // namespace stint::cuda
