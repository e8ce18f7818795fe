// Compiled kernels on disk, by the hash of everything that went into them. Several builds may use
// it at once: each kernel is compiled by one of them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace stint::builder {

class CodeCache {
 public:
  /// STINT_CACHE_DIR, else XDG_CACHE_HOME/stint, else ~/.cache/stint; without any of them the cache
  /// is off.
  static CodeCache at_default_place();
  explicit CodeCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  using Key = std::array<uint8_t, 32>;
  /// Nothing if it is not there or damaged. What is found counts as used now.
  std::optional<std::vector<std::byte>> find(const Key& key) const;
  /// False if the cache cannot be written: no error, the next build compiles again.
  bool store(const Key& key, const std::vector<std::byte>& code) const;

  /// The right to make one kernel's code, until it is destroyed or its process ends.
  class Claim {
   public:
    explicit Claim(int file) : file_(file) {}
    Claim(Claim&& other) noexcept : file_(other.file_) { other.file_ = -1; }
    Claim& operator=(Claim&&) = delete;
    ~Claim();

   private:
    int file_;  // -1: where files cannot be locked, everybody may
  };
  /// Nothing if somebody else makes it right now; with `wait`, waits for them. Then look again:
  /// they may have stored it.
  std::optional<Claim> claim(const Key& key, bool wait) const;

  /// Removes what was used longest ago until no more than `limit` bytes are left, and what writers
  /// that were killed left behind.
  void trim(uint64_t limit) const;
  /// STINT_CACHE_LIMIT in MiB, else 1 GiB: some 30,000 kernels (28 KB each on average). Throws
  /// BuildError if it is no number.
  static uint64_t size_limit();

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path path_of(const Key& key) const;
  int lock_file(const char* name, bool wait, bool& busy) const;
  std::filesystem::path folder_;  // empty: off
};

}  // namespace stint::builder
