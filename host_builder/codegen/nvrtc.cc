#include "host_builder/codegen/nvrtc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "host_builder/codegen/nvrtc_release.h"
#include "host_builder/codegen/nvrtc_search.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

/// NVRTC opens its library of built-in functions by name only. Its run path does not count where a
/// sanitizer stands between it and the loader, nor where a user linked the file from elsewhere; a
/// library that is open already is found in any case.
void open_builtins(const fs::path& library) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(library.parent_path(), ignored))
    if (entry.path().filename().string().rfind("libnvrtc-builtins.so.", 0) == 0)
      dlopen(entry.path().c_str(), RTLD_NOW | RTLD_LOCAL);
}

/// Null if it is nowhere.
void* open_library(NvrtcFamily family) {
  const NvrtcRelease& release = pinned_nvrtc(family);
  const NvrtcSurroundings where = NvrtcSurroundings::of_this_process();
  if (const auto path = find_nvrtc(where, release.folders, release.library); path) {
    open_builtins(*path);
    if (void* handle = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr)
      return handle;
    const char* why = dlerror();
    throw BuildError(
        "the CUDA compiler library " + path->string() + " cannot be loaded (" +
        (why == nullptr ? "unknown error" : why) +
        "); remove it, or install the one this builder was made for: " + nvrtc_advice(family));
  }
  if (!where.nvrtc_path.empty()) return nullptr;
  return dlopen(release.library, RTLD_NOW | RTLD_LOCAL);
}

std::string missing_text(NvrtcFamily family) {
  const NvrtcRelease& release = pinned_nvrtc(family);
  const std::string what = std::string("the CUDA compiler library ") + release.library +
                           " (NVRTC " + release.version + ")";
  const std::string install =
      "install it with: " + nvrtc_advice(family) + " (needs no root; stint finds it there)";
  if (const char* given = std::getenv("STINT_NVRTC_PATH"); given != nullptr && *given != '\0')
    return what + " is not in STINT_NVRTC_PATH=" + given +
           ", and then nowhere else is looked; add the folder it lies in, or unset the variable "
           "and " +
           install;
  return what + " is not installed; " + install +
         ", or set STINT_NVRTC_PATH to the folder it lies in";
}

template <typename F>
void bind(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (function == nullptr)
    throw BuildError(
        std::string("the CUDA compiler library has no ") + name +
        "; install one of CUDA 11.8 or later with: " + nvrtc_advice(NvrtcFamily::kCuda12));
}

}  // namespace

Nvrtc::Nvrtc(void* library) {
  bind(library, "nvrtcVersion", version_number_);
  bind(library, "nvrtcCreateProgram", create_);
  bind(library, "nvrtcDestroyProgram", destroy_);
  bind(library, "nvrtcCompileProgram", compile_);
  bind(library, "nvrtcGetCUBINSize", cubin_size_);
  bind(library, "nvrtcGetCUBIN", cubin_);
  bind(library, "nvrtcGetPTXSize", ptx_size_);
  bind(library, "nvrtcGetPTX", ptx_);
  bind(library, "nvrtcGetProgramLogSize", log_size_);
  bind(library, "nvrtcGetProgramLog", log_);
  bind(library, "nvrtcGetErrorString", error_text_);
  int major = 0, minor = 0;
  if (version_number_(&major, &minor) != 0)
    throw BuildError("the CUDA compiler library does not tell its version");
  version_ = std::to_string(major) + "." + std::to_string(minor);
  if (const std::string build = build_number(); !build.empty()) version_ += "." + build;
}

// The interface tells no more than "12.6"; what it compiles names "V12.6.85".
std::string Nvrtc::build_number() const {
  Program program = nullptr;
  if (create_(&program, "", "version.cu", 0, nullptr, nullptr) != 0) return "";
  const auto destroy = [this](Program* p) { destroy_(p); };
  const std::unique_ptr<Program, decltype(destroy)> owner(&program, destroy);
  const char* const flags[] = {"--gpu-architecture=compute_75"};
  size_t bytes = 0;
  if (compile_(program, 1, flags) != 0 || ptx_size_(program, &bytes) != 0) return "";
  std::string ptx(bytes, '\0');
  if (ptx_(program, ptx.data()) != 0) return "";
  const std::string lead = ", V" + version_ + ".";
  const size_t at = ptx.find(lead);
  if (at == std::string::npos) return "";
  const size_t digits = at + lead.size();
  return ptx.substr(digits, ptx.find_first_not_of("0123456789", digits) - digits);
}

const Nvrtc* Nvrtc::find(NvrtcFamily family) {
  static std::mutex mutex;
  static std::map<NvrtcFamily, std::unique_ptr<const Nvrtc>> opened;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& nvrtc = opened[family];
  if (nvrtc == nullptr)
    if (void* library = open_library(family); library != nullptr) nvrtc.reset(new Nvrtc(library));
  return nvrtc.get();
}

const Nvrtc& Nvrtc::of(NvrtcFamily family) {
  const Nvrtc* nvrtc = find(family);
  if (nvrtc == nullptr) throw BuildError(missing_text(family));
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
