#include "host_builder/support/output_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

using namespace stint::builder;
namespace fs = std::filesystem;

namespace {

void check_refused(const fs::path& path, const std::vector<InputFile>& inputs, const char* why) {
  CAPTURE(path);
  CHECK_THROWS_WITH_AS(check_output(path, inputs), doctest::Contains(why), BuildError);
}

}  // namespace

TEST_CASE("an input is not written over, under whatever name") {
  const stint::test::TemporaryFolder folder;
  const std::string model = folder.write("m.onnx", "m", 1);
  const std::vector<InputFile> inputs = {{model, "the model"}};
  fs::create_symlink("m.onnx", folder.path("link"));
  fs::create_symlink("link", folder.path("link to link"));
  fs::create_hard_link(model, folder.path("hard"));
  fs::create_directory(folder.path("sub"));
  fs::create_directory_symlink("..", folder.path("sub/up"));
  for (const char* name :
       {"m.onnx", "link", "link to link", "hard", "sub/../m.onnx", "sub/up/m.onnx", "./m.onnx"})
    check_refused(folder.path(name), inputs, "it is the model");
  // And the other way round: the input is named by its link.
  check_refused(model, {{folder.path("link"), "the labels"}}, "it is the labels");
  CHECK_NOTHROW(check_output(folder.path("m.plan"), inputs));
  CHECK_NOTHROW(check_output(folder.path("sub/m.onnx"), inputs));
  folder.write("other", "m", 1);
  CHECK_NOTHROW(check_output(folder.path("other"), inputs));
}

TEST_CASE("two files that are both to be made are told apart by their place") {
  const stint::test::TemporaryFolder folder;
  const std::vector<InputFile> inputs = {{folder.path("t.json"), "the tactic file"}};
  fs::create_symlink("t.json", folder.path("link"));
  check_refused(folder.path("t.json"), inputs, "it is the tactic file");
  check_refused(folder.path("link"), inputs, "it is the tactic file");
  check_refused(folder.path("./t.json"), inputs, "it is the tactic file");
  CHECK_NOTHROW(check_output(folder.path("u.json"), inputs));
}

TEST_CASE("only regular files are replaced") {
  const stint::test::TemporaryFolder folder;
  REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder.path("socket").c_str(), sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  check_refused(folder.path("fifo"), {}, "it is a pipe");
  check_refused(folder.path("socket"), {}, "it is a socket");
  check_refused("/dev/null", {}, "it is a device");
  check_refused("/dev/full", {}, "it is a device");
  close(socket);
  int ends[2] = {};
  REQUIRE(pipe(ends) == 0);
  check_refused("/dev/fd/" + std::to_string(ends[1]), {}, "it is a pipe");
  const std::string lost = folder.write("lost", "x", 1);
  const int file = open(lost.c_str(), O_WRONLY);
  REQUIRE(file >= 0);
  const std::string open_file = "/proc/self/fd/" + std::to_string(file);
  CHECK_NOTHROW(check_output(open_file));
  fs::remove(lost);
  check_refused(open_file, {}, "without a name");
  close(file);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("folders, missing folders and links without end are refused") {
  const stint::test::TemporaryFolder folder;
  check_refused("", {}, "without a name");
  check_refused(folder.path(""), {}, "it is a folder");
  check_refused(".", {}, "it is a folder");
  check_refused(folder.path("absent/"), {}, "it is a folder");
  check_refused(folder.path("absent/file"), {}, "there is no folder");
  fs::create_symlink("absent/file", folder.path("into nowhere"));
  check_refused(folder.path("into nowhere"), {}, "there is no folder");
  fs::create_symlink("b", folder.path("a"));
  fs::create_symlink("a", folder.path("b"));
  check_refused(folder.path("a"), {}, "its links never end");
  folder.write("file", "x", 1);
  check_refused(folder.path("file/below"), {}, "there is no folder");
  if (geteuid() != 0) {
    fs::create_directory(folder.path("closed"));
    fs::permissions(folder.path("closed"), fs::perms::owner_read);
    check_refused(folder.path("closed/file"), {}, "no file can be made in the folder");
  }
}

TEST_CASE("asking changes nothing, and a dangling link leads to the file that it names") {
  const stint::test::TemporaryFolder folder;
  fs::create_symlink("target", folder.path("link"));
  check_output(folder.path("link"));
  check_output(folder.path("new"));
  CHECK(std::distance(fs::directory_iterator(folder.path("")), fs::directory_iterator()) == 1);
  CHECK(follow_links(folder.path("link")) == folder.path("target"));
  CHECK(follow_links(folder.path("new")) == folder.path("new"));
}
