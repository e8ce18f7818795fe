// --preprocess SPEC: how a camera frame becomes the network's input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan_schema/types.h"

namespace stint::builder {

struct PreprocessSpec {
  FitMode fit = FitMode::kStretch;
  bool order_bgr = false;
  float pad_value = 0.0f;
  std::vector<float> mean = {0.0f};  // one for all channels, or one per channel
  std::vector<float> scale = {1.0f};
  std::string input;                  // empty: the only input that can be an image
  std::optional<bool> channels_last;  // layout of that input; unset: seen from its shape
};

/// Throws BuildError with the position, what was found and what was expected.
PreprocessSpec parse_preprocess_spec(const std::string& text);

/// For `stint build --help`.
const char* preprocess_grammar();

}  // namespace stint::builder
