#include "host_builder/frames/decoders/yolo_rows.h"

namespace stint::builder {

bool channels_first(const Shape& s, int64_t head, const std::optional<int64_t>& classes) {
  if (!classes) return s[1] < s[2];
  const int64_t needed = head + *classes;
  if (s[1] == needed || s[2] == needed) return s[1] == needed;
  return s[1] < s[2];
}

int64_t grid_rows(int64_t input_width, int64_t input_height) {
  int64_t rows = 0;
  for (const float stride : {8.0f, 16.0f, 32.0f})
    rows += grid_cells(input_width, stride) * grid_cells(input_height, stride);
  return rows;
}

void refuse_final_rows(const DecoderInsertion& in, ValueId output, int64_t rows, int64_t channels,
                       int64_t head) {
  if (in.spec.unchecked || in.spec.classes || channels != 6 || rows > kMaxFinalRows) return;
  if (rows == grid_rows(in.attributes.input_width, in.attributes.input_height)) return;
  in.fail(
      "output " + in.describe(output) + " looks like final rows of x1, y1, x2, y2, score, class",
      "use --postprocess end-to-end, or give classes=" + std::to_string(6 - head) +
          " if these are its classes");
}

void refuse_shifted_coco(const DecoderInsertion& in, ValueId output, int64_t channels, int64_t rows,
                         bool channels_first) {
  const bool objectness = in.spec.kind != PostprocessKind::kYolov8;
  if (in.spec.unchecked || in.spec.classes || channels != (objectness ? 84 : 85)) return;
  const bool a_row_a_cell =
      rows == grid_rows(in.attributes.input_width, in.attributes.input_height);
  const std::string details = in.spec.details();
  std::string other = "yolov8" + (details.empty() ? "" : "," + details);
  if (!objectness && channels_first)
    other = "yolov8,classes=80,rotated if the last column is an angle, yolov5 if not";
  else if (!objectness)
    other = a_row_a_cell ? "yolox, or yolov5 if the network gives boxes in pixels" : "yolov5";
  in.fail(std::to_string(channels) + " of the columns of output " + in.describe(output) +
              " are those of COCO's 80 classes with" + (objectness ? "out" : "") + " an objectness",
          "use --postprocess " + other + ", or give classes=" + (objectness ? "79" : "81"));
}

void refuse_mask_prototypes(const DecoderInsertion& in, ValueId output, int64_t channels) {
  if (in.spec.unchecked || in.spec.classes || !in.spec.masks.empty()) return;
  for (const ValueId id : in.graph.outputs) {
    const Shape& s = in.shape(id);
    if (id == output || s.size() != 4 || s[1] >= channels || s[2] < 2 || s[3] < 2) continue;
    in.fail("output " + in.describe(id) + " looks like prototypes of masks: the last " +
                std::to_string(s[1]) + " columns of " + in.describe(output) +
                " are then mask coefficients, not classes",
            "give masks=" + in.graph.value(id).name +
                " to read them, classes= to leave them alone, or the word unchecked if all columns "
                "are classes");
  }
}

}  // namespace stint::builder
