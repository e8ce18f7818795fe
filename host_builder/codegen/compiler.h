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

/// Compiles each source for the target's SM, equal ones once; same order as given. `#include` finds
/// the headers of kernels/cuda/, which the builder carries; STINT_PDL and STINT_SM are defined.
/// Results are cached on disk by the hash of everything that goes in (STINT_CACHE_DIR, else
/// XDG_CACHE_HOME/stint, else ~/.cache/stint). Throws BuildError with the compiler's log, or if the
/// NVRTC that the target needs is not installed.
std::vector<Cubin> compile_cuda(const std::vector<std::string>& sources, const Target& target,
                                const CompileOptions& options);

/// How a target's code is made, for the plan: compiler and options.
std::string codegen_text(const Target& target);

/// "NVRTC 13.0" of the library that a family would use, or "" if there is none. For stint targets.
std::string nvrtc_version(NvrtcFamily family);

}  // namespace stint::builder
