#include <utility>

#include "host_builder/frames/decoders/decoders.h"

namespace stint::builder {
namespace {

/// [n, queries, 4] and [n, queries, classes]; names where the shapes leave a choice.
std::pair<ValueId, ValueId> boxes_logits_outputs(const DecoderInsertion& in) {
  std::vector<ValueId> boxes, logits;
  for (const ValueId id : in.graph.outputs) {
    const Shape& s = in.shape(id);
    if (s.size() != 3 || s[0] != in.graph.batch) continue;
    if (s[2] == 4 && in.graph.value(id).name != in.spec.scores) boxes.push_back(id);
  }
  if (!in.spec.boxes.empty()) boxes = {in.named_output(in.spec.boxes)};
  if (boxes.size() != 1)
    in.fail_as_other_kind("there is not one output [n, queries, 4] for the boxes",
                          "name it with boxes=NAME");
  for (const ValueId id : in.graph.outputs) {
    const Shape& s = in.shape(id);
    if (id != boxes[0] && s.size() == 3 && s[0] == in.graph.batch && s[1] == in.shape(boxes[0])[1])
      logits.push_back(id);
  }
  if (!in.spec.scores.empty()) logits = {in.named_output(in.spec.scores)};
  if (logits.size() != 1)
    in.fail_as_other_kind("there is not one output [n, queries, classes + 1] for the logits",
                          "name it with scores=NAME");
  return {boxes[0], logits[0]};
}

}  // namespace

void insert_detr(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kBoxesScores;
  a.normalized_boxes = in.spec.normalized.value_or(true);
  a.center_boxes = in.spec.center_boxes.value_or(true);
  in.set_function(ScoreFunction::kSoftmax);
  // Networks trained with a sigmoid have no such class, and take the best pairs of query and class.
  a.no_object_last = !a.apply_sigmoid;
  a.multi_label = in.spec.multi_label.value_or(a.apply_sigmoid);
  const auto [boxes, logits] = boxes_logits_outputs(in);
  in.operands = {in.as_rank_3(in.use(boxes)), in.as_rank_3(in.use(logits))};
  const Shape &b = in.shape(in.operands[0]), &s = in.shape(in.operands[1]);
  if (b[2] != 4 || s[1] != b[1])
    in.fail_as_other_kind("boxes " + in.describe(boxes) + " and logits " + in.describe(logits) +
                              " are not [n, queries, 4] and [n, queries, classes + 1]",
                          "name them with boxes=NAME and scores=NAME");
  in.set_classes(s[2] - (a.no_object_last ? 1 : 0), logits);
  a.classes = s[2];
  in.set_final_rows(s[1], boxes);
  in.finish_detections();
}

}  // namespace stint::builder
