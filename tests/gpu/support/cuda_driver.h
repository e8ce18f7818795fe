// The few functions of the CUDA driver that these tests call, from libcuda.so.1 opened at run time.
// Own declarations: no CUDA header is needed to build the tests. Values and layouts are those of
// the driver's stable ABI (cuda.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace stint::test {

using CuResult = int;  // 0: success
using CuDevice = int;
using CuContext = struct CuContextTag*;
using CuModule = struct CuModuleTag*;
using CuFunction = struct CuFunctionTag*;
using CuStream = struct CuStreamTag*;
using CuEvent = struct CuEventTag*;
using CuGraph = struct CuGraphTag*;
using CuGraphExec = struct CuGraphExecTag*;
using CuAddress = unsigned long long;

struct CuLaunchAttribute {
  int id;
  char pad[4];
  union {
    char bytes[64];
    int flag;
  };
};
static_assert(sizeof(CuLaunchAttribute) == 72);

struct CuLaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
  CuStream stream;
  CuLaunchAttribute* attributes;
  unsigned attribute_count;
};
static_assert(sizeof(CuLaunchConfig) == 56);

inline constexpr int kCuAttributeComputeMajor = 75;
inline constexpr int kCuAttributeComputeMinor = 76;
inline constexpr int kCuFunctionMaxDynamicShared = 8;
inline constexpr int kCuLaunchProgrammaticSerialization = 6;
inline constexpr int kCuCaptureThreadLocal = 1;

struct CudaDriver {
  CuResult (*init)(unsigned flags);
  CuResult (*driver_get_version)(int* version);
  CuResult (*device_get)(CuDevice* device, int ordinal);
  CuResult (*device_get_attribute)(int* value, int attribute, CuDevice device);
  CuResult (*device_get_name)(char* name, int size, CuDevice device);
  CuResult (*primary_context_retain)(CuContext* context, CuDevice device);
  CuResult (*context_set_current)(CuContext context);
  CuResult (*module_load_data)(CuModule* module, const void* image);
  CuResult (*module_unload)(CuModule module);
  CuResult (*module_get_function)(CuFunction* function, CuModule module, const char* name);
  CuResult (*function_set_attribute)(CuFunction function, int attribute, int value);
  CuResult (*launch_kernel)(const CuLaunchConfig* config, CuFunction function, void** params,
                            void** extra);
  CuResult (*mem_alloc)(CuAddress* address, size_t bytes);
  CuResult (*mem_free)(CuAddress address);
  CuResult (*memcpy_to_device)(CuAddress to, const void* from, size_t bytes);
  CuResult (*memcpy_to_host)(void* to, CuAddress from, size_t bytes);
  CuResult (*memset_d8)(CuAddress to, unsigned char value, size_t bytes);
  CuResult (*stream_create)(CuStream* stream, unsigned flags);
  CuResult (*stream_destroy)(CuStream stream);
  CuResult (*stream_synchronize)(CuStream stream);
  CuResult (*stream_begin_capture)(CuStream stream, int mode);
  CuResult (*stream_end_capture)(CuStream stream, CuGraph* graph);
  CuResult (*graph_instantiate)(CuGraphExec* exec, CuGraph graph, unsigned long long flags);
  CuResult (*graph_launch)(CuGraphExec exec, CuStream stream);
  CuResult (*graph_destroy)(CuGraph graph);
  CuResult (*graph_exec_destroy)(CuGraphExec exec);
  CuResult (*event_create)(CuEvent* event, unsigned flags);
  CuResult (*event_destroy)(CuEvent event);
  CuResult (*event_record)(CuEvent event, CuStream stream);
  CuResult (*event_synchronize)(CuEvent event);
  CuResult (*event_elapsed_time)(float* milliseconds, CuEvent start, CuEvent end);
  CuResult (*get_error_name)(CuResult code, const char** name);
};

/// The driver's table; null where libcuda.so.1 or one of its functions is missing.
const CudaDriver* cuda_driver();

}  // namespace stint::test
