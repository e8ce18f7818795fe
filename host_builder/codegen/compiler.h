// CUDA source -> machine code for one SM, without a GPU: NVRTC, opened at run time, several
// versions side by side.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_builder/targets/target.h"

namespace stint::builder {

using Cubin = std::shared_ptr<const std::vector<std::byte>>;

struct CompileOptions {
  unsigned threads = 0;  // 0: all
  bool use_cache = true;
  std::function<void(size_t done, size_t total)> progress;
};

struct CompiledCode {
  std::vector<Cubin> cubins;          // as the sources were given
  std::string how;                    // compiler and options, for the plan
  std::vector<std::string> warnings;  // for the user
};

/// Compiles each source for the target's SM, equal ones once; same order as given. `#include` finds
/// the headers of kernels/cuda/, which the builder carries; STINT_PDL and STINT_SM are defined.
/// Results are cached on disk by the hash of everything that goes in (code_cache.h). All code is of
/// one compiler: the target's pinned release (nvrtc_release.h), which need not be there if the
/// cache has everything; else the one that is installed, with a warning. Throws BuildError with the
/// compiler's log, or if the NVRTC that the target needs is not installed.
CompiledCode compile_cuda(const std::vector<std::string>& sources, const Target& target,
                          const CompileOptions& options);

/// "NVRTC 13.0.88" of the library that a family would use, or "" if there is none.
std::string nvrtc_version(NvrtcFamily family);

/// "NVRTC 13.0" of what makes a family's code: the library that is installed, else the pinned one,
/// whose code may be in the cache. What timings of tactics depend on.
std::string nvrtc_line(NvrtcFamily family);

}  // namespace stint::builder
