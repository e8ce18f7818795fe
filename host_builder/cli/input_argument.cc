#include "host_builder/cli/input_argument.h"

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

std::string list(const std::vector<std::string>& inputs) {
  std::string text;
  for (const std::string& name : inputs) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

InputArgument parse_input_argument(const std::string& text,
                                   const std::vector<std::string>& inputs) {
  const auto fail = [&](const std::string& why) {
    return UsageError("--input " + text + ": " + why);
  };
  if (inputs.empty()) throw fail("the plan has no inputs; leave --input out");
  size_t best = inputs.size();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_named = text.rfind(inputs[i] + "=", 0) == 0;
    if (is_named && (best == inputs.size() || inputs[i].size() > inputs[best].size())) best = i;
  }
  const size_t equals = text.find('=');
  InputArgument argument;
  if (best < inputs.size()) {
    argument = {best, text.substr(inputs[best].size() + 1)};
  } else if (equals != std::string::npos) {
    throw fail("the plan has no input '" + text.substr(0, equals) +
               "'; give NAME=FILE with one of its inputs: " + list(inputs));
  } else if (inputs.size() == 1) {
    argument = {0, text};
  } else {
    throw fail("the plan has several inputs; give NAME=FILE for each: " + list(inputs));
  }
  if (argument.file.empty() || argument.file == "-")
    throw fail("'" + argument.file + "' is no file; give the name of one");
  return argument;
}

}  // namespace stint::builder
