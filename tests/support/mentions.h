// A text that must say something, shown whole where it does not.
#pragma once

#include <doctest/doctest.h>

#include <string>

namespace stint::builder {

inline void mentions(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

}  // namespace stint::builder
