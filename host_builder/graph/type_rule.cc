#include "host_builder/graph/type_rule.h"

namespace stint::builder {

std::string TypeSet::text() const {
  std::string text;
  for (uint8_t i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    if (has(type)) text += (text.empty() ? "" : " or ") + std::string(dtype_name(type));
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace stint::builder
