#include "host_builder/support/temporary_file.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <memory>

#include "tests/support/temporary_folder.h"

using namespace stint::builder;
namespace fs = std::filesystem;

namespace {

auto entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

/// The wait status of a child process that runs `work`; what it returns is the exit code.
template <typename Work>
int status_of_child(Work work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("a temporary file is gone with its object unless it was given a name") {
  const stint::test::TemporaryFolder folder;
  {
    TemporaryFile file(folder.path(""));
    REQUIRE(file.is_open());
    CHECK(file.write_all({std::byte{1}, std::byte{2}}));
    CHECK(entries(folder.path("")) == 1);
  }
  CHECK(entries(folder.path("")) == 0);
  {
    TemporaryFile file(folder.path(""));
    CHECK(file.write_all({std::byte{1}, std::byte{2}}));
    CHECK(file.sync());
    CHECK(file.rename_to(folder.path("named")));
  }
  CHECK(entries(folder.path("")) == 1);
  CHECK(fs::file_size(folder.path("named")) == 2);
  errno = 0;
  CHECK_FALSE(TemporaryFile(folder.path("absent")).is_open());
  CHECK(errno == ENOENT);
}

TEST_CASE("signals remove the temporary files there are, no others, and end the process") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    CAPTURE(signal);
    const stint::test::TemporaryFolder folder;
    const int status = status_of_child([&] {
      ::signal(signal, SIG_DFL);  // the test program has handlers of its own
      remove_temporary_files_on_signals();
      TemporaryFile named(folder.path(""));
      if (!named.rename_to(folder.path("named"))) return 1;
      auto gone = std::make_unique<TemporaryFile>(folder.path(""));
      TemporaryFile first(folder.path("")), second(folder.path(""));
      gone.reset();
      if (entries(folder.path("")) != 3) return 2;
      raise(signal);
      return 3;
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == signal);
    CHECK(entries(folder.path("")) == 1);
    CHECK(fs::exists(folder.path("named")));
  }
}

TEST_CASE("a signal that was ignored stays ignored") {
  const stint::test::TemporaryFolder folder;
  const int status = status_of_child([&] {
    signal(SIGHUP, SIG_IGN);
    remove_temporary_files_on_signals();
    TemporaryFile file(folder.path(""));
    raise(SIGHUP);
    return entries(folder.path("")) == 1 ? 0 : 1;
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a file beyond the size limit is a failed write") {
  const stint::test::TemporaryFolder folder;
  const int status = status_of_child([&] {
    remove_temporary_files_on_signals();
    rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    TemporaryFile file(folder.path(""));
    const bool written = file.write_all(std::vector<std::byte>(5000));
    return !written && errno == EFBIG ? 0 : 1;
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
