// Building a session on its engine's CUDA device in the caller's blocks: parameter blocks, arenas,
// events, graph. Whatever fails, everything before it is undone.
#include <cstring>
#include <new>

#include "core/cuda/cuda.h"
#include "core/cuda/cuda_session.h"
#include "core/memory/carver.h"
#include "core/plan/step_operands.h"

namespace stint::cuda {
namespace {

class SessionBuilder {
 public:
  SessionBuilder(const stint_engine& engine, const fb::Program& program,
                 const SessionOptions& options, const stint_memory& memory)
      : engine_(engine),
        program_(program),
        options_(options),
        io_(static_cast<std::byte*>(memory.space[STINT_SPACE_IO].data)),
        device_(memory.space[STINT_SPACE_DEVICE]) {
    const stint_block& block = memory.space[STINT_SPACE_HOST];
    Carver carver(block.data, block.bytes);
    layout_ = lay_out_host(program_, options, &carver);
  }

  /// Host tables, without the driver: cannot fail, so that destroy() always finds them.
  stint_session* begin() {
    session_ = new (layout_.session) stint_session();
    gpu_ = new (layout_.gpu) CudaSession();
    session_->gpu = gpu_;
    gpu_->driver = engine_.gpu->driver;
    gpu_->context = engine_.gpu->context;
    gpu_->context.retained = false;  // the engine's to release
    begin_session(session_, program_, layout_.bindings, layout_.times);
    gpu_->kernels = layout_.kernels;
    gpu_->pointers = layout_.pointers;
    gpu_->bindings = layout_.device_bindings;
    gpu_->slots = layout_.slots;
    gpu_->events = layout_.events;
    gpu_->run_block = layout_.run_block;
    gpu_->uploaded = layout_.uploaded;
    gpu_->run_block_bytes = run_block_bytes(program_);
    gpu_->limits_offset = limits_offset(program_);
    gpu_->frame_bytes = options_.frame_bytes;
    std::memset(gpu_->run_block, 0, gpu_->run_block_bytes);
    for (uint32_t i = 0; i < session_->step_count; ++i) new (&gpu_->kernels[i]) KernelState();
    return session_;
  }

  Status build() {
    const ContextScope scope(gpu_->context);
    STINT_RETURN_IF_ERROR(scope.status());
    lay_out_memory();
    STINT_RETURN_IF_ERROR(build_bindings());
    STINT_RETURN_IF_ERROR(check(gpu_->driver->stream_create(&gpu_->stream, kStreamNonBlocking),
                                "a CUDA stream cannot be made"));
    build_kernels();
    STINT_RETURN_IF_ERROR(clear_arenas());
    STINT_RETURN_IF_ERROR(create_events());
    STINT_RETURN_IF_ERROR(build_graph(session_, engine_.gpu->limits));
    return check(gpu_->driver->stream_synchronize(gpu_->stream),
                 "the session's memory on the device cannot be filled");
  }

 private:
  void lay_out_memory() {
    Carver carver(device_.data, device_.bytes);
    lay_out_device(program_, options_, &carver, &gpu_->device);
  }

  Status build_bindings() {
    MemoryKind io_kind = MemoryKind::kPageable;
    if (io_ != nullptr && program_.io_bytes() != 0) {
      STINT_RETURN_IF_ERROR(classify(*gpu_->driver, io_, &io_kind));
      if (io_kind == MemoryKind::kDevice) {
        return {Code::kInvalidArgument, at_space(STINT_SPACE_IO),
                "the I/O block must be host memory; bind device memory with stint_bind_*"};
      }
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < session_->binding_count; ++i) {
      auto* device = new (&gpu_->bindings[i]) DeviceBinding();
      new (&session_->bindings[i]) BindingState();
      const fb::Binding& binding = *program_.bindings()->Get(i);
      if (binding.kind() == fb::BindingKind::Image) {
        build_image(i, &used);
        continue;
      }
      build_binding(session_, i, io_, nullptr, nullptr);
      device->twin = device->address = gpu_->device.io + binding.io_offset();
      device->kind = io_kind;
    }
    find_counts();
    return ok_status();
  }

  void build_image(uint32_t index, uint32_t* used) {
    ImageView* bound = layout_.bound + *used;
    std::byte* frames = gpu_->run_block + frames_offset(program_, index);
    for (uint32_t slot = 0; slot < program_.batch(); ++slot, ++*used) {
      new (&bound[slot]) ImageView();
      new (frames + slot * sizeof(ImageView)) ImageView();
      auto* state = new (&gpu_->slots[*used]) FrameSlot();
      state->staging = gpu_->device.frames + *used * gpu_->device.frame_pitch;
    }
    build_binding(session_, index, io_, bound, reinterpret_cast<ImageView*>(frames));
  }

