#include "host_builder/graph/ops/words.h"

#include <algorithm>
#include <cstdio>

#include "host_builder/graph/op_names.h"

namespace stint::builder {

std::string number_text(float value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

Words& Words::add(const char* key, const std::string& value) {
  if (!text_.empty()) text_ += ' ';
  text_ += key;
  text_ += '=';
  text_ += value;
  return *this;
}

Words& Words::add(const char* key, double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return add(key, std::string(text));
}

Words& Words::list(const char* key, const std::vector<int64_t>& values) {
  std::string text;
  for (const int64_t v : values) text += (text.empty() ? "" : ",") + std::to_string(v);
  return add(key, text.empty() ? "-" : text);
}

Words& Words::list(const char* key, const std::vector<float>& values) {
  std::string text;
  for (const float v : values) text += (text.empty() ? "" : ",") + number_text(v);
  return add(key, text.empty() ? "-" : text);
}

Words& Words::list_unless(const char* key, const std::vector<int64_t>& values, int64_t neutral) {
  const bool is_neutral =
      std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == neutral; });
  return is_neutral ? *this : list(key, values);
}

Words& Words::epilogue(const Epilogue& e) {
  if (e.act != Activation::kNone) {
    add("act", activation_name(e.act));
    if (e.alpha != 0.0f || e.beta != 0.0f) add("alpha", e.alpha).add("beta", e.beta);
  }
  return flag("residual_after_act", e.residual_after_act);
}

Words& Words::network_input(int64_t width, int64_t height, FitMode fit, int64_t image) {
  add("input_width", width).add("input_height", height);
  return add("fit", fit_name(fit)).add("image", image);
}

}  // namespace stint::builder
