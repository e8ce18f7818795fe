// masks=, keypoints= and rotated: what a head says behind its classes becomes a result of its own.
#pragma once

#include "host_builder/frames/decoders/decoder_insertion.h"

namespace stint::builder {

/// Refuses more than one kind of details, and boxes that these do not go with.
void refuse_other_details(const DecoderInsertion& in);

/// For a head beside one output that could be prototypes: what to add. Empty for other models.
std::string advice_on_masks(const DecoderInsertion& in);

/// How many columns the SPEC's details may take, the likeliest first: {51, 34} for 17 keypoints,
/// {0} without any.
std::vector<int64_t> possible_detail_columns(const DecoderInsertion& in);

/// How the columns of a YOLO head lie.
struct HeadColumns {
  bool are_first = false;  // [n, columns, rows] rather than [n, rows, columns]
  int64_t details = 0;     // behind the classes
};

/// Of a head [n, a, b] with `before` columns in front of the classes. What classes= and the details
/// add up to decides, else the shorter axis is the columns'.
HeadColumns head_columns(const DecoderInsertion& in, const Shape& head, int64_t before);

/// Classes and details fill the `room` behind the box; without details classes= may leave some.
void set_head_classes(DecoderInsertion& in, const HeadColumns& head, int64_t room, ValueId output);

/// Appends the node that reads `columns` at the rows that the decoder kept, and returns its result:
/// "masks", "keypoints" or "rotated". `in` is as it was for the decoder.
ValueId append_details(DecoderInsertion& in, const DetailColumns& columns, ValueId detections,
                       ValueId rows);

}  // namespace stint::builder
