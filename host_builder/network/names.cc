// The names of values: the source's own, and made-up ones beside them.
#include "host_builder/network/network_builder.h"

namespace stint::builder {

std::string NetworkBuilder::unique(const std::string& hint) {
  if (names_.insert(hint).second) return hint;
  for (size_t i = next_suffix_[hint];; ++i) {
    std::string name = hint + "_" + std::to_string(i);
    if (!names_.insert(name).second) continue;
    next_suffix_[hint] = i + 1;
    return name;
  }
}

void NetworkBuilder::reserve(const std::string& name) {
  names_.insert(name);
  reserved_.insert(name);
}

void NetworkBuilder::reserve_constant(const std::string& name) {
  reserve(name);
  constant_names_.insert(name);
}

void NetworkBuilder::give_name(ValueId id, const std::string& name) {
  if (!named_by_source_.insert(id).second) return;
  names_.erase(graph_.value(id).name);
  claim(id, name);
  graph_.value(id).name = name;
}

/// From now on the name is the value's. Who was called so without being asked is renamed.
void NetworkBuilder::claim(ValueId id, const std::string& name) {
  if (names_.count(name) != 0 && reserved_.count(name) == 0) {
    for (ValueId other = 0; other < graph_.value_count(); ++other)
      if (other != id && graph_.value(other).name == name) graph_.value(other).name = unique(name);
  }
  reserve(name);
  given_.emplace(name, id);
}

/// Whether another value has this name of the source's.
bool NetworkBuilder::is_taken(const std::string& name, ValueId by_other_than) const {
  const auto found = given_.find(name);
  return found != given_.end() && found->second != by_other_than;
}

}  // namespace stint::builder
