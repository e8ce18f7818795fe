// NVIDIA's run-time compiler as a library opened at run time. Several versions live side by side in
// one process, one for each driver family that plans are built for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host_builder/targets/target.h"

namespace stint::builder {

class Nvrtc {
 public:
  /// The library of a family, opened at the first call and kept. Throws BuildError that says where
  /// it was looked for and how to install it.
  static const Nvrtc& of(NvrtcFamily family);
  /// Null if it is not installed. Throws BuildError for a wrong STINT_NVRTC_PATH.
  static const Nvrtc* find(NvrtcFamily family);

  struct Header {
    const char* name;
    const char* text;
  };

  /// Machine code. Throws BuildError with the compiler's log.
  std::vector<std::byte> compile(const std::string& source, const std::vector<Header>& headers,
                                 const std::vector<std::string>& options) const;

  const std::string& version() const { return version_; }  // "12.6.85"

 private:
  explicit Nvrtc(void* library);
  std::string build_number() const;

  // The entry points, as nvrtc.h declares them; a program is an opaque pointer, 0 is success.
  using Program = struct ProgramTag*;
  int (*version_number_)(int*, int*) = nullptr;
  int (*create_)(Program*, const char*, const char*, int, const char* const*,
                 const char* const*) = nullptr;
  int (*destroy_)(Program*) = nullptr;
  int (*compile_)(Program, int, const char* const*) = nullptr;
  int (*cubin_size_)(Program, size_t*) = nullptr;
  int (*cubin_)(Program, char*) = nullptr;
  int (*ptx_size_)(Program, size_t*) = nullptr;
  int (*ptx_)(Program, char*) = nullptr;
  int (*log_size_)(Program, size_t*) = nullptr;
  int (*log_)(Program, char*) = nullptr;
  const char* (*error_text_)(int) = nullptr;
  std::string version_;
};

}  // namespace stint::builder
