#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "host_builder/builder.h"
#include "host_builder/graph/error.h"

using namespace stint::builder;

TEST_CASE("a file is written whole or not at all, and leaves no temporary name") {
  char pattern[] = "/tmp/stint_atomic_XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern);
  const std::vector<std::byte> bytes(100'000, std::byte{7});
  write_file_atomically(folder / "a.plan", bytes);
  write_file_atomically(folder / "a.plan", {std::byte{1}});
  std::ifstream file(folder / "a.plan", std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "\1");
  CHECK_THROWS_AS(write_file_atomically(folder / "missing" / "a.plan", bytes), BuildError);
  CHECK_THROWS_AS(write_file_atomically(folder, bytes), BuildError);
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  std::filesystem::remove_all(folder);
}
