#include "host_builder/codegen/code_cache.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "host_builder/builder.h"
#include "host_builder/emit/sha256.h"
#include "host_builder/graph/error.h"

namespace stint::builder {

namespace fs = std::filesystem;

CodeCache CodeCache::at_default_place() {
  if (const char* folder = std::getenv("STINT_CACHE_DIR"); folder != nullptr)
    return CodeCache(fs::path(folder));
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder != '\0')
    return CodeCache(fs::path(folder) / "stint");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return CodeCache(fs::path(home) / ".cache" / "stint");
  return CodeCache(fs::path());
}

fs::path CodeCache::path_of(const Key& key) const {
  static const char* const kDigits = "0123456789abcdef";
  std::string name;
  for (const uint8_t byte : key) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return folder_ / name.substr(0, 2) / (name.substr(2) + ".cubin");
}

// A file is the code and, behind it, the code's hash: half a file or a flipped bit is not found.
std::optional<std::vector<std::byte>> CodeCache::find(const Key& key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream file(path_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes;
  file.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size <= static_cast<std::streamoff>(sizeof(Key))) return std::nullopt;
  bytes.resize(static_cast<size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size)) return std::nullopt;
  Key stored;
  std::memcpy(stored.data(), bytes.data() + bytes.size() - stored.size(), stored.size());
  bytes.resize(bytes.size() - stored.size());
  if (sha256(bytes) != stored) return std::nullopt;
  return bytes;
}

void CodeCache::store(const Key& key, const std::vector<std::byte>& code) const {
  if (folder_.empty()) return;
  const fs::path path = path_of(key);
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::vector<std::byte> bytes = code;
  const Key hash = sha256(code);
  const auto* begin = reinterpret_cast<const std::byte*>(hash.data());
  bytes.insert(bytes.end(), begin, begin + hash.size());
  try {
    write_file_atomically(path, bytes);
  } catch (const BuildError&) {
    return;
  }
}

}  // namespace stint::builder
