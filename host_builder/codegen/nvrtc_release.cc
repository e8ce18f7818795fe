#include "host_builder/codegen/nvrtc_release.h"

namespace stint::builder {

const NvrtcRelease& pinned_nvrtc(NvrtcFamily family) {
  // script/requirements.txt installs the same ones.
  static const NvrtcRelease releases[] = {
      {"11.8.89", "libnvrtc.so.11.2", "nvidia-cuda-nvrtc-cu11", {"cuda_nvrtc/lib"}},
      {"12.6.85", "libnvrtc.so.12", "nvidia-cuda-nvrtc-cu12", {"cuda_nvrtc/lib"}},
      {"13.0.88", "libnvrtc.so.13", "nvidia-cuda-nvrtc", {"cu13/lib", "cuda_nvrtc/lib"}},
  };
  return releases[static_cast<size_t>(family)];
}

std::string nvrtc_advice(NvrtcFamily family) {
  const NvrtcRelease& release = pinned_nvrtc(family);
  return std::string("python3 -m pip install --target ~/.local/share/stint/nvrtc ") +
         release.wheel + "==" + release.version;
}

}  // namespace stint::builder
