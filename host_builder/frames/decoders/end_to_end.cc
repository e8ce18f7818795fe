#include "host_builder/frames/decoders/decoders.h"

namespace stint::builder {

void insert_end_to_end(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kEndToEnd;
  a.center_boxes = in.spec.center_boxes.value_or(false);
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  const Shape& s = in.shape(in.operands[0]);
  if (s[2] < 6)
    in.fail_as_other_kind("output " + in.describe(output) +
                          " is not [n, rows, 6] of x1, y1, x2, y2, score, class");
  if (s[2] == 7 && !in.spec.unchecked)
    in.fail("output " + in.describe(output) +
                " has one column more than x1, y1, x2, y2, score, class, as an angle would be",
            "export the model without rotated boxes, or add the word unchecked if the first six "
            "columns are these");
  in.set_label_classes();
  in.set_final_rows(s[1], output);
  in.finish_detections();
}

}  // namespace stint::builder
