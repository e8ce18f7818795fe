// Building a session on a CUDA device in the caller's blocks: device and context, machine code,
// parameter blocks, weights, graph. Whatever fails, everything before it is undone.
#include <unistd.h>

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
  SessionBuilder(const stint_plan& plan, const Selection& selection, const SessionOptions& options,
                 const stint_memory& memory)
      : plan_(plan),
        program_(*selection.program),
        variant_(*selection.variant),
        options_(options),
        io_(static_cast<std::byte*>(memory.space[STINT_SPACE_IO].data)),
        device_(memory.space[STINT_SPACE_DEVICE]) {
    const stint_block& block = memory.space[STINT_SPACE_SESSION];
    Carver carver(block.data, block.bytes);
    layout_ = lay_out_host(plan, program_, options, &carver);
  }

  /// Host tables, without the driver: cannot fail, so that destroy() always finds them.
  stint_session* begin() {
    session_ = new (layout_.session) stint_session();
    gpu_ = new (layout_.gpu) CudaSession();
    session_->gpu = gpu_;
    session_->process = getpid();
    session_->program = &program_;
    session_->batch = session_->active_slots = program_.batch();
    session_->step_count = program_.steps()->size();
    session_->binding_count = program_.bindings()->size();
    session_->bindings = layout_.bindings;
    session_->times = layout_.times;
    session_->limits = {-1.0f, -1.0f, 0};
    gpu_->modules = layout_.modules;
    gpu_->module_count = static_cast<uint32_t>(plan_.segment_count);
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
    for (uint32_t i = 0; i < gpu_->module_count; ++i) new (&gpu_->modules[i]) LoadedModule();
    for (uint32_t i = 0; i < session_->step_count; ++i) {
      new (&gpu_->kernels[i]) KernelState();
      if (session_->times != nullptr) new (&session_->times[i]) StepTimes();
    }
    return session_;
  }

  Status build() {
    STINT_RETURN_IF_ERROR(open_device());
    const ContextScope scope(gpu_->context);
    STINT_RETURN_IF_ERROR(scope.status());
    lay_out_memory();
    STINT_RETURN_IF_ERROR(build_bindings());
    STINT_RETURN_IF_ERROR(check(gpu_->driver->stream_create(&gpu_->stream, kStreamNonBlocking),
                                "a CUDA stream cannot be made"));
    STINT_RETURN_IF_ERROR(build_kernels());
    STINT_RETURN_IF_ERROR(upload_weights());
    STINT_RETURN_IF_ERROR(clear_arenas());
    STINT_RETURN_IF_ERROR(create_events());
    STINT_RETURN_IF_ERROR(build_graph(session_, limits_));
    return check(gpu_->driver->stream_synchronize(gpu_->stream),
                 "the session's memory on the device cannot be filled");
  }

 private:
  Status open_device() {
    STINT_RETURN_IF_ERROR(get_driver(&gpu_->driver));
    Device device = 0;
    STINT_RETURN_IF_ERROR(find_device(*gpu_->driver, options_.device, &device));
    STINT_RETURN_IF_ERROR(query_limits(*gpu_->driver, device, &limits_));
    STINT_RETURN_IF_ERROR(check_target(variant_, limits_));
    for (uint32_t i = 0; i < session_->step_count; ++i)
      STINT_RETURN_IF_ERROR(check_launch(*program_.steps()->Get(i)->launch(), limits_, i));
    return acquire_context(*gpu_->driver, options_.device, &gpu_->context);
  }

  void lay_out_memory() {
    // Collected before, with success, for the requirements.
    (void)collect_weight_ranges(program_, &gpu_->device.weights).ok();
    Carver carver(device_.data, device_.bytes);
    lay_out_device(program_, options_, &carver, &gpu_->device);
  }

  Status build_bindings() {
    MemoryKind io_kind = MemoryKind::kPageable;
    if (io_ != nullptr && program_.io_bytes() != 0) {
      STINT_RETURN_IF_ERROR(classify(*gpu_->driver, io_, &io_kind));
      if (io_kind == MemoryKind::kDevice) {
        return {Code::kInvalidArgument, STINT_SPACE_IO,
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

  Status build_kernels() {
    uint64_t used = 0;
    for (uint32_t i = 0; i < session_->step_count; ++i) {
      const fb::Step& step = *program_.steps()->Get(i);
      gpu_->kernels[i].params = layout_.params + used;
      used += (uint64_t{params_bytes(step)} + kParamsAlignment - 1) & ~(kParamsAlignment - 1);
      if (writes_nothing(program_, step)) continue;
      STINT_RETURN_IF_ERROR(find_function(*step.launch(), i));
      STINT_RETURN_IF_ERROR(check_function(step, i));
      write_params(step, i);
    }
    return ok_status();
  }

  /// Loads the step's cubin unless an earlier step did, and finds the kernel in it.
  Status find_function(const fb::Launch& launch, uint32_t step) {
    constexpr const char* kRefused =
        "the CUDA driver refuses the plan's machine code; build the plan again";
    constexpr const char* kMissing = "the plan's machine code has no kernel of the step's name";
    const Driver& driver = *gpu_->driver;
    LoadedModule& loaded = gpu_->modules[launch.module_segment()];
    const std::byte* code = segment_data(plan_, launch.module_segment());
    const char* symbol = launch.symbol()->c_str();
    KernelState& state = gpu_->kernels[step];
    if (driver.library_load == nullptr || driver.library_unload == nullptr ||
        driver.library_kernel == nullptr || driver.kernel_function == nullptr) {
      if (loaded.module == nullptr)
        STINT_RETURN_IF_ERROR(check(driver.module_load(&loaded.module, code), kRefused, step));
      return check(driver.module_function(&state.function, loaded.module, symbol), kMissing, step);
    }
    if (loaded.library == nullptr) {
      STINT_RETURN_IF_ERROR(check(
          driver.library_load(&loaded.library, code, nullptr, nullptr, 0, nullptr, nullptr, 0),
          kRefused, step));
    }
    Kernel kernel = nullptr;
    STINT_RETURN_IF_ERROR(
        check(driver.library_kernel(&kernel, loaded.library, symbol), kMissing, step));
    return check(driver.kernel_function(&state.function, kernel), kRefused, step);
  }

  /// What only the loaded kernel can tell: registers, static shared memory, length of parameters.
  Status check_function(const fb::Step& step, uint32_t index) {
    const Driver& driver = *gpu_->driver;
    const fb::Launch& launch = *step.launch();
    Function function = gpu_->kernels[index].function;
    int threads = 0, fixed = 0, allowed = 0;
    Result result = driver.function_attribute(&threads, kFunctionMaxThreads, function);
    if (result == kSuccess)
      result = driver.function_attribute(&fixed, kFunctionStaticShared, function);
    if (result == kSuccess)
      result = driver.function_attribute(&allowed, kFunctionMaxDynamicShared, function);
    STINT_RETURN_IF_ERROR(check(result, "the step's kernel cannot be examined", index));
    const int64_t block = int64_t{launch.block_x()} * launch.block_y() * launch.block_z();
    if (block > threads) {
      return {Code::kIncompatibleTarget, index,
              "the step's kernel takes too many registers for its block on this device", threads,
              block};
    }
    const int64_t shared = int64_t{launch.dynamic_smem()} + fixed;
    if (shared > limits_.shared) {
      return {Code::kIncompatibleTarget, index,
              "the step needs more shared memory than this device has", limits_.shared, shared};
    }
    if (launch.dynamic_smem() > static_cast<int64_t>(allowed)) {
      STINT_RETURN_IF_ERROR(
          check(driver.function_set_attribute(function, kFunctionMaxDynamicShared,
                                              static_cast<int>(launch.dynamic_smem())),
                "the step's shared memory cannot be reserved", index));
    }
    return check_param_size(function, params_bytes(step), index);
  }

  Status check_param_size(Function function, uint32_t bytes, uint32_t index) {
    if (gpu_->driver->function_param_info == nullptr) return ok_status();
    size_t offset = 0, size = 0;
    const bool first = gpu_->driver->function_param_info(function, 0, &offset, &size) == kSuccess;
    if (first && offset == 0 && size == bytes) {
      size_t ignored = 0;
      if (gpu_->driver->function_param_info(function, 1, &ignored, &ignored) != kSuccess)
        return ok_status();
    }
    return {Code::kCorruptPlan, index,
            "launch: the kernel's parameter is not the step's parameter block",
            first ? static_cast<int64_t>(size) : 0, bytes};
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
    const WeightRange* range = device.weights.find(tensor.index());
    return device.weight_addresses[range - device.weights.items] + tensor.offset() - range->begin;
  }

  Status upload_weights() {
    const DeviceLayout& device = gpu_->device;
    for (uint32_t i = 0; i < device.weights.count; ++i) {
      const WeightRange& range = device.weights.items[i];
      if (range.end == range.begin) continue;
      STINT_RETURN_IF_ERROR(
          check(gpu_->driver->upload(device.weight_addresses[i],
                                     segment_data(plan_, range.segment) + range.begin,
                                     range.end - range.begin, gpu_->stream),
                "the weights cannot be copied to the device"));
    }
    return ok_status();
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
    if (session_->times == nullptr) return ok_status();
    for (uint32_t i = 0; i <= session_->step_count; ++i) {
      STINT_RETURN_IF_ERROR(check(gpu_->driver->event_create(&gpu_->events[i], 0),
                                  "an event for the profile cannot be made"));
      gpu_->event_count = i + 1;
    }
    return ok_status();
  }

  const stint_plan& plan_;
  const fb::Program& program_;
  const fb::TargetVariant& variant_;
  const SessionOptions& options_;
  std::byte* io_;
  const stint_block& device_;
  HostLayout layout_;
  DeviceLimits limits_;
  stint_session* session_ = nullptr;
  CudaSession* gpu_ = nullptr;
};

}  // namespace

Status create(const stint_plan& plan, const Selection& selection, const SessionOptions& options,
              const stint_memory& memory, stint_session** session) {
  SessionBuilder builder(plan, selection, options, memory);
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
  if (gpu.context.driver == nullptr) return;
  const Driver& driver = *gpu.driver;
  {
    const ContextScope scope(gpu.context);
    if (gpu.is_enqueued) (void)driver.stream_synchronize(gpu.enqueued);
    if (gpu.stream != nullptr) (void)driver.stream_synchronize(gpu.stream);
    destroy_graph(&gpu);
    for (uint32_t i = 0; i < gpu.event_count; ++i) (void)driver.event_destroy(gpu.events[i]);
    for (uint32_t i = 0; i < gpu.module_count; ++i) {
      const LoadedModule& loaded = gpu.modules[i];
      if (loaded.library != nullptr) (void)driver.library_unload(loaded.library);
      if (loaded.module != nullptr) (void)driver.module_unload(loaded.module);
    }
    if (gpu.stream != nullptr) (void)driver.stream_destroy(gpu.stream);
  }
  release_context(&gpu.context);
}

}  // namespace stint::cuda
