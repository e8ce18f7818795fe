// Arithmetic that many layers are composed of.
#pragma once

#include "host_builder/network/network_builder.h"

namespace stint::builder {

ValueId plus_constant(NetworkBuilder& net, ValueId x, float constant);
ValueId times_constant(NetworkBuilder& net, ValueId x, float factor);  // x itself for 1

/// x * sigmoid(beta * x)
ValueId swish(NetworkBuilder& net, ValueId x, float beta);

/// x so that its axes broadcast against those from `axis` on of a value of `rank` axes, where numpy
/// aligns the last ones. Throws Refusal if there are not as many.
ValueId aligned_at(NetworkBuilder& net, ValueId x, size_t axis, size_t rank);

}  // namespace stint::builder
