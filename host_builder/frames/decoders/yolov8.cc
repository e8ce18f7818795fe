#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/decoders/detection_details.h"
#include "host_builder/frames/decoders/yolo_rows.h"

namespace stint::builder {

void insert_yolov8(DecoderInsertion& in) {
  in.prepare_detections();
  in.attributes.kind = DecoderKind::kYoloAnchorFree;
  in.attributes.center_boxes = in.spec.center_boxes.value_or(true);
  in.attributes.rotated = in.spec.rotated;
  if (in.spec.rotated && !in.attributes.center_boxes)
    in.fail("rotated boxes are cx,cy,w,h with an angle", "leave corners out");
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  const Shape& s = in.shape(in.operands[0]);
  const HeadColumns head = head_columns(in, s, 4);
  in.attributes.transposed = head.are_first;
  const int64_t channels = s[in.attributes.transposed ? 1 : 2];
  const int64_t rows = s[in.attributes.transposed ? 2 : 1];
  refuse_final_rows(in, output, s[1], s[2], 4);
  refuse_shifted_coco(in, output, channels - head.details, rows, head.are_first);
  refuse_mask_prototypes(in, output, channels);
  if (!in.spec.unchecked &&
      rows == 3 * grid_rows(in.attributes.input_width, in.attributes.input_height))
    in.fail("the " + std::to_string(rows) + " rows of output " + in.describe(output) +
                " are three boxes a cell, as YOLOv5 and YOLOv7 give them with an objectness",
            "use --postprocess yolov5, or add the word unchecked");
  set_head_classes(in, head, channels - 4, output);
  in.finish_detections({4 + in.attributes.classes, head.details});
}

}  // namespace stint::builder
