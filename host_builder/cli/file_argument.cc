#include "host_builder/cli/file_argument.h"

namespace stint::builder {

const CLI::Validator& file_name() {
  static const CLI::Validator validator(
      [](std::string& text) -> std::string {
        if (text == "-")
          return "'-' for standard input or output is not known; give the name of a file (./- for "
                 "one of that name)";
        if (text.empty()) return "the name is empty; give the name of a file";
        return {};
      },
      "", "file_name");
  return validator;
}

}  // namespace stint::builder
