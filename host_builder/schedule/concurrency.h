// Which steps may run at the same time, when the only order kept is that of the dependences.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "host_builder/schedule/schedule.h"

namespace stint::builder {

class Concurrency {
 public:
  /// `dependences` lead forward.
  Concurrency(size_t steps, const std::vector<Dependence>& dependences);

  /// Whether a path leads from one step to another later one.
  bool precedes(uint32_t from, uint32_t to) const;

  /// First and last step that may run at the same time as one of the steps from `first` to `last`
  /// that `touches` names, these included. Memory kept for that span is safe: whatever is not in it
  /// runs before or after.
  std::pair<int64_t, int64_t> span(const std::vector<uint32_t>& touches) const;

  /// The dependences that no path of others implies.
  std::vector<Dependence> reduced() const;

 private:
  size_t steps_;
  std::vector<Dependence> dependences_;
  std::vector<std::vector<bool>> reaches_;  // [from][to]
};

}  // namespace stint::builder
