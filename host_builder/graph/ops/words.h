// Text of attributes: "key=value" words.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "host_builder/graph/attributes.h"

namespace stint::builder {

/// Nine digits are exact for f32.
std::string number_text(float value);

class Words {
 public:
  Words& add(const char* key, const std::string& value);
  Words& add(const char* key, int64_t value) { return add(key, std::to_string(value)); }
  Words& add(const char* key, float value) { return add(key, number_text(value)); }
  Words& add(const char* key, double value);
  Words& flag(const char* key, bool value) { return value ? add(key, int64_t{1}) : *this; }
  Words& list(const char* key, const std::vector<int64_t>& values);
  Words& list(const char* key, const std::vector<float>& values);
  /// Left out where every entry is the neutral one.
  Words& list_unless(const char* key, const std::vector<int64_t>& values, int64_t neutral);
  Words& epilogue(const Epilogue& e);
  /// The frame that results refer to, and how it was fitted into the network's input.
  Words& network_input(int64_t width, int64_t height, FitMode fit, int64_t image);
  std::string text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace stint::builder
