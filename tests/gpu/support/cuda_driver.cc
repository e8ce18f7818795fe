#include "tests/gpu/support/cuda_driver.h"

#include <dlfcn.h>

#include <cstring>

namespace stint::test {
namespace {

bool open_driver(CudaDriver& d) {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  bool complete = true;
  const auto bind = [&](auto& function, const char* name) {
    void* symbol = dlsym(library, name);
    static_assert(sizeof(function) == sizeof(symbol));
    std::memcpy(&function, &symbol, sizeof symbol);
    complete = complete && symbol != nullptr;
  };
  bind(d.init, "cuInit");
  bind(d.driver_get_version, "cuDriverGetVersion");
  bind(d.device_get, "cuDeviceGet");
  bind(d.device_get_attribute, "cuDeviceGetAttribute");
  bind(d.device_get_name, "cuDeviceGetName");
  bind(d.primary_context_retain, "cuDevicePrimaryCtxRetain");
  bind(d.context_set_current, "cuCtxSetCurrent");
  bind(d.module_load_data, "cuModuleLoadData");
  bind(d.module_unload, "cuModuleUnload");
  bind(d.module_get_function, "cuModuleGetFunction");
  bind(d.function_set_attribute, "cuFuncSetAttribute");
  bind(d.launch_kernel, "cuLaunchKernelEx");
  bind(d.mem_alloc, "cuMemAlloc_v2");
  bind(d.mem_free, "cuMemFree_v2");
  bind(d.memcpy_to_device, "cuMemcpyHtoD_v2");
  bind(d.memcpy_to_host, "cuMemcpyDtoH_v2");
  bind(d.memset_d8, "cuMemsetD8_v2");
  bind(d.stream_create, "cuStreamCreate");
  bind(d.stream_destroy, "cuStreamDestroy_v2");
  bind(d.stream_synchronize, "cuStreamSynchronize");
  bind(d.stream_begin_capture, "cuStreamBeginCapture_v2");
  bind(d.stream_end_capture, "cuStreamEndCapture");
  bind(d.graph_instantiate, "cuGraphInstantiateWithFlags");
  bind(d.graph_launch, "cuGraphLaunch");
  bind(d.graph_destroy, "cuGraphDestroy");
  bind(d.graph_exec_destroy, "cuGraphExecDestroy");
  bind(d.event_create, "cuEventCreate");
  bind(d.event_destroy, "cuEventDestroy_v2");
  bind(d.event_record, "cuEventRecord");
  bind(d.event_synchronize, "cuEventSynchronize");
  bind(d.event_elapsed_time, "cuEventElapsedTime");
  bind(d.get_error_name, "cuGetErrorName");
  return complete;
}

}  // namespace

const CudaDriver* cuda_driver() {
  static CudaDriver driver = {};
  static const bool usable = open_driver(driver);
  return usable ? &driver : nullptr;
}

}  // namespace stint::test
