#include "host_builder/codegen/compiler.h"

#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "host_builder/codegen/code_cache.h"
#include "host_builder/codegen/nvrtc.h"
#include "host_builder/emit/sha256.h"
#include "host_builder/graph/error.h"
#include "kernels/cuda/embedded_sources.h"

namespace stint::builder {
namespace {

std::vector<Nvrtc::Header> embedded_headers() {
  std::vector<Nvrtc::Header> headers;
  for (const EmbeddedSource* s = kEmbeddedSources; s->name != nullptr; ++s)
    headers.push_back({s->name, s->text});
  return headers;
}

std::vector<std::string> options_for(const Target& target) {
  return {"--gpu-architecture=" + target.gpu.architecture(), "--std=c++17",
          "-DSTINT_SM=" + std::to_string(target.gpu.source_sm),
          std::string("-DSTINT_PDL=") + (target.gpu.has_pdl ? "1" : "0")};
}

/// Everything but the source that decides what the code will be.
std::string environment_text(const Nvrtc& nvrtc, const std::vector<std::string>& options,
                             const std::vector<Nvrtc::Header>& headers) {
  std::string text = "nvrtc " + nvrtc.version() + "\n";
  for (const std::string& option : options) text += option + "\n";
  for (const Nvrtc::Header& header : headers) text += std::string(header.name) + "\n" + header.text;
  return text;
}

CodeCache::Key key_of(const std::string& environment, const std::string& source) {
  const std::string text = environment + '\0' + source;
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return sha256(std::vector<std::byte>(begin, begin + text.size()));
}

}  // namespace

std::vector<Cubin> compile_cuda(const std::vector<std::string>& sources, const Target& target,
                                const CompileOptions& options) {
  const Nvrtc& nvrtc = Nvrtc::of(target.gpu.nvrtc);
  const std::vector<Nvrtc::Header> headers = embedded_headers();
  const std::vector<std::string> flags = options_for(target);
  const std::string environment = environment_text(nvrtc, flags, headers);
  const CodeCache cache =
      options.use_cache ? CodeCache::at_default_place() : CodeCache(std::filesystem::path());

  std::map<std::string, size_t> index_of;  // of a source among the different ones
  std::vector<const std::string*> unique;
  for (const std::string& source : sources) {
    const auto [it, inserted] = index_of.try_emplace(source, unique.size());
    if (inserted) unique.push_back(&it->first);
  }
  std::vector<Cubin> compiled(unique.size());

  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<size_t> next = 0;
  size_t done = 0;
  const auto work = [&] {
    for (size_t i = next++; i < unique.size(); i = next++) {
      try {
        const CodeCache::Key key = key_of(environment, *unique[i]);
        auto code = cache.find(key);
        if (!code) {
          code = nvrtc.compile(*unique[i], headers, flags);
          cache.store(key, *code);
        }
        compiled[i] = std::make_shared<const std::vector<std::byte>>(std::move(*code));
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
        next = unique.size();
        return;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      ++done;
      if (options.progress) options.progress(done, unique.size());
    }
  };
  size_t threads = options.threads == 0 ? std::thread::hardware_concurrency() : options.threads;
  threads = std::min(std::max<size_t>(threads, 1), unique.size());
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure != nullptr) std::rethrow_exception(failure);

  std::vector<Cubin> result;
  for (const std::string& source : sources) result.push_back(compiled[index_of.at(source)]);
  return result;
}

std::string codegen_text(const Target& target) {
  std::string text = "NVRTC " + Nvrtc::of(target.gpu.nvrtc).version();
  for (const std::string& option : options_for(target)) text += " " + option;
  return text;
}

std::string nvrtc_version(NvrtcFamily family) {
  try {
    return "NVRTC " + Nvrtc::of(family).version();
  } catch (const BuildError&) {
    return "";
  }
}

}  // namespace stint::builder
