#include "host_builder/import/onnx/scope.h"

namespace stint::builder {

std::optional<ValueId> Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    const auto found = scope->values_.find(name);
    if (found != scope->values_.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace stint::builder
