#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/decoders/detection_details.h"
#include "host_builder/frames/decoders/yolo_rows.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {

void insert_yolo_grid(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kYoloxGrid;
  const ValueId output = in.single_output();
  in.operands = {in.as_rank_3(output)};
  Shape s = in.shape(in.operands[0]);
  if (in.spec.kind == PostprocessKind::kYolox) {
    a.strides = in.spec.strides.empty() ? std::vector<float>{8, 16, 32} : in.spec.strides;
    int64_t rows = 0;
    std::string grids;
    for (const float stride : a.strides) {
      const int64_t w = grid_cells(a.input_width, stride), h = grid_cells(a.input_height, stride);
      rows += w * h;
      grids += (grids.empty() ? "" : " + ") + std::to_string(w) + "x" + std::to_string(h);
    }
    if (s[1] != rows && s[2] == rows) in.transpose_operand();
    s = in.shape(in.operands[0]);
    if (s[1] != rows)
      in.fail_as_other_kind("the strides make " + grids + " = " + std::to_string(rows) +
                                " rows of a " + std::to_string(a.input_width) + "x" +
                                std::to_string(a.input_height) + " input, output " +
                                in.describe(output) + " has " + std::to_string(s[1]),
                            "give strides=");
    refuse_shifted_coco(in, output, s[2], rows, false);
    in.set_classes(s[2] - 5, output);
    in.finish_detections();
    return;
  }
  const HeadColumns head = head_columns(in, s, 5);
  if (head.are_first) in.transpose_operand();
  s = in.shape(in.operands[0]);
  refuse_final_rows(in, output, s[1], s[2], 5);
  refuse_shifted_coco(in, output, s[2] - head.details, s[1], head.are_first);
  refuse_mask_prototypes(in, output, s[2]);
  if (!in.spec.unchecked && !in.spec.classes && head.are_first &&
      s[1] == grid_rows(a.input_width, a.input_height))
    in.fail(
        "output " + in.describe(output) +
            " has a column for each cell, as YOLOv8 and its kin give them without an objectness",
        "use --postprocess yolov8, or give classes= if there is one nevertheless");
  set_head_classes(in, head, s[2] - 5, output);
  in.finish_detections({5 + a.classes, head.details});
}

}  // namespace stint::builder
