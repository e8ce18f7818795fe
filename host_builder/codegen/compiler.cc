#include "host_builder/codegen/compiler.h"

#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "host_builder/codegen/code_cache.h"
#include "host_builder/codegen/nvrtc.h"
#include "host_builder/codegen/nvrtc_release.h"
#include "host_builder/support/error.h"
#include "host_builder/support/sha256.h"
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
std::string environment_text(const std::string& version, const std::vector<std::string>& options,
                             const std::vector<Nvrtc::Header>& headers) {
  std::string text = "nvrtc " + version + "\n";
  for (const std::string& option : options) text += option + "\n";
  for (const Nvrtc::Header& header : headers) text += std::string(header.name) + "\n" + header.text;
  return text;
}

CodeCache::Key key_of(const std::string& environment, const std::string& source) {
  const std::string text = environment + '\0' + source;
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return sha256(std::vector<std::byte>(begin, begin + text.size()));
}

/// Work for threads: `step(i)` for every i, until one throws.
void for_each_in_threads(size_t count, unsigned wanted, const std::function<void(size_t)>& step) {
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      try {
        step(i);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
        next = count;
        return;
      }
    }
  };
  size_t threads = wanted == 0 ? std::thread::hardware_concurrency() : wanted;
  threads = std::min(std::max<size_t>(threads, 1), count);
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure != nullptr) std::rethrow_exception(failure);
}

/// Different sources on their way to machine code of one compiler.
class Batch {
 public:
  Batch(std::vector<const std::string*> sources, const std::string& environment,
        const CodeCache& cache, const CompileOptions& options)
      : sources_(std::move(sources)), cache_(cache), options_(options), code_(sources_.size()) {
    for (const std::string* source : sources_) keys_.push_back(key_of(environment, *source));
  }

  /// Takes what the cache has.
  void look_up() {
    for_each_in_threads(sources_.size(), options_.threads, [this](size_t i) { look_up(i); });
    if (options_.progress && done_ > 0) options_.progress(done_, sources_.size());
  }
  bool complete() const { return done_ == sources_.size(); }

  /// Compiles the rest. What another build is compiling already is left to it and looked for again
  /// at the end.
  void compile(const Nvrtc& nvrtc, const std::vector<Nvrtc::Header>& headers,
               const std::vector<std::string>& flags) {
    for (const bool wait : {false, true}) {
      std::vector<size_t> missing;
      for (size_t i = 0; i < sources_.size(); ++i)
        if (code_[i] == nullptr) missing.push_back(i);
      for_each_in_threads(missing.size(), options_.threads, [&](size_t k) {
        const size_t i = missing[k];
        const auto claim = cache_.claim(keys_[i], wait);
        if (!claim) return;
        if (!look_up(i)) {
          auto code = nvrtc.compile(*sources_[i], headers, flags);
          if (!cache_.store(keys_[i], code)) cannot_store_ = true;
          stored_ = true;
          take(i, std::move(code));
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (options_.progress) options_.progress(done_, sources_.size());
      });
    }
  }

  const Cubin& code(size_t i) const { return code_[i]; }
  bool stored() const { return stored_; }
  bool cannot_store() const { return cannot_store_; }

 private:
  bool look_up(size_t i) {
    auto code = cache_.find(keys_[i]);
    if (code) take(i, std::move(*code));
    return code.has_value();
  }
  void take(size_t i, std::vector<std::byte> code) {
    const std::lock_guard<std::mutex> lock(mutex_);
    code_[i] = std::make_shared<const std::vector<std::byte>>(std::move(code));
    ++done_;
  }

  std::vector<const std::string*> sources_;
  const CodeCache& cache_;
  const CompileOptions& options_;
  std::vector<CodeCache::Key> keys_;
  std::vector<Cubin> code_;
  std::mutex mutex_;
  size_t done_ = 0;
  std::atomic<bool> stored_ = false, cannot_store_ = false;
};

std::string other_release_text(const Target& target, const std::string& found) {
  const NvrtcRelease& pinned = pinned_nvrtc(target.gpu.nvrtc);
  return "the kernels of " + target.name + " were compiled by NVRTC " + found +
         ", not by the release that this builder is made for and tested with, NVRTC " +
         pinned.version +
         ": the plan differs from one built with that, and records this. To get the "
         "pinned one: " +
         nvrtc_advice(target.gpu.nvrtc);
}

}  // namespace

CompiledCode compile_cuda(const std::vector<std::string>& sources, const Target& target,
                          const CompileOptions& options) {
  const std::vector<Nvrtc::Header> headers = embedded_headers();
  const std::vector<std::string> flags = options_for(target);
  const CodeCache cache =
      options.use_cache ? CodeCache::at_default_place() : CodeCache(std::filesystem::path());
  const uint64_t limit = CodeCache::size_limit();

  std::map<std::string, size_t> index_of;  // of a source among the different ones
  std::vector<const std::string*> unique;
  for (const std::string& source : sources) {
    const auto [it, inserted] = index_of.try_emplace(source, unique.size());
    if (inserted) unique.push_back(&it->first);
  }

  CompiledCode result;
  std::string version = pinned_nvrtc(target.gpu.nvrtc).version;
  auto batch =
      std::make_unique<Batch>(unique, environment_text(version, flags, headers), cache, options);
  batch->look_up();
  if (!batch->complete()) {
    const Nvrtc& nvrtc = Nvrtc::of(target.gpu.nvrtc);
    if (nvrtc.version() != version) {
      version = nvrtc.version();
      result.warnings.push_back(other_release_text(target, version));
      batch = std::make_unique<Batch>(unique, environment_text(version, flags, headers), cache,
                                      options);
      batch->look_up();
    }
    batch->compile(nvrtc, headers, flags);
  }
  if (batch->cannot_store())
    result.warnings.push_back("the cache of compiled kernels, " + cache.folder().string() +
                              ", cannot be written, so that the next build compiles them again; "
                              "set STINT_CACHE_DIR to a folder that can be");
  if (batch->stored()) cache.trim(limit);

  result.how = "NVRTC " + version;
  for (const std::string& option : flags) result.how += " " + option;
  for (const std::string& source : sources)
    result.cubins.push_back(batch->code(index_of.at(source)));
  return result;
}

std::string nvrtc_version(NvrtcFamily family) {
  const Nvrtc* nvrtc = Nvrtc::find(family);
  return nvrtc == nullptr ? "" : "NVRTC " + nvrtc->version();
}

std::string nvrtc_line(NvrtcFamily family) {
  std::string version = nvrtc_version(family);
  if (version.empty()) version = std::string("NVRTC ") + pinned_nvrtc(family).version;
  const size_t major = version.find('.');
  return version.substr(0, version.find('.', major + 1));
}

}  // namespace stint::builder
