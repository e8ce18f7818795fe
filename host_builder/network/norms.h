// Normalisations that are composed of reductions and arithmetic.
#pragma once

#include <vector>

#include "host_builder/network/network_builder.h"

namespace stint::builder {

/// Mean over the axes becomes 0 and, with `variance`, deviation 1: divided by sqrt(variance) +
/// epsilon.
ValueId mean_variance_normalised(NetworkBuilder& net, ValueId x, const std::vector<int64_t>& axes,
                                 bool variance, float epsilon);

}  // namespace stint::builder
