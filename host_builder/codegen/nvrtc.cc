#include "host_builder/codegen/nvrtc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

#include "host_builder/graph/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

struct Package {
  const char* library;
  const char* wheel;
  std::vector<std::string> folders;  // below site-packages
};

const Package& package_of(NvrtcFamily family) {
  static const Package packages[] = {
      {"libnvrtc.so.11.2", "nvidia-cuda-nvrtc-cu11==11.8.89", {"nvidia/cuda_nvrtc/lib"}},
      {"libnvrtc.so.12", "nvidia-cuda-nvrtc-cu12==12.6.85", {"nvidia/cuda_nvrtc/lib"}},
      {"libnvrtc.so.13",
       "nvidia-cuda-nvrtc==13.0.88",
       {"nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"}},
  };
  return packages[static_cast<size_t>(family)];
}

/// Folders of STINT_NVRTC_PATH, then the project's own Python environment.
std::vector<fs::path> candidates(const Package& package) {
  std::vector<fs::path> paths;
  if (const char* given = std::getenv("STINT_NVRTC_PATH"); given != nullptr) {
    std::stringstream list(given);
    for (std::string folder; std::getline(list, folder, ':');)
      if (!folder.empty()) paths.push_back(fs::path(folder) / package.library);
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(STINT_VENV "/lib", ignored)) {
    for (const std::string& folder : package.folders)
      paths.push_back(entry.path() / "site-packages" / folder / package.library);
  }
  return paths;
}

/// NVRTC opens its library of built-in functions by name only. Its run path does not count where a
/// sanitizer stands between it and the loader, nor where a user linked the file from elsewhere; a
/// library that is open already is found in any case.
void open_builtins(const fs::path& library) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(library.parent_path(), ignored))
    if (entry.path().filename().string().rfind("libnvrtc-builtins.so.", 0) == 0)
      dlopen(entry.path().c_str(), RTLD_NOW | RTLD_LOCAL);
}

void* open_library(NvrtcFamily family) {
  const Package& package = package_of(family);
  for (const fs::path& path : candidates(package)) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    open_builtins(path);
    if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr)
      return handle;
  }
  if (void* handle = dlopen(package.library, RTLD_NOW | RTLD_LOCAL); handle != nullptr)
    return handle;
  throw BuildError(std::string("the CUDA compiler library ") + package.library +
                   " is not installed; run script/setup, or: pip install " + package.wheel +
                   " and set STINT_NVRTC_PATH to the folder it lies in");
}

template <typename F>
void bind(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (function == nullptr)
    throw BuildError(std::string("the CUDA compiler library has no ") + name +
                     "; install one of CUDA 11.8 or later");
}

}  // namespace

Nvrtc::Nvrtc(NvrtcFamily family) {
  void* library = open_library(family);
  bind(library, "nvrtcVersion", version_number_);
  bind(library, "nvrtcCreateProgram", create_);
  bind(library, "nvrtcDestroyProgram", destroy_);
  bind(library, "nvrtcCompileProgram", compile_);
  bind(library, "nvrtcGetCUBINSize", cubin_size_);
  bind(library, "nvrtcGetCUBIN", cubin_);
  bind(library, "nvrtcGetProgramLogSize", log_size_);
  bind(library, "nvrtcGetProgramLog", log_);
  bind(library, "nvrtcGetErrorString", error_text_);
  int major = 0, minor = 0;
  if (version_number_(&major, &minor) != 0)
    throw BuildError("the CUDA compiler library does not tell its version");
  version_ = std::to_string(major) + "." + std::to_string(minor);
}

const Nvrtc& Nvrtc::of(NvrtcFamily family) {
  static std::mutex mutex;
  static std::map<NvrtcFamily, std::unique_ptr<const Nvrtc>> opened;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& nvrtc = opened[family];
  if (nvrtc == nullptr) nvrtc.reset(new Nvrtc(family));
  return *nvrtc;
}

std::vector<std::byte> Nvrtc::compile(const std::string& source, const std::vector<Header>& headers,
                                      const std::vector<std::string>& options) const {
  std::vector<const char*> names, texts, flags;
  for (const Header& header : headers) {
    names.push_back(header.name);
    texts.push_back(header.text);
  }
  for (const std::string& option : options) flags.push_back(option.c_str());
  const auto check = [&](int code, const char* what) {
    if (code != 0)
      throw BuildError(std::string("CUDA compiler ") + version_ + ": " + what + ": " +
                       error_text_(code));
  };
  Program program = nullptr;
  check(create_(&program, source.c_str(), "step.cu", static_cast<int>(headers.size()), texts.data(),
                names.data()),
        "cannot take the source");
  const auto destroy = [this](Program* p) { destroy_(p); };
  const std::unique_ptr<Program, decltype(destroy)> owner(&program, destroy);
  if (const int code = compile_(program, static_cast<int>(flags.size()), flags.data()); code != 0) {
    size_t bytes = 0;
    std::string log;
    if (log_size_(program, &bytes) == 0 && bytes > 1) {
      log.resize(bytes);
      if (log_(program, log.data()) != 0) log.clear();
    }
    throw BuildError(std::string("CUDA compiler ") + version_ + ": " + error_text_(code) + "\n" +
                     log);
  }
  size_t bytes = 0;
  check(cubin_size_(program, &bytes), "no machine code");
  std::vector<std::byte> cubin(bytes);
  check(cubin_(program, reinterpret_cast<char*>(cubin.data())), "no machine code");
  if (cubin.empty())
    throw BuildError("CUDA compiler " + version_ + ": it makes no machine code for this target");
  return cubin;
}

}  // namespace stint::builder
