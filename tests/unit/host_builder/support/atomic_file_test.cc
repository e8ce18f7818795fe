#include "host_builder/support/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

using namespace stint::builder;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

auto entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("a file is written whole or not at all, and leaves no temporary name") {
  const stint::test::TemporaryFolder folder;
  const std::vector<std::byte> bytes(100'000, std::byte{7});
  write_file_atomically(folder.path("a.plan"), bytes);
  CHECK(text_of(folder.path("a.plan")) == std::string(100'000, '\7'));
  write_file_atomically(folder.path("a.plan"), {std::byte{1}});
  CHECK(text_of(folder.path("a.plan")) == "\1");
  write_file_atomically(folder.path("a.plan"), "text");
  CHECK(text_of(folder.path("a.plan")) == "text");
  CHECK_THROWS_AS(write_file_atomically(folder.path("missing/a.plan"), bytes), BuildError);
  CHECK_THROWS_AS(write_file_atomically(folder.path(""), bytes), BuildError);
  CHECK(entries(folder.path("")) == 1);
}

TEST_CASE("a new file has the rights of any new file, and the longest name is possible") {
  const stint::test::TemporaryFolder folder;
  const mode_t before = umask(027);
  const std::string name(255, 'n');
  write_file_atomically(folder.path(name), "x");
  umask(before);
  struct stat info = {};
  REQUIRE(stat(folder.path(name).c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("a file that replaces another one has its rights") {
  const stint::test::TemporaryFolder folder;
  folder.write("a.plan", "old", 3);
  REQUIRE(chmod(folder.path("a.plan").c_str(), 0640) == 0);
  const mode_t before = umask(077);
  write_file_atomically(folder.path("a.plan"), "new");
  umask(before);
  struct stat info = {};
  REQUIRE(stat(folder.path("a.plan").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
  CHECK(text_of(folder.path("a.plan")) == "new");
}

TEST_CASE("a link stays, and what it leads to is replaced or made") {
  const stint::test::TemporaryFolder folder;
  fs::create_directory(folder.path("real"));
  folder.write("real/one", "old", 3);
  fs::create_symlink("real/one", folder.path("link"));
  fs::create_symlink("link", folder.path("link to link"));
  fs::create_symlink(folder.path("real/two"), folder.path("dangling"));
  write_file_atomically(folder.path("link"), "new");
  CHECK(text_of(folder.path("real/one")) == "new");
  write_file_atomically(folder.path("link to link"), "newer");
  CHECK(text_of(folder.path("real/one")) == "newer");
  write_file_atomically(folder.path("dangling"), "made");
  CHECK(text_of(folder.path("real/two")) == "made");
  for (const char* link : {"link", "link to link", "dangling"}) {
    CAPTURE(link);
    CHECK(fs::is_symlink(folder.path(link)));
  }
  CHECK(entries(folder.path("real")) == 2);
  CHECK(entries(folder.path("")) == 4);
}

TEST_CASE("what is no regular file is not replaced") {
  const stint::test::TemporaryFolder folder;
  REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  fs::create_symlink("fifo", folder.path("link"));
  for (const char* name : {"fifo", "link"})
    CHECK_THROWS_WITH_AS(write_file_atomically(folder.path(name), "x"),
                         doctest::Contains("it is a pipe"), BuildError);
  CHECK(fs::is_fifo(folder.path("fifo")));
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK_THROWS_WITH_AS(write_file_atomically("/dev/null", "x"), doctest::Contains("a device"),
                       BuildError);
}
