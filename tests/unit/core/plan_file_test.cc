// What happens to a plan's file after it was opened must not matter.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "tests/support/brightest_cell_plan.h"
#include "tests/support/temporary_folder.h"

using namespace stint;
using namespace stint::test;

namespace {

std::string save(const TemporaryFolder& folder, const std::string& name) {
  const AlignedBytes file = write_plan(brightest_cell_plan({1}));
  return folder.write(name, file.data(), file.size());
}

/// As `cp` does: the same inode, truncated and written anew.
void overwrite_in_place(const std::string& path, const std::string& content) {
  struct stat before = {}, after = {};
  REQUIRE(::stat(path.c_str(), &before) == 0);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  REQUIRE(::stat(path.c_str(), &after) == 0);
  REQUIRE(before.st_ino == after.st_ino);
}

/// The class of the one white cell of a frame.
int brightest(Session& session, uint32_t cell) {
  std::vector<uint8_t> pixels(kCells, 0);
  pixels[cell] = 255;
  Image image;
  image.planes[0] = pixels.data();
  image.strides[0] = kCellsPerSide;
  image.width = image.height = kCellsPerSide;
  image.format = STINT_FORMAT_GRAY8;
  image.range = STINT_RANGE_FULL;
  REQUIRE(ok(session.bind_image(0, 0, image)));
  REQUIRE(ok(session.run()));
  Detections found;
  REQUIRE(ok(session.detections(0, &found)));
  return found.size() == 1 ? found[0].class_id : -1;
}

}  // namespace

TEST_CASE("a plan goes on as it was when its file is overwritten in place") {
  TemporaryFolder folder;
  const std::string path = save(folder, "a.plan");
  PlanFile file;
  REQUIRE(ok(file.open(path.c_str())));
  const uint64_t size = file.size();
  SingleSession engine;
  REQUIRE(ok(engine.create(file.plan(), nullptr, 1, Options())));
  SUBCASE("by a shorter file, as a mapping would not survive") {
    overwrite_in_place(path, "short");
  }
  SUBCASE("by nothing") { overwrite_in_place(path, ""); }
  SUBCASE("by as many zeroes") { overwrite_in_place(path, std::string(size, '\0')); }
  SUBCASE("removed") { REQUIRE(::unlink(path.c_str()) == 0); }
  for (uint32_t cell = 0; cell < kCells; ++cell) {
    CHECK(brightest(engine.session(), cell) == static_cast<int>(cell));
  }
  // All of the bytes are still those that were verified.
  const AlignedBytes original = write_plan(brightest_cell_plan({1}));
  REQUIRE(file.size() == original.size());
  CHECK(std::memcmp(file.data(), original.data(), size) == 0);
  CHECK(std::string(file.plan().label(3)) == "cell-3");
  // A session made now is made of them, too.
  REQUIRE(ok(engine.create(file.plan(), nullptr, 1, Options())));
  CHECK(brightest(engine.session(), 5) == 5);
}

TEST_CASE("what is no plan is refused at once, and says what it is") {
  TemporaryFolder folder;
  PlanFile file;
  const auto code_of = [&](const std::string& path) {
    const stint_status status = file.open(path.c_str());
    CHECK(file.data() == nullptr);
    return status;
  };
  SUBCASE("nothing there") {
    const stint_status status = code_of(folder.path("none"));
    CHECK(status.code == STINT_FILE_FAILED);
    CHECK(status.found == ENOENT);
  }
  SUBCASE("a folder") { CHECK(code_of(folder.path("")).found == EISDIR); }
  SUBCASE("a FIFO, which nobody ever opens for writing") {
    REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    CHECK(code_of(folder.path("fifo")).found == EINVAL);
  }
  SUBCASE("a device that never ends") { CHECK(code_of("/dev/zero").found == EINVAL); }
  SUBCASE("an empty file") {
    CHECK(code_of(folder.write("empty", "", 0)).code == STINT_TRUNCATED_PLAN);
  }
  SUBCASE("text") { CHECK(code_of(folder.write("text", "hello", 5)).code == STINT_TRUNCATED_PLAN); }
  SUBCASE("a file of another kind, larger than memory: it is not read") {
    const std::string path = folder.path("sparse");
    const int sparse = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    REQUIRE(::ftruncate(sparse, int64_t{1} << 42) == 0);
    ::close(sparse);
    CHECK(code_of(path).code == STINT_NOT_A_PLAN);
  }
  SUBCASE("half a plan") {
    const AlignedBytes whole = write_plan(brightest_cell_plan({1}));
    const stint_status status = code_of(folder.write("half", whole.data(), whole.size() / 2));
    CHECK(status.code == STINT_TRUNCATED_PLAN);
    CHECK(status.needed == static_cast<int64_t>(whole.size()));
  }
  SUBCASE("another version") {
    AlignedBytes other = write_plan(brightest_cell_plan({1}));
    header_of(other)->major += 1;
    CHECK(code_of(folder.write("other", other.data(), other.size())).code ==
          STINT_INCOMPATIBLE_VERSION);
  }
}
