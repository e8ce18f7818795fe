// A BuildError that cannot forget to say what the user can do.
#pragma once

#include <string>
#include <string_view>

#include "host_builder/support/error.h"

namespace stint::builder {

/// Every action begins with one of these: the user reads what to do, not what went wrong once more.
inline constexpr std::string_view kActionVerbs[] = {
    "add",     "build",  "cast",  "check",  "choose", "compile", "convert", "copy",
    "cut",     "export", "fold",  "give",   "keep",   "leave",   "make",    "move",
    "pass",    "put",    "raise", "reduce", "remove", "name",    "replace", "report",
    "reshape", "save",   "set",   "sort",   "split",  "store",   "use",     "write"};

constexpr bool begins_with_action(std::string_view text) {
  for (const std::string_view verb : kActionVerbs) {
    if (text.size() > verb.size() && text.substr(0, verb.size()) == verb &&
        text[verb.size()] == ' ')
      return true;
  }
  return false;
}

/// Whether a message ends with an action: its last clause, behind "; ", begins with such a verb.
constexpr bool ends_with_action(std::string_view message) {
  const size_t clause = message.rfind("; ");
  return clause != std::string_view::npos && begins_with_action(message.substr(clause + 2));
}

/// What the user can do, a literal such as "export the model for inference". Read by the compiler:
/// a text that does not begin with a verb of the list does not compile, nor does a refusal without
/// one.
class Action {
 public:
  // Literals become actions where they stand, as they become strings.
  consteval Action(const char* text) : text_(text) {  // NOLINT(google-explicit-constructor)
    const std::string_view clause(text);
    if (!begins_with_action(clause)) throw "an action begins with a verb of kActionVerbs";
    if (clause.find("; ") != std::string_view::npos) throw "an action is one clause";
  }
  const char* text() const { return text_; }

 private:
  const char* text_;
};

/// What was found and what is needed, then what to do; `rest` ends the action with what only the
/// moment knows (a name, a shape).
class Refusal : public BuildError {
 public:
  Refusal(const std::string& found, Action action, const std::string& rest = {})
      : BuildError(found + "; " + action.text() + rest) {}
};

// Actions of many refusals.
inline constexpr Action kCheckModel =
    "check the model with onnx.checker.check_model(model, full_check=True) and export it again";
inline constexpr Action kExportForInference = "export the model for inference (model.eval())";
inline constexpr Action kExportStatic =
    "export the model with fixed shapes, or fold it with onnxsim, so that this is a constant";

}  // namespace stint::builder
