#include "host_builder/codegen/code_cache.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

CodeCache::Key key_of(uint8_t i) {
  CodeCache::Key key{};
  key[0] = i;
  key[1] = 0xab;
  return key;
}

void age(const fs::path& folder, uint8_t i, hours by) {
  char name[3];
  std::snprintf(name, sizeof name, "%02x", i);
  for (const auto& entry : fs::directory_iterator(folder / name))
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - by);
}

}  // namespace

TEST_CASE("the cache gives back what was stored, and never half of it") {
  const test::TemporaryFolder folder;
  const CodeCache cache(folder.path("cache"));
  CHECK_FALSE(cache.find(key_of(1)).has_value());
  const std::vector<std::byte> code(1000, std::byte{7});
  CHECK(cache.store(key_of(1), code));
  REQUIRE(cache.find(key_of(1)).has_value());
  CHECK(*cache.find(key_of(1)) == code);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path("cache")))
    if (entry.is_regular_file()) fs::resize_file(entry.path(), 900);
  CHECK_FALSE(cache.find(key_of(1)).has_value());
  CHECK_FALSE(CodeCache(fs::path()).find(key_of(1)).has_value());
}

TEST_CASE("a folder or a pipe in place of a kernel is damage") {
  const test::TemporaryFolder folder;
  const CodeCache cache(folder.path("cache"));
  REQUIRE(cache.store(key_of(1), std::vector<std::byte>(10)));
  fs::path file;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path("cache")))
    if (entry.is_regular_file()) file = entry.path();
  fs::remove(file);
  SUBCASE("folder") { fs::create_directory(file); }
  SUBCASE("pipe") { REQUIRE(mkfifo(file.c_str(), 0600) == 0); }
  CHECK_FALSE(cache.find(key_of(1)).has_value());
}

TEST_CASE("what was used longest ago leaves a cache that is too large") {
  const test::TemporaryFolder folder;
  const fs::path root = folder.path("cache");
  const CodeCache cache(root);
  const std::vector<std::byte> code(1000, std::byte{7});
  for (uint8_t i = 0; i < 10; ++i) {
    cache.store(key_of(i), code);
    age(root, i, hours(10 - i));
  }
  CHECK(cache.find(key_of(0)).has_value());  // used now: the oldest no longer
  std::ofstream(root / "00" / "abandoned.tmp") << "half a kernel";
  age(root, 0, hours(0));
  fs::last_write_time(root / "00" / "abandoned.tmp", fs::file_time_type::clock::now() - hours(2));
  std::ofstream(root / "not ours") << "keep";
  cache.trim(5 * 1032);
  for (uint8_t i = 0; i < 10; ++i) {
    CAPTURE(static_cast<int>(i));
    CHECK(cache.find(key_of(i)).has_value() == (i == 0 || i > 5));
  }
  CHECK_FALSE(fs::exists(root / "00" / "abandoned.tmp"));
  CHECK(fs::exists(root / "not ours"));
  cache.trim(0);
  CHECK_FALSE(cache.find(key_of(9)).has_value());
}

TEST_CASE("a kernel is made by one at a time, and others find it") {
  const test::TemporaryFolder folder;
  const CodeCache mine(folder.path("cache")), other(folder.path("cache"));
  const std::vector<std::byte> code(100, std::byte{1});
  std::atomic<bool> found = false, waiting = false;
  std::thread waiter;
  {
    const auto claim = mine.claim(key_of(3), false);
    REQUIRE(claim);
    CHECK_FALSE(other.claim(key_of(3), false));
    CHECK(other.claim(key_of(4), false));
    waiter = std::thread([&] {
      waiting = true;
      const auto next = other.claim(key_of(3), true);
      found = next.has_value() && other.find(key_of(3)).has_value();
    });
    while (!waiting) std::this_thread::yield();
    mine.store(key_of(3), code);
  }
  waiter.join();
  CHECK(found);
  CHECK(other.claim(key_of(3), false));
}

TEST_CASE("a cache that cannot be written stops nobody") {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path("file")) << "no folder";
  const CodeCache cache(folder.path("file"));
  CHECK_FALSE(cache.store(key_of(1), std::vector<std::byte>(10)));
  CHECK(cache.claim(key_of(1), true));
  cache.trim(0);
}

TEST_CASE("the limit is a number of MiB") {
  setenv("STINT_CACHE_LIMIT", "5", 1);
  CHECK(CodeCache::size_limit() == 5 * 1024 * 1024);
  for (const char* wrong : {"5 GB", "-1", "x", "99999999999999999999"}) {
    setenv("STINT_CACHE_LIMIT", wrong, 1);
    CHECK_THROWS_WITH_AS(CodeCache::size_limit(), doctest::Contains("MiB"), BuildError);
  }
  unsetenv("STINT_CACHE_LIMIT");
  CHECK(CodeCache::size_limit() == 1024u * 1024 * 1024);
}

}  // namespace stint::builder
