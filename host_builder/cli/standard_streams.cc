#include "host_builder/cli/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace stint::builder {

void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one: those below are taken.
    open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

bool finish_standard_output() {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return true;
  // An error of an earlier write has left no reason behind.
  const std::string reason = flushed || errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  std::fprintf(stderr,
               "stint: not everything could be written to standard output%s; is it closed, or is "
               "the disk full?\n",
               reason.c_str());
  return false;
}

}  // namespace stint::builder
