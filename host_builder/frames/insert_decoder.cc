#include "host_builder/frames/insert_decoder.h"

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/decoders/detection_details.h"

namespace stint::builder {
namespace {

void insert(DecoderInsertion& in) {
  switch (in.spec.kind) {
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
    case PostprocessKind::kDetr:
      return insert_detr(in);
    case PostprocessKind::kEndToEnd:
      return insert_end_to_end(in);
    case PostprocessKind::kTopK:
      return insert_top_classes(in);
    case PostprocessKind::kArgmax:
      return insert_argmax_mask(in);
  }
}

}  // namespace

InsertedDecoder insert_decoder(Graph& graph, const PostprocessSpec& spec) {
  DecoderInsertion in(graph, spec);
  refuse_other_details(in);
  insert(in);
  return {spec, in.attributes, in.operands, in.used};
}

}  // namespace stint::builder
