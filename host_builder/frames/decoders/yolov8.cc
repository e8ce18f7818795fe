#include "host_builder/frames/decoders/decoders.h"

namespace stint::builder {

void insert_yolov8(DecoderInsertion& in) {
  in.prepare_detections();
  in.attributes.kind = DecoderKind::kYoloAnchorFree;
  in.attributes.center_boxes = in.spec.center_boxes.value_or(true);
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  const Shape& s = in.shape(in.operands[0]);
  in.attributes.transposed = in.spec.classes ? s[1] == 4 + *in.spec.classes : s[1] < s[2];
  in.set_classes(s[in.attributes.transposed ? 1 : 2] - 4, output);
  in.finish_detections();
}

}  // namespace stint::builder
