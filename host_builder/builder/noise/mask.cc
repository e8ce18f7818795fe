#include "host_builder/builder/noise/noise_check.h"

#include "plan_schema/params/elementwise.h"

namespace stint::builder {

void NoiseCheck::mask() const {
  const HostTensor& t = operands_.at(0);
  const DType dtype = t.dtype;
  const auto count = static_cast<int64_t>(t.data.size() / dtype_bytes(dtype));
  Range all;
  for (int64_t i = 0; i < count; ++i) {
    if (dtype == DType::kF32) all.add(t.as<float>()[i]);
    if (dtype == DType::kI64) all.add(static_cast<float>(t.as<int64_t>()[i]));
    if (dtype == DType::kI32) all.add(static_cast<float>(t.as<int32_t>()[i]));
  }
  if (all.count == 0) return;
  if (!is_float(dtype)) {
    if (all.least < 0.0f || all.most > 255.0f)
      refuse("classes of " + all.text() + ", a mask holds 0 to 255", "choose another output");
    return;
  }
  if (count >= kEnoughValues && all.whole && all.least >= 0.0f && all.most > 1.0f)
    refuse("whole numbers only, classes already",
           "export the model with a whole-number type for this output");
  if (!spec_.threshold) return;
  const bool sigmoid = spec_.function == ScoreFunction::kSigmoid;
  if (sigmoid && all.varied_probabilities())
    refuse("values of " + all.text() + ", probabilities already", "leave sigmoid out");
  if (!sigmoid && !all.probabilities() && *spec_.threshold > 0.0f && *spec_.threshold < 1.0f)
    refuse("values of " + all.text() + ", logits rather than probabilities", "add sigmoid");
}

}  // namespace stint::builder
