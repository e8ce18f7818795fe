#include "host_builder/codegen/code_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"
#include "host_builder/support/sha256.h"

namespace stint::builder {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kMiB = 1024 * 1024;
constexpr const char* kExtension = ".cubin";
constexpr const char* kLocks = "locks";
/// A writer's temporary file that is older than this has no writer any more.
constexpr auto kAbandoned = std::chrono::hours(1);

constexpr std::chrono::milliseconds kLongestWait{10'000};
constexpr std::chrono::milliseconds kPoll{5};

}  // namespace

CodeCache CodeCache::at_default_place() {
  if (const char* folder = std::getenv("STINT_CACHE_DIR"); folder != nullptr)
    return CodeCache(fs::path(folder));
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder != '\0')
    return CodeCache(fs::path(folder) / "stint");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return CodeCache(fs::path(home) / ".cache" / "stint");
  return CodeCache(fs::path());
}

uint64_t CodeCache::size_limit() {
  const char* given = std::getenv("STINT_CACHE_LIMIT");
  if (given == nullptr || *given == '\0') return 1024 * kMiB;
  uint64_t mebibytes = 0;
  const char* end = given + std::strlen(given);
  const auto [at, error] = std::from_chars(given, end, mebibytes);
  if (error != std::errc() || at != end || mebibytes > UINT64_MAX / kMiB)
    throw BuildError(std::string("STINT_CACHE_LIMIT is '") + given +
                     "', which is no number of MiB; give one such as 1024, or unset it");
  return mebibytes * kMiB;
}

fs::path CodeCache::path_of(const Key& key) const {
  std::string name;
  name += hex_text(key);
  return folder_ / name.substr(0, 2) / (name.substr(2) + kExtension);
}

// A file is the code and, behind it, the code's hash: half a file or a flipped bit is not found.
std::optional<std::vector<std::byte>> CodeCache::find(const Key& key) const {
  if (folder_.empty()) return std::nullopt;
  const fs::path path = path_of(key);
  std::error_code none;
  if (!fs::is_regular_file(path, none)) return std::nullopt;  // a folder, a pipe: damage
  std::ifstream file(path, std::ios::binary);
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
  std::error_code ignored;  // a cache that others own may be read only
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
  return bytes;
}

bool CodeCache::store(const Key& key, const std::vector<std::byte>& code) const {
  if (folder_.empty()) return true;
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
    return false;
  }
  return true;
}

CodeCache::Claim::~Claim() {
  if (file_ >= 0) close(file_);
}

/// -1 where nothing can be locked.
int CodeCache::lock_file(const char* name, bool wait, bool& busy) const {
  busy = false;
  if (folder_.empty()) return -1;
  std::error_code ignored;
  fs::create_directories(folder_ / kLocks, ignored);
  const int file = open((folder_ / kLocks / name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (file < 0) return -1;
  // Whoever holds a lock longer than this is stopped, or slower than compiling once more.
  const auto give_up = std::chrono::steady_clock::now() + (wait ? kLongestWait : kLongestWait * 0);
  int code = 0;
  while (true) {
    code = flock(file, LOCK_EX | LOCK_NB);
    if (code == 0 || (errno != EWOULDBLOCK && errno != EINTR)) break;
    if (std::chrono::steady_clock::now() >= give_up) break;
    std::this_thread::sleep_for(kPoll);
  }
  if (code == 0) return file;
  busy = !wait && errno == EWOULDBLOCK;
  close(file);
  return -1;
}

// Kernels whose keys begin alike share a lock: few files, and who waits for another kernel's maker
// loses a second at most.
std::optional<CodeCache::Claim> CodeCache::claim(const Key& key, bool wait) const {
  std::string name;
  name += hex_text({&key[0], 1});
  bool busy = false;
  const int file = lock_file(name.c_str(), wait, busy);
  if (busy) return std::nullopt;
  return Claim(file);
}

void CodeCache::trim(uint64_t limit) const {
  if (folder_.empty()) return;
  bool busy = false;
  const Claim trimming(lock_file("trim", false, busy));
  if (busy) return;
  struct Entry {
    fs::file_time_type used;
    fs::path path;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code ignored;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& shelf : fs::directory_iterator(folder_, ignored)) {
    // Nothing but what is ours: two hexadecimal digits.
    const std::string name = shelf.path().filename().string();
    if (name.size() != 2 || name.find_first_not_of("0123456789abcdef") != std::string::npos)
      continue;
    for (const auto& file : fs::directory_iterator(shelf.path(), ignored)) {
      std::error_code gone;
      if (!file.is_regular_file(gone)) continue;
      const fs::file_time_type used = file.last_write_time(gone);
      const uint64_t bytes = file.file_size(gone);
      if (gone) continue;
      if (file.path().extension() != kExtension) {
        if (now - used > kAbandoned) fs::remove(file.path(), gone);
        continue;
      }
      total += bytes;
      entries.push_back({used, file.path(), bytes});
    }
  }
  if (total <= limit) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.used != b.used ? a.used < b.used : a.path < b.path;
  });
  for (const Entry& entry : entries) {
    if (total <= limit) return;
    std::error_code kept;
    if (fs::remove(entry.path, kept)) total -= entry.bytes;
  }
}

}  // namespace stint::builder
