// What went wrong, in the words a user needs: what was found, what is needed, what to do.
#pragma once

#include <string>

namespace stint::gst {

struct Problem {
  enum class Kind {
    kNone,
    kNotFound,    // a file that is not there
    kUnreadable,  // a file that is there but cannot be read
    kSettings,    // a plan, device or property that does not fit
    kFormat,      // video of a kind that cannot be taken
    kFailed,      // the work itself failed
  };

  Kind kind = Kind::kNone;
  std::string message;
  std::string found;
  std::string needed;
  std::string command;  // a shell line that mends it, empty if there is none

  explicit operator bool() const { return kind != Kind::kNone; }
};

}  // namespace stint::gst
