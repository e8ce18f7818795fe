#include "core/cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cstring>

namespace stint::cuda {
namespace {

Driver system_driver;
Status system_status;
pthread_once_t opened = PTHREAD_ONCE_INIT;
const Driver* test_driver = nullptr;

template <typename F>
bool find(void* library, const char* symbol, F* function) {
  void* address = dlsym(library, symbol);
  static_assert(sizeof address == sizeof *function);
  std::memcpy(function, &address, sizeof address);
  return address != nullptr;
}

Status fill(void* library) {
  bool complete = true;
#define STINT_CUDA_FIND(field, symbol, ...) \
  complete = find(library, symbol, &system_driver.field) && complete;
  STINT_CUDA_REQUIRED(STINT_CUDA_FIND)
#undef STINT_CUDA_FIND
  if (!complete) {
    return {Code::kCudaUnavailable, kNoDetail,
            "the NVIDIA driver is older than CUDA 11.4; update it"};
  }
#define STINT_CUDA_FIND(field, symbol, ...) find(library, symbol, &system_driver.field);
  STINT_CUDA_OPTIONAL(STINT_CUDA_FIND)
#undef STINT_CUDA_FIND
  return ok_status();
}

Status initialise(const Driver& driver) {
  const Result result = driver.init(0);
  if (result == kSuccess) return ok_status();
  return {Code::kCudaUnavailable, kNoDetail,
          result == kNoDevice ? "there is no CUDA device on this machine; use the cpu target"
                              : "the NVIDIA driver cannot be initialised",
          result, 0};
}

void open_system_driver() {
  // Never closed: the driver keeps threads of its own.
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    system_status = {Code::kCudaUnavailable, kNoDetail,
                     "there is no NVIDIA driver on this machine (libcuda.so.1 cannot be opened); "
                     "use the cpu target"};
    return;
  }
  system_status = fill(library);
  if (system_status.ok()) system_status = initialise(system_driver);
}

}  // namespace

Status get_driver(const Driver** driver) {
  if (test_driver != nullptr) {
    *driver = test_driver;
    return initialise(*test_driver);
  }
  pthread_once(&opened, open_system_driver);
  *driver = &system_driver;
  return system_status;
}

void set_driver_for_test(const Driver* driver) { test_driver = driver; }

}  // namespace stint::cuda
