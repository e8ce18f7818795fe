// Runs device sources without a GPU. A source is compiled with the host's C++ compiler from a copy
// of kernels/cuda in which every header with instructions of the device (words, shared_memory,
// async_copy, tensor_core, warpgroup, cluster, stint) is replaced by the one of the same name in
// tests/support/cuda_on_host/; all other headers are the device's own. Then its blocks run one
// after the other, the threads of a block (or of a cluster's blocks) as fibers (host_blocks.h).
//
// This finds, besides wrong results: barriers, copies and waits that are missing, threads that
// wait for ever or end without STINT_WAIT(), accesses that are not aligned or lie outside of
// dynamic shared memory, instructions that the SM does not have.
//
//   HostKernel(*step.launch, target.gpu.source_sm).run(pointers);   // in the kernel's order
//
// The tests in tests/gpu (check_family) do so on a machine without a GPU. A new header with asm
// needs a stand-in of the same name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/lowering/step_spec.h"

namespace stint::test {

/// The path of a library with the launch's kernel as code for this machine that makes use of what
/// SM `sm` has; equal sources are compiled once. Throws std::runtime_error with the compiler's
/// output.
std::string compile_on_host(const builder::GpuLaunch& launch, uint32_t sm);

/// A GPU step's kernel as a library in this process.
class HostKernel {
 public:
  explicit HostKernel(const builder::GpuLaunch& launch, uint32_t sm = 87)
      : HostKernel(launch, compile_on_host(launch, sm)) {}
  HostKernel(const builder::GpuLaunch& launch, const std::string& library);
  ~HostKernel();
  HostKernel(const HostKernel&) = delete;
  HostKernel& operator=(const HostKernel&) = delete;

  /// `arguments` are the launch's pointers, in its order. Throws std::runtime_error if the kernel
  /// does what a device could not do.
  void run(const std::vector<void*>& arguments) const;

 private:
  builder::GpuLaunch launch_;
  void* library_ = nullptr;
  void* entry_ = nullptr;
};

/// False if there is no compiler to do it with, or no sources (those of kernels/cuda and the
/// stand-ins: found beside the build folder, or in STINT_SOURCE_FOLDER); says why, once.
bool can_run_device_code_on_host();

}  // namespace stint::test
