// What a target's weights cost, and how much of that because tactics of different batch sizes want
// the same weights in different orders.
#pragma once

#include <cstdint>

#include "plan_schema/plan_generated.h"

namespace stint::builder {

struct WeightBytes {
  uint64_t all = 0;           // of the constants that any program's steps read, each place once
  uint64_t other_orders = 0;  // of them, those that another program has in another order
};

/// An order is seen by the constant's name, which ends in its packing: the constant of the same
/// step and operand that has another name in another program. Steps that only one program has are
/// not compared.
WeightBytes count_weight_bytes(const fb::TargetVariant& variant);

}  // namespace stint::builder
