// Runs device sources without a GPU: compiles them with the host's C++ compiler against a stand-in
// for kernels/cuda/stint.cuh, and executes the blocks one after the other, the threads of a block
// as fibers that meet at barriers.
#pragma once

#include <string>
#include <vector>

#include "host_builder/tactics/lower.h"

namespace stint::test {

/// A GPU step's kernel as a library in this process.
class HostKernel {
 public:
  /// Throws std::runtime_error with the compiler's output. At most `threads` compilers at a time.
  explicit HostKernel(const builder::GpuLaunch& launch);
  ~HostKernel();
  HostKernel(const HostKernel&) = delete;
  HostKernel& operator=(const HostKernel&) = delete;

  /// `arguments` are the launch's pointers, in its order.
  void run(const std::vector<void*>& arguments) const;

 private:
  builder::GpuLaunch launch_;
  void* library_ = nullptr;
  void* entry_ = nullptr;
};

/// False if there is no compiler to do it with.
bool can_run_device_code_on_host();

}  // namespace stint::test
