#include "host_builder/passes/layout_names.h"

namespace stint::builder {
namespace {

/// What to_physical.cc, sink_transpose.cc and layout.cc append.
constexpr const char* kEndings[] = {"_nhwc", "_nchw", "_p", "_h", "_r"};

/// Without the number that makes a name unique (Graph::unique_name).
std::string without_number(const std::string& name) {
  size_t end = name.size();
  while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
  const bool is_numbered = end < name.size() && end > 0 && name[end - 1] == '_';
  return is_numbered ? name.substr(0, end - 1) : name;
}

}  // namespace

std::optional<std::string> without_layout_ending(const std::string& name) {
  for (const std::string& plain : {name, without_number(name)}) {
    for (const std::string ending : kEndings) {
      if (plain.size() > ending.size() &&
          plain.compare(plain.size() - ending.size(), ending.size(), ending) == 0)
        return plain.substr(0, plain.size() - ending.size());
    }
  }
  return std::nullopt;
}

}  // namespace stint::builder
