#include "host_builder/schedule/concurrency.h"

#include <algorithm>

namespace stint::builder {

Concurrency::Concurrency(size_t steps, const std::vector<Dependence>& dependences)
    : steps_(steps), dependences_(dependences), reaches_(steps, std::vector<bool>(steps, false)) {
  std::vector<std::vector<uint32_t>> successors(steps);
  for (const Dependence& d : dependences_) successors[d.from].push_back(d.to);
  for (size_t from = steps; from-- > 0;) {
    for (const uint32_t to : successors[from]) {
      reaches_[from][to] = true;
      for (size_t k = to + 1; k < steps; ++k)
        if (reaches_[to][k]) reaches_[from][k] = true;
    }
  }
}

bool Concurrency::precedes(uint32_t from, uint32_t to) const { return reaches_[from][to]; }

std::pair<int64_t, int64_t> Concurrency::span(const std::vector<uint32_t>& touches) const {
  int64_t first = static_cast<int64_t>(steps_), last = -1;
  for (const uint32_t at : touches) {
    for (uint32_t other = 0; other < steps_; ++other) {
      const bool ordered = other < at ? reaches_[other][at] : other > at && reaches_[at][other];
      if (ordered) continue;
      first = std::min<int64_t>(first, other);
      last = std::max<int64_t>(last, other);
    }
  }
  return {first, last};
}

std::vector<Dependence> Concurrency::reduced() const {
  std::vector<Dependence> kept;
  for (const Dependence& d : dependences_) {
    bool implied = false;
    for (uint32_t k = d.from + 1; k < d.to && !implied; ++k)
      implied = reaches_[d.from][k] && reaches_[k][d.to];
    if (!implied) kept.push_back(d);
  }
  return kept;
}

}  // namespace stint::builder
