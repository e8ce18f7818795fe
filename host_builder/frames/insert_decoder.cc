#include "host_builder/frames/insert_decoder.h"

#include "host_builder/frames/decoders/decoders.h"

namespace stint::builder {

void insert_decoder(Graph& graph, const PostprocessSpec& spec) {
  DecoderInsertion in(graph, spec);
  switch (spec.kind) {
    case PostprocessKind::kYolox:
    case PostprocessKind::kYolov5:
      return insert_yolo_grid(in);
    case PostprocessKind::kYolov8:
      return insert_yolov8(in);
    case PostprocessKind::kYoloAnchors:
      return insert_yolo_anchors(in);
    case PostprocessKind::kSsd:
    case PostprocessKind::kBoxesScores:
      return insert_boxes_scores(in);
    case PostprocessKind::kTopK:
      return insert_top_classes(in);
    case PostprocessKind::kArgmax:
      return insert_argmax_mask(in);
  }
}

}  // namespace stint::builder
