// Devices as people name them: auto, cpu, cuda, cuda:N.
#pragma once

#include <string>

#include "stint/stint.h"

namespace stint {

struct DeviceName {
  stint_device_kind kind = STINT_DEVICE_ANY;
  uint32_t ordinal = 0;

  /// False, without a change, for anything else than the four forms; N has at most three digits.
  bool parse(const std::string& text) {
    if (text == "auto") {
      *this = {STINT_DEVICE_ANY, 0};
    } else if (text == "cpu") {
      *this = {STINT_DEVICE_CPU, 0};
    } else if (text == "cuda") {
      *this = {STINT_DEVICE_CUDA, 0};
    } else {
      const std::string number = text.rfind("cuda:", 0) == 0 ? text.substr(5) : "";
      if (number.empty() || number.size() > 3 ||
          number.find_first_not_of("0123456789") != std::string::npos) {
        return false;
      }
      *this = {STINT_DEVICE_CUDA, static_cast<uint32_t>(std::stoul(number))};
    }
    return true;
  }

  std::string text() const {
    return kind == STINT_DEVICE_ANY   ? "auto"
           : kind == STINT_DEVICE_CPU ? "cpu"
                                      : "cuda:" + std::to_string(ordinal);
  }
};

}  // namespace stint
