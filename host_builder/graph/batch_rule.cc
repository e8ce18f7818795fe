#include "host_builder/graph/batch_rule.h"

namespace stint::builder {

MovedSamples BatchRule::move(const BatchMove& m) const {
  if (kind_ == Kind::kOfAny) return of_any_(m);
  if (m.operands.size() > 1 || m.operands[0].index != 0)
    return LostSamples{"a parameter of it differs from sample to sample"};
  return of_first_(m, m.operands[0].place);
}

std::string axis_text(size_t axis) { return "axis " + std::to_string(axis); }

LostSamples lost_along(const BatchPlace& at) {
  return {"it works along " + axis_text(at.axis) + ", which holds the samples"};
}

}  // namespace stint::builder
