// One function per kind of output; each finds its outputs, sets attributes and operands, and
// appends its node. Called by insert_decoder.
#pragma once

#include "host_builder/frames/decoders/decoder_insertion.h"

namespace stint::builder {

void insert_yolo_grid(DecoderInsertion& in);     // yolox, yolov5
void insert_yolo_anchors(DecoderInsertion& in);  // yolo-anchors
void insert_yolov8(DecoderInsertion& in);        // yolov8
void insert_end_to_end(DecoderInsertion& in);    // end-to-end
void insert_detr(DecoderInsertion& in);          // detr
void insert_boxes_scores(DecoderInsertion& in);  // boxes-scores, ssd
void insert_top_classes(DecoderInsertion& in);   // topk
void insert_argmax_mask(DecoderInsertion& in);   // argmax

}  // namespace stint::builder
