#include <algorithm>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/decoders/detection_details.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

constexpr int64_t kBoxColumns = 6;  // x1, y1, x2, y2, score, class

/// All columns behind the first six, which the SPEC's details must fill.
int64_t detail_columns(const DecoderInsertion& in, int64_t columns, ValueId output) {
  const std::vector<int64_t> possible = possible_detail_columns(in);
  const int64_t found = columns - kBoxColumns;
  if (in.spec.details().empty()) {
    if (found == 1 && !in.spec.unchecked)
      in.fail("output " + in.describe(output) +
                  " has one column more than x1, y1, x2, y2, score, class, as an angle would be",
              "add rotated if it is, or the word unchecked if the first six columns are these");
    return 0;
  }
  if (std::find(possible.begin(), possible.end(), found) == possible.end())
    in.fail("output " + in.describe(output) + " has " + std::to_string(found) +
                " columns behind box, score and class, which " + in.spec.details() +
                " does not fill",
            "give what the model was trained with, or leave it out");
  return found;
}

}  // namespace

void insert_end_to_end(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kEndToEnd;
  a.rotated = in.spec.rotated;
  a.center_boxes = in.spec.center_boxes.value_or(a.rotated);
  if (a.rotated && !a.center_boxes)
    in.fail("rotated boxes are cx,cy,w,h with an angle", "leave corners out");
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  const Shape& s = in.shape(in.operands[0]);
  const bool candidates = s[2] > kBoxColumns + 1 && s[1] > kMaxFinalRows;
  if (s[2] < kBoxColumns || (candidates && in.spec.details().empty() && !in.spec.unchecked))
    in.fail_as_other_kind("output " + in.describe(output) +
                          " is not [n, rows, 6] of x1, y1, x2, y2, score, class");
  const int64_t details = detail_columns(in, s[2], output);
  in.set_label_classes();
  in.set_final_rows(s[1], output);
  in.finish_detections({kBoxColumns, details});
}

}  // namespace stint::builder
