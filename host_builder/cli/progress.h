// Progress of long work on stderr: a bar on a terminal, one line per stage elsewhere.
#pragma once

#include <string>

namespace stint::builder {

class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `fraction` of the whole work, 0..1.
  void report(const std::string& stage, double fraction);

 private:
  bool terminal_;
  bool bar_shown_ = false;
  std::string stage_;
};

}  // namespace stint::builder
