#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/decoders/yolo_rows.h"

namespace stint::builder {

void insert_yolov8(DecoderInsertion& in) {
  in.prepare_detections();
  in.attributes.kind = DecoderKind::kYoloAnchorFree;
  in.attributes.center_boxes = in.spec.center_boxes.value_or(true);
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  const Shape& s = in.shape(in.operands[0]);
  in.attributes.transposed = channels_first(s, 4, in.spec.classes);
  const int64_t channels = s[in.attributes.transposed ? 1 : 2];
  const int64_t rows = s[in.attributes.transposed ? 2 : 1];
  refuse_final_rows(in, output, s[1], s[2], 4);
  refuse_mask_prototypes(in, output, channels);
  if (!in.spec.unchecked && rows == 3 * grid_rows(in.attributes))
    in.fail("the " + std::to_string(rows) + " rows of output " + in.describe(output) +
                " are three boxes a cell, as YOLOv5 and YOLOv7 give them with an objectness",
            "use --postprocess yolov5, or add the word unchecked");
  in.set_classes_within(channels - 4, output);
  in.finish_detections();
}

}  // namespace stint::builder
