// What is UTF-8 and what is not.
#pragma once

#include <cstddef>
#include <string_view>

namespace stint::builder {

/// Bytes of the character that begins at `i`; 0 if none does: a stray or missing byte, an overlong
/// form, a surrogate, or a number beyond Unicode.
size_t utf8_length(std::string_view text, size_t i);

/// Whether the character at `i`, of `length` bytes, is a control character (C0, delete, C1).
bool is_utf8_control(std::string_view text, size_t i, size_t length);

}  // namespace stint::builder
