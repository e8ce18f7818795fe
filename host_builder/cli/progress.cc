#include "host_builder/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace stint::builder {

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (bar_shown_) std::fprintf(stderr, "\r\033[K");
}

void Progress::report(const std::string& stage, double fraction) {
  if (terminal_) {
    constexpr int kWidth = 30;
    const int filled = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * kWidth);
    const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                            std::string(static_cast<size_t>(kWidth - filled), '.');
    std::fprintf(stderr, "\r\033[K[%s] %3.0f%% %s", bar.c_str(), fraction * 100, stage.c_str());
    std::fflush(stderr);
    bar_shown_ = true;
  } else if (stage != stage_) {
    std::fprintf(stderr, "%s\n", stage.c_str());
  }
  stage_ = stage;
}

}  // namespace stint::builder
