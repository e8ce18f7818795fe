// What YOLO heads of one output have in common: which axis holds the rows, and by what shapes other
// kinds of output are told from them.
#pragma once

#include <cstdint>
#include <optional>

#include "host_builder/frames/decoders/decoder_insertion.h"

namespace stint::builder {

/// Whether [n, channels, rows] is meant rather than [n, rows, channels]. `head` channels stand
/// before the classes. An axis of exactly head + classes= channels decides, else the shorter one.
bool channels_first(const Shape& s, int64_t head, const std::optional<int64_t>& classes);

/// Cells of the strides 8, 16 and 32 over the network's input: the rows of most heads.
int64_t grid_rows(int64_t input_width, int64_t input_height);

/// Refuses [n, rows, 6] with few rows, which is x1, y1, x2, y2, score, class rather; classes= or
/// unchecked say that it is not.
void refuse_final_rows(const DecoderInsertion& in, ValueId output, int64_t rows, int64_t channels,
                       int64_t head);

/// Refuses the two numbers of columns that COCO's 80 classes make with and without objectness where
/// the decoder would see 79 or 81 classes in them. `channels` are those without details.
void refuse_shifted_coco(const DecoderInsertion& in, ValueId output, int64_t channels, int64_t rows,
                         bool channels_first);

/// Refuses a head without classes= or masks= beside an output of mask prototypes: some of its
/// columns are mask coefficients then.
void refuse_mask_prototypes(const DecoderInsertion& in, ValueId output, int64_t channels);

}  // namespace stint::builder
