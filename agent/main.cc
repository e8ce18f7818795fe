// stint-agent: times plans on the device it runs on, for stint build --tune-with.
// Reads requests from stdin and answers on stdout (agent/protocol.h); nothing else: no port, no
// file. Ends when its input ends.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "agent/serve.h"
#include "core/include/stint/stint.h"

namespace {

constexpr const char* kUsage =
    "stint-agent: times plans on this device for stint build --tune-with \"stint-agent\"\n"
    "(or \"ssh robot stint-agent\"). It reads requests from stdin and answers on stdout.\n"
    "  --device N   CUDA device (default 0)\n"
    "  --threads N  CPU threads of plans for cpu (default 1)\n"
    "  --version    print the version\n";

bool read_number(const char* text, unsigned long limit, uint32_t* number) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (end == text || *end != '\0' || *text == '-' || value > limit) return false;
  *number = static_cast<uint32_t>(value);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  stint::AgentSettings settings;
  for (int i = 1; i < argc; ++i) {
    const char* next = i + 1 < argc ? argv[i + 1] : "";
    if (std::strcmp(argv[i], "--version") == 0) {
      std::puts(STINT_VERSION_STRING);
      return 0;
    }
    if (std::strcmp(argv[i], "--help") == 0) {
      std::fputs(kUsage, stdout);
      return 0;
    }
    const bool known =
        (std::strcmp(argv[i], "--device") == 0 && read_number(next, 1023, &settings.device)) ||
        (std::strcmp(argv[i], "--threads") == 0 && read_number(next, 256, &settings.threads));
    if (!known) {
      std::fputs(kUsage, stderr);
      return 2;
    }
    ++i;
  }
  // What a library prints must not end up among the answers.
  const int answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (answers < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    std::perror("stint-agent");
    return 1;
  }
  std::FILE* out = fdopen(answers, "w");
  if (out == nullptr) {
    std::perror("stint-agent");
    return 1;
  }
  return stint::serve(stdin, out, settings);
}
