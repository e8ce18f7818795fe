// The CUDA driver as one table of functions, filled from libcuda.so.1 when the first session asks
// for it. Nothing here needs a CUDA header or links a CUDA library; tests put a table of their own
// in its place. Types, values and signatures are those of the driver's stable binary interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan_schema/status.h"

namespace stint::cuda {

using Result = int;                  // CUresult
using Device = int;                  // CUdevice
using DeviceAddress = uint64_t;      // CUdeviceptr
using Context = struct ContextTag*;  // and so on: opaque handles
using Stream = struct StreamTag*;
using Event = struct EventTag*;
using Library = struct LibraryTag*;
using Kernel = struct KernelTag*;
using Module = struct ModuleTag*;
using Function = struct FunctionTag*;
using Graph = struct GraphTag*;
using GraphNode = struct GraphNodeTag*;
using GraphExec = struct GraphExecTag*;

inline constexpr Result kSuccess = 0;
inline constexpr Result kInvalidValue = 1;
inline constexpr Result kOutOfDeviceMemory = 2;
inline constexpr Result kNoDevice = 100;
inline constexpr Result kNotReady =
    600;  // of event_query: what it was recorded behind is under way

// CUdevice_attribute
inline constexpr int kMaxThreadsPerBlock = 1;
inline constexpr int kMaxBlockX = 2;  // then y, z
inline constexpr int kMaxGridX = 5;   // then y, z
inline constexpr int kMaxSharedPerBlock = 8;
inline constexpr int kMultiprocessors = 16;
inline constexpr int kCapabilityMajor = 75;
inline constexpr int kCapabilityMinor = 76;
inline constexpr int kMaxSharedPerBlockOptIn = 97;

// CUfunction_attribute
inline constexpr int kFunctionMaxThreads = 0;
inline constexpr int kFunctionStaticShared = 1;
inline constexpr int kFunctionMaxDynamicShared = 8;

inline constexpr int kPointerMemoryType = 2;  // CU_POINTER_ATTRIBUTE_MEMORY_TYPE
inline constexpr uint32_t kMemoryTypeHost = 1;
inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventWithoutTime = 2;
inline constexpr unsigned kHostPortable = 1;

/// CUDA_KERNEL_NODE_PARAMS in its first layout, which every driver takes.
struct KernelNodeParams {
  Function function = nullptr;
  unsigned grid[3] = {1, 1, 1};
  unsigned block[3] = {1, 1, 1};
  unsigned dynamic_shared = 0;
  void** params = nullptr;
  void** extra = nullptr;
};
static_assert(sizeof(KernelNodeParams) == 56);

/// CUgraphEdgeData.
struct EdgeData {
  uint8_t from_port = 0;
  uint8_t to_port = 0;
  uint8_t type = 0;
  uint8_t reserved[5] = {};
};
inline constexpr EdgeData kProgrammaticEdge = {1, 0, 1, {}};
inline constexpr int kProgrammaticEdgesSince = 12030;  // driver version

// Every function of the table: field, symbol, signature. The first list is there since CUDA 11.4
// (JetPack 5) and required; the second may be missing from a driver, its fields are then null.
#define STINT_CUDA_REQUIRED(F)                                                                 \
  F(init, "cuInit", Result (*)(unsigned))                                                      \
  F(driver_version, "cuDriverGetVersion", Result (*)(int*))                                    \
  F(device_count, "cuDeviceGetCount", Result (*)(int*))                                        \
  F(device_get, "cuDeviceGet", Result (*)(Device*, int))                                       \
  F(device_attribute, "cuDeviceGetAttribute", Result (*)(int*, int, Device))                   \
  F(device_name, "cuDeviceGetName", Result (*)(char*, int, Device))                            \
  F(device_memory, "cuDeviceTotalMem_v2", Result (*)(size_t*, Device))                         \
  F(primary_retain, "cuDevicePrimaryCtxRetain", Result (*)(Context*, Device))                  \
  F(primary_release, "cuDevicePrimaryCtxRelease_v2", Result (*)(Device))                       \
  F(context_current, "cuCtxGetCurrent", Result (*)(Context*))                                  \
  F(context_device, "cuCtxGetDevice", Result (*)(Device*))                                     \
  F(context_push, "cuCtxPushCurrent_v2", Result (*)(Context))                                  \
  F(context_pop, "cuCtxPopCurrent_v2", Result (*)(Context*))                                   \
  F(allocate, "cuMemAlloc_v2", Result (*)(DeviceAddress*, size_t))                             \
  F(release, "cuMemFree_v2", Result (*)(DeviceAddress))                                        \
  F(allocate_host, "cuMemHostAlloc", Result (*)(void**, size_t, unsigned))                     \
  F(release_host, "cuMemFreeHost", Result (*)(void*))                                          \
  F(copy, "cuMemcpy", Result (*)(DeviceAddress, DeviceAddress, size_t))                        \
  F(upload, "cuMemcpyHtoDAsync_v2", Result (*)(DeviceAddress, const void*, size_t, Stream))    \
  F(download, "cuMemcpyDtoHAsync_v2", Result (*)(void*, DeviceAddress, size_t, Stream))        \
  F(fill, "cuMemsetD8Async", Result (*)(DeviceAddress, unsigned char, size_t, Stream))         \
  F(pointer_attribute, "cuPointerGetAttribute", Result (*)(void*, int, DeviceAddress))         \
  F(stream_create, "cuStreamCreate", Result (*)(Stream*, unsigned))                            \
  F(stream_destroy, "cuStreamDestroy_v2", Result (*)(Stream))                                  \
  F(stream_synchronize, "cuStreamSynchronize", Result (*)(Stream))                             \
  F(event_create, "cuEventCreate", Result (*)(Event*, unsigned))                               \
  F(event_destroy, "cuEventDestroy_v2", Result (*)(Event))                                     \
  F(event_elapsed, "cuEventElapsedTime", Result (*)(float*, Event, Event))                     \
  F(event_record, "cuEventRecord", Result (*)(Event, Stream))                                  \
  F(event_query, "cuEventQuery", Result (*)(Event))                                            \
  F(event_synchronize, "cuEventSynchronize", Result (*)(Event))                                \
  F(module_load, "cuModuleLoadData", Result (*)(Module*, const void*))                         \
  F(module_unload, "cuModuleUnload", Result (*)(Module))                                       \
  F(module_function, "cuModuleGetFunction", Result (*)(Function*, Module, const char*))        \
  F(function_attribute, "cuFuncGetAttribute", Result (*)(int*, int, Function))                 \
  F(function_set_attribute, "cuFuncSetAttribute", Result (*)(Function, int, int))              \
  F(graph_create, "cuGraphCreate", Result (*)(Graph*, unsigned))                               \
  F(graph_destroy, "cuGraphDestroy", Result (*)(Graph))                                        \
  F(graph_add_kernel, "cuGraphAddKernelNode",                                                  \
    Result (*)(GraphNode*, Graph, const GraphNode*, size_t, const KernelNodeParams*))          \
  F(graph_add_empty, "cuGraphAddEmptyNode",                                                    \
    Result (*)(GraphNode*, Graph, const GraphNode*, size_t))                                   \
  F(graph_add_event, "cuGraphAddEventRecordNode",                                              \
    Result (*)(GraphNode*, Graph, const GraphNode*, size_t, Event))                            \
  F(graph_add_edges, "cuGraphAddDependencies",                                                 \
    Result (*)(Graph, const GraphNode*, const GraphNode*, size_t))                             \
  F(graph_instantiate, "cuGraphInstantiateWithFlags", Result (*)(GraphExec*, Graph, uint64_t)) \
  F(graph_upload, "cuGraphUpload", Result (*)(GraphExec, Stream))                              \
  F(graph_launch, "cuGraphLaunch", Result (*)(GraphExec, Stream))                              \
  F(graph_set_kernel, "cuGraphExecKernelNodeSetParams",                                        \
    Result (*)(GraphExec, GraphNode, const KernelNodeParams*))                                 \
  F(graph_exec_destroy, "cuGraphExecDestroy", Result (*)(GraphExec))

#define STINT_CUDA_OPTIONAL(F)                                                         \
  F(library_load, "cuLibraryLoadData", /* CUDA 12.0 */                                 \
    Result (*)(Library*, const void*, int*, void**, unsigned, int*, void**, unsigned)) \
  F(library_unload, "cuLibraryUnload", Result (*)(Library))                            \
  F(library_kernel, "cuLibraryGetKernel", Result (*)(Kernel*, Library, const char*))   \
  F(kernel_function, "cuKernelGetFunction", Result (*)(Function*, Kernel))             \
  F(graph_add_typed_edges, "cuGraphAddDependencies_v2", /* CUDA 12.3 */                \
    Result (*)(Graph, const GraphNode*, const GraphNode*, const EdgeData*, size_t))    \
  F(function_param_info, "cuFuncGetParamInfo", /* CUDA 12.4 */                         \
    Result (*)(Function, size_t, size_t*, size_t*))

template <typename Signature>
using Entry = Signature;

struct Driver {
#define STINT_CUDA_FIELD(field, symbol, ...) Entry<__VA_ARGS__> field = nullptr;
  STINT_CUDA_REQUIRED(STINT_CUDA_FIELD)
  STINT_CUDA_OPTIONAL(STINT_CUDA_FIELD)
#undef STINT_CUDA_FIELD
};

/// The driver of this process, opened and initialised once. kCudaUnavailable with the reason if
/// there is none that can be used.
Status get_driver(const Driver** driver);

/// Puts a table in the driver's place until called with null. Not while a session exists.
void set_driver_for_test(const Driver* driver);

/// OK for kSuccess, else kCudaFailed with CUDA's code in `found`.
inline Status check(Result result, const char* message, Detail detail = kNoDetail) {
  if (result == kSuccess) return ok_status();
  return {Code::kCudaFailed, detail, message, result, 0};
}

}  // namespace stint::cuda
