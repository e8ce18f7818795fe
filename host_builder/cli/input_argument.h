// What --input says.
#pragma once

#include <string>
#include <vector>

namespace stint::builder {

struct InputArgument {
  size_t input = 0;  // index into the plan's inputs
  std::string file;
};

/// "NAME=FILE", or "FILE" where the plan has one input. Names and files may both hold '=': the
/// longest NAME that is an input counts. Throws UsageError that lists the inputs.
InputArgument parse_input_argument(const std::string& text, const std::vector<std::string>& inputs);

}  // namespace stint::builder
