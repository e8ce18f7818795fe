// The device sources of this folder as strings, for NVRTC.
#pragma once

namespace stint {

struct EmbeddedSource {
  const char* name;  // as #include writes it: relative to kernels/cuda/
  const char* text;
};

/// Ends with a null name.
extern const EmbeddedSource kEmbeddedSources[];

}  // namespace stint