  void find_counts() {
    if (session_->detections_binding == kNone) return;
    const fb::Tensor& counts = *program_.tensors()->Get(
        program_.bindings()->Get(session_->detections_binding)->count_tensor());
    if (counts.storage() != fb::StorageKind::Arena) return;
    gpu_->counts = layout_.counts;
    std::memset(gpu_->counts, 0, program_.batch() * sizeof(int32_t));
    gpu_->device_counts = gpu_->device.arenas[counts.index()] + counts.offset();
    session_->detection_counts = gpu_->counts;
  }

  void build_kernels() {
    const Function* functions = functions_of(engine_, program_);
    uint64_t used = 0;
    for (uint32_t i = 0; i < session_->step_count; ++i) {
      const fb::Step& step = *program_.steps()->Get(i);
      gpu_->kernels[i].params = layout_.params + used;
      used += (uint64_t{params_bytes(step)} + kParamsAlignment - 1) & ~(kParamsAlignment - 1);
      gpu_->kernels[i].function = functions[i];
      if (functions[i] != nullptr) write_params(step, i);
    }
  }

  void write_params(const fb::Step& step, uint32_t index) {
    const fb::Launch& launch = *step.launch();
    const auto* relocations = launch.relocations();
    for (uint32_t i = 0; relocations != nullptr && i < relocations->size(); ++i) {
      const fb::Relocation& relocation = *relocations->Get(i);
      const fb::Tensor& tensor = *program_.tensors()->Get(relocation.tensor());
      if (tensor.storage() == fb::StorageKind::Binding) {
        new (&gpu_->pointers[gpu_->pointer_count++])
            BindingPointer{index, relocation.param_byte(), tensor.index(), tensor.offset()};
      }
      write_pointer(index, relocation.param_byte(), address(tensor));
    }
    if (launch.frames_param() != kNone) {
      write_pointer(index, launch.frames_param(),
                    gpu_->device.run_block +
                        frames_offset(program_, static_cast<uint32_t>(step.image_binding())));
    }
    if (launch.limits_param() != kNone) {
      write_pointer(index, launch.limits_param(), gpu_->device.run_block + gpu_->limits_offset);
    }
  }

  void write_pointer(uint32_t step, uint32_t param_byte, DeviceAddress address) {
    std::memcpy(gpu_->kernels[step].params + param_byte, &address, sizeof address);
  }

  DeviceAddress address(const fb::Tensor& tensor) const {
    const DeviceLayout& device = gpu_->device;
    switch (tensor.storage()) {
      case fb::StorageKind::Arena:
        return device.arenas[tensor.index()] + tensor.offset();
      case fb::StorageKind::Binding:
        return gpu_->bindings[tensor.index()].address + tensor.offset();
      case fb::StorageKind::Segment:
        break;
    }
    return weight_address(*engine_.gpu, tensor);
  }

  Status clear_arenas() {
    for (uint32_t i = 0; i < program_.arenas()->size(); ++i) {
      const fb::Arena& arena = *program_.arenas()->Get(i);
      if (!arena.zeroed() || arena.bytes() == 0) continue;
      STINT_RETURN_IF_ERROR(
          check(gpu_->driver->fill(gpu_->device.arenas[i], 0, arena.bytes(), gpu_->stream),
                "an arena on the device cannot be cleared"));
    }
    return ok_status();
  }

  Status create_events() {
    STINT_RETURN_IF_ERROR(check(gpu_->driver->event_create(&gpu_->complete, kEventWithoutTime),
                                "the event of enqueued runs cannot be made"));
    if (session_->times == nullptr) return ok_status();
    for (uint32_t i = 0; i <= session_->step_count; ++i) {
      STINT_RETURN_IF_ERROR(check(gpu_->driver->event_create(&gpu_->events[i], 0),
                                  "an event for the profile cannot be made"));
      gpu_->event_count = i + 1;
    }
    return ok_status();
  }

  const stint_engine& engine_;
  const fb::Program& program_;
  const SessionOptions& options_;
  std::byte* io_;
  const stint_block& device_;
  HostLayout layout_;
  stint_session* session_ = nullptr;
  CudaSession* gpu_ = nullptr;
};

}  // namespace

Status create(const stint_engine& engine, const fb::Program& program, const SessionOptions& options,
              const stint_memory& memory, stint_session** session) {
  SessionBuilder builder(engine, program, options, memory);
  stint_session* created = builder.begin();
  if (Status status = builder.build(); !status.ok()) {
    destroy(created);
    return status;
  }
  *session = created;
  return ok_status();
}

void destroy(stint_session* session) {
  CudaSession& gpu = *session->gpu;
  const Driver& driver = *gpu.driver;
  const ContextScope scope(gpu.context);
  if (gpu.is_enqueued) (void)driver.event_synchronize(gpu.complete);
  if (gpu.stream != nullptr) (void)driver.stream_synchronize(gpu.stream);
  destroy_graph(&gpu);
  for (uint32_t i = 0; i < gpu.event_count; ++i) (void)driver.event_destroy(gpu.events[i]);
  if (gpu.complete != nullptr) (void)driver.event_destroy(gpu.complete);
  if (gpu.stream != nullptr) (void)driver.stream_destroy(gpu.stream);
}

}  // namespace stint::cuda
