// Memory from the driver for callers without CUDA of their own. The only code here that allocates,
// and only when called.
#include "core/cuda/device.h"

namespace stint::cuda {
namespace {

DeviceContext context_of(const Driver* driver, const stint_cuda_memory& memory) {
  return {driver, static_cast<Context>(memory.context), static_cast<Device>(memory.device),
          memory.retained != 0};
}

Status allocate_in(const DeviceContext& context, uint32_t kind, uint64_t bytes, void** data) {
  const ContextScope scope(context);
  STINT_RETURN_IF_ERROR(scope.status());
  DeviceAddress address = 0;
  const Result result = kind == STINT_CUDA_DEVICE_MEMORY
                            ? context.driver->allocate(&address, bytes)
                            : context.driver->allocate_host(data, bytes, kHostPortable);
  if (kind == STINT_CUDA_DEVICE_MEMORY) *data = reinterpret_cast<void*>(address);
  if (result == kOutOfDeviceMemory) {
    return {Code::kOutOfMemory, kNoDetail,
            kind == STINT_CUDA_DEVICE_MEMORY ? "there is not enough memory on the CUDA device"
                                             : "there is not enough pinned host memory",
            0, static_cast<int64_t>(bytes)};
  }
  return check(result, "CUDA memory cannot be allocated");
}

void clear(stint_cuda_memory* memory) { *memory = STINT_CUDA_MEMORY_INIT; }

Status allocate(uint32_t ordinal, uint32_t kind, uint64_t bytes, stint_cuda_memory* memory) {
  if (memory == nullptr) return {Code::kInvalidArgument, kNoDetail, "memory is NULL"};
  if (memory->struct_size != sizeof *memory) {
    return {Code::kInvalidArgument, kNoDetail,
            "stint_cuda_memory: its struct_size is not this library's; begin with "
            "STINT_CUDA_MEMORY_INIT",
            memory->struct_size, sizeof *memory};
  }
  clear(memory);
  if (kind > STINT_CUDA_PINNED_MEMORY || bytes == 0)
    return {Code::kInvalidArgument, kNoDetail, "no such kind of memory, or no bytes", kind, 0};
  const Driver* driver = nullptr;
  DeviceContext context;
  STINT_RETURN_IF_ERROR(get_driver(&driver));
  STINT_RETURN_IF_ERROR(acquire_context(*driver, ordinal, &context));
  void* data = nullptr;
  if (Status status = allocate_in(context, kind, bytes, &data); !status.ok()) {
    release_context(&context);
    return status;
  }
  memory->kind = kind;
  memory->data = data;
  memory->bytes = bytes;
  memory->context = context.context;
  memory->device = static_cast<uint32_t>(context.device);
  memory->retained = context.retained ? 1 : 0;
  return ok_status();
}

void free_memory(stint_cuda_memory* memory) {
  const Driver* driver = nullptr;
  if (memory == nullptr || memory->data == nullptr || !get_driver(&driver).ok()) return;
  DeviceContext context = context_of(driver, *memory);
  {
    const ContextScope scope(context);
    if (memory->kind == STINT_CUDA_DEVICE_MEMORY) {
      (void)driver->release(reinterpret_cast<DeviceAddress>(memory->data));
    } else {
      (void)driver->release_host(memory->data);
    }
  }
  release_context(&context);
  clear(memory);
}

Status copy(const stint_cuda_memory* memory, void* to, const void* from, uint64_t bytes) {
  if (memory == nullptr || memory->data == nullptr || to == nullptr || from == nullptr)
    return {Code::kInvalidArgument, kNoDetail, "memory, to or from is NULL"};
  const Driver* driver = nullptr;
  STINT_RETURN_IF_ERROR(get_driver(&driver));
  const ContextScope scope(context_of(driver, *memory));
  STINT_RETURN_IF_ERROR(scope.status());
  Result result = driver->copy(reinterpret_cast<DeviceAddress>(to),
                               reinterpret_cast<DeviceAddress>(from), bytes);
  // Small copies from pageable memory return before they have arrived on the device.
  if (result == kSuccess) result = driver->stream_synchronize(nullptr);
  return check(result, "CUDA memory cannot be copied");
}

}  // namespace
}  // namespace stint::cuda

extern "C" {

stint_status stint_cuda_allocate(uint32_t device, stint_cuda_memory_kind kind, uint64_t bytes,
                                 stint_cuda_memory* memory) {
  return stint::to_c(stint::cuda::allocate(device, kind, bytes, memory));
}

void stint_cuda_free(stint_cuda_memory* memory) { stint::cuda::free_memory(memory); }

stint_status stint_cuda_copy(const stint_cuda_memory* memory, void* to, const void* from,
                             uint64_t bytes) {
  return stint::to_c(stint::cuda::copy(memory, to, from, bytes));
}

}  // extern "C"
