#include "host_builder/graph/transpose_rule.h"

#include <algorithm>

#include "host_builder/graph/shape.h"

namespace stint::builder {

Permutation without_axes(const Permutation& perm, const std::vector<bool>& removed) {
  Permutation kept;
  for (size_t i = 0; i < perm.size(); ++i)
    if (!removed[i]) kept.push_back(perm[i]);
  Permutation sorted = kept;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t& axis : kept)
    axis = std::lower_bound(sorted.begin(), sorted.end(), axis) - sorted.begin();
  return kept;
}

Permutation sink_along(int64_t& axis, const Graph& graph, const Node& node,
                       const Permutation& perm) {
  const size_t along = from_front(axis, perm.size());
  std::vector<bool> removed(perm.size(), false);
  removed[along] = graph.value(node.outputs[0]).shape.size() < perm.size();
  axis = perm[along];
  return without_axes(perm, removed);
}

}  // namespace stint::builder
