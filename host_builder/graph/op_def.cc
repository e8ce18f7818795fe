#include "host_builder/graph/op_def.h"

#include "host_builder/support/internal_error.h"

namespace stint::builder {

const OpDef& op_def(Op op) {
  static constexpr const OpDef* kDefinitions[] = {
#define STINT_OPERATION(name) &ops::k##name,
      STINT_OPERATIONS(STINT_OPERATION)
#undef STINT_OPERATION
  };
  const auto i = static_cast<size_t>(op);
  if (i >= std::size(kDefinitions))
    throw InternalError("there is no operation " + std::to_string(i));
  return *kDefinitions[i];
}

const std::vector<Op>& all_operations() {
  static const std::vector<Op> operations = {
#define STINT_OPERATION(name) Op::k##name,
      STINT_OPERATIONS(STINT_OPERATION)
#undef STINT_OPERATION
  };
  return operations;
}

}  // namespace stint::builder
