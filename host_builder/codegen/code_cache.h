// Compiled kernels on disk, by the hash of everything that went into them.
#pragma once

#include <array>
#include <filesystem>
#include <optional>

#include "host_builder/codegen/compiler.h"

namespace stint::builder {

class CodeCache {
 public:
  /// STINT_CACHE_DIR, else XDG_CACHE_HOME/stint, else ~/.cache/stint; without any of them the cache
  /// is off.
  static CodeCache at_default_place();
  explicit CodeCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  using Key = std::array<uint8_t, 32>;
  /// Nothing if it is not there or damaged.
  std::optional<std::vector<std::byte>> find(const Key& key) const;
  /// A cache that cannot be written is no error: the next build compiles again.
  void store(const Key& key, const std::vector<std::byte>& code) const;

 private:
  std::filesystem::path path_of(const Key& key) const;
  std::filesystem::path folder_;  // empty: off
};

}  // namespace stint::builder
