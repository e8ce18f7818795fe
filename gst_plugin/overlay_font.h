// A 5x7 bitmap font for ASCII, so that drawing labels needs no font library.
#pragma once

#include <cstdint>

namespace stint::gst {

inline constexpr int kGlyphWidth = 5;
inline constexpr int kGlyphHeight = 7;
inline constexpr int kGlyphAdvance = 6;  // with the space between letters

/// Row `row` (0 = top) of a character, leftmost pixel in bit 4. Anything but printable ASCII looks
/// like '?'.
uint8_t glyph_row(char character, int row);

}  // namespace stint::gst
