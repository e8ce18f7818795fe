#include "host_builder/support/utf8.h"

#include <cstdint>

namespace stint::builder {

size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const uint8_t lead = byte(i);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xC2 ? 0
                        : lead < 0xE0 ? 2
                        : lead < 0xF0 ? 3
                        : lead < 0xF5 ? 4
                                      : 0;
  if (length == 0 || length > text.size() - i) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  const uint8_t second = byte(i + 1);
  const bool outside = (lead == 0xED && second >= 0xA0) || (lead == 0xE0 && second < 0xA0) ||
                       (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90);
  return outside ? 0 : length;
}

bool is_utf8_control(std::string_view text, size_t i, size_t length) {
  const auto lead = static_cast<uint8_t>(text[i]);
  return lead < 0x20 || lead == 0x7F ||
         (lead == 0xC2 && length == 2 && static_cast<uint8_t>(text[i + 1]) < 0xA0);
}

}  // namespace stint::builder
