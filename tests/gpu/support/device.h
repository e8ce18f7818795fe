// The GPU that the tests run on, and what they hold of it. Where there is none, memory and kernels
// may be the host's (tests/support/cuda_on_host.h). Failures throw std::runtime_error naming
// the call and CUDA's code, except that a machine without a GPU is no failure: no_device() says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host_builder/codegen/compiler.h"
#include "host_builder/lowering/step_spec.h"
#include "host_builder/targets/target.h"
#include "tests/gpu/support/cuda_driver.h"
#include "tests/support/cuda_on_host.h"

namespace stint::test {

/// True, after printing one line, where there is no GPU: the test returns then. CTest reports it as
/// skipped.
bool no_device();

/// True where kernels run on the host: there is no GPU, but the compiler of this build.
bool on_host();

struct Device {
  const CudaDriver* driver = nullptr;
  std::string name;
  uint32_t sm = 0;
  int driver_version = 0;  // 13000
  CuStream stream = nullptr;
};

/// GPU 0 with its primary context current. Requires !no_device().
const Device& device();

/// What tests build for: the device's own target, or with STINT_GPU_AS=orin the variant that Orin
/// gets, as machine code for this device.
builder::Target test_target();

/// Code of each launch for the device that there is; what Kernel takes.
std::vector<builder::Cubin> compile_launches(const std::vector<builder::GpuLaunch>& launches,
                                             const builder::Target& target);

void check_cuda(CuResult code, const char* what);

/// Device memory, or the host's; freed with the object.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(size_t bytes);
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  ~DeviceMemory();

  CuAddress address() const { return address_; }
  size_t size() const { return size_; }
  void upload(const void* from, size_t bytes, size_t at = 0);
  void fill(unsigned char value);
  std::vector<std::byte> download() const;

 private:
  CuAddress address_ = 0;
  size_t size_ = 0;
};

/// A kernel of compile_launches(), ready to be launched as a step describes it.
class Kernel {
 public:
  Kernel(const std::vector<std::byte>& cubin, const builder::GpuLaunch& launch);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  /// Enqueues on the device's stream; `parameters` is the kernel's one parameter block. With
  /// `programmatic` the launch follows the one before by a programmatic edge (sm_90 and later).
  void launch(const std::vector<uint64_t>& parameters, bool programmatic = false) const;

 private:
  CuModule module_ = nullptr;
  CuFunction function_ = nullptr;
  builder::GpuLaunch launch_;
  std::unique_ptr<HostKernel> on_host_;
};

/// Everything that `enqueue` puts on the device's stream, as one CUDA graph.
class CapturedGraph {
 public:
  template <typename F>
  explicit CapturedGraph(F enqueue) {
    begin();
    enqueue();
    end();
  }
  ~CapturedGraph();
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;

  /// Microseconds on the device of one of `launches` launches in a row.
  double microseconds(int launches) const;

 private:
  void begin();
  void end();
  CuGraph graph_ = nullptr;
  CuGraphExec exec_ = nullptr;
};

/// Waits for the device's stream.
void synchronize();

}  // namespace stint::test
