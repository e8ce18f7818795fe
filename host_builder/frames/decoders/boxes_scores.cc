#include <utility>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"
#include "host_builder/frames/ssd_priors.h"

namespace stint::builder {
namespace {

std::pair<ValueId, ValueId> boxes_scores_outputs(const DecoderInsertion& in) {
  const PostprocessSpec& spec = in.spec;
  if (!spec.boxes.empty() && !spec.scores.empty())
    return {in.named_output(spec.boxes), in.named_output(spec.scores)};
  std::vector<ValueId> boxes, others;
  for (const ValueId id : in.graph.outputs) {
    const std::string& name = in.graph.value(id).name;
    if (name == spec.labels || name == spec.count || name == spec.priors) continue;
    const Shape& s = in.shape(id);
    (s.size() >= 2 && s.back() == 4 ? boxes : others).push_back(id);
  }
  if (boxes.size() != 1 || others.size() != 1)
    in.fail_as_other_kind("boxes and scores are not told apart by their shapes",
                          "name them with boxes=NAME and scores=NAME");
  return {spec.boxes.empty() ? boxes[0] : in.named_output(spec.boxes),
          spec.scores.empty() ? others[0] : in.named_output(spec.scores)};
}

/// One score a row without labels= beside another output of one number a row: that one says which
/// class the score is of.
void refuse_left_labels(const DecoderInsertion& in, ValueId boxes, ValueId scores, int64_t rows) {
  if (in.spec.unchecked) return;
  for (const ValueId id : in.graph.outputs) {
    const std::string& name = in.graph.value(id).name;
    if (id == boxes || id == scores || name == in.spec.count || name == in.spec.priors) continue;
    if (in.graph.value(id).elements() != in.graph.batch * rows) continue;
    in.fail("scores " + in.describe(scores) + " are one a row, and output " + in.describe(id) +
                " holds one number a row too, as class ids do",
            "add labels=" + name + ", or the word unchecked if it is something else");
  }
}

ValueId priors(DecoderInsertion& in, int64_t rows) {
  const PostprocessSpec& spec = in.spec;
  if (spec.prior_sizes.empty() == spec.priors.empty())
    in.fail("the boxes are offsets from priors, which are not known",
            "give either priors=NAME or prior-sizes= with strides=");
  if (!spec.prior_sizes.empty()) {
    if (spec.strides.size() != spec.prior_counts.size())
      in.fail("strides= has " + std::to_string(spec.strides.size()) +
                  " levels, prior-sizes= " + std::to_string(spec.prior_counts.size()),
              "give both for each level");
    if (!in.attributes.center_boxes || !in.attributes.normalized_boxes || spec.y_first)
      in.fail("prior-sizes= makes normalized centre boxes, x first",
              "give priors=NAME for others, or leave corners, pixels and yxyx out");
    std::vector<float> data = square_priors(in.attributes.input_width, in.attributes.input_height,
                                            spec.strides, spec.prior_sizes, spec.prior_counts);
    if (static_cast<int64_t>(data.size()) != 4 * rows)
      in.fail("prior-sizes= makes " + std::to_string(data.size() / 4) + " priors, the boxes have " +
                  std::to_string(rows) + " rows",
              "give the strides and sizes the model was trained with");
    return in.graph.add_constant(in.graph.unique_name("priors"), DType::kF32, {rows, 4}, data);
  }
  for (ValueId id = 0; id < in.graph.value_count(); ++id) {
    if (in.graph.value(id).name != spec.priors) continue;
    if (in.graph.value(id).elements() != 4 * rows)
      in.fail("priors " + in.describe(id) + " do not hold 4 numbers for each of " +
                  std::to_string(rows) + " rows",
              "name the value that holds them");
    if (in.graph.is_output(id)) in.use(id);
    return reshape_to(in.graph, cast_to_f32(in.graph, id), {rows, 4});
  }
  in.fail("the model has no value '" + spec.priors + "' for the priors",
          "name the constant or output that holds them, or give prior-sizes= with strides=");
}

/// Scores [n, rows, 1] with the class ids of the rows.
void read_labels(DecoderInsertion& in, ValueId boxes, ValueId scores, int64_t rows) {
  in.attributes.row_labels = true;
  in.set_label_classes();
  in.set_final_rows(rows, boxes);
  in.operands.push_back(in.as_column(in.use(scores), rows));
  in.operands.push_back(in.as_column(in.use(in.named_output(in.spec.labels)), rows));
}

void read_scores(DecoderInsertion& in, ValueId boxes, ValueId scores, int64_t rows) {
  in.use(scores);
  if (in.graph.value(scores).elements() == in.graph.batch * rows) {
    refuse_left_labels(in, boxes, scores, rows);
    in.operands.push_back(in.as_column(scores, rows));
    return in.set_classes(1, scores);
  }
  in.operands.push_back(in.as_rank_3(scores));
  const Shape& s = in.shape(in.operands[1]);
  if (s[1] != rows && s[2] != rows)
    in.fail("scores " + in.describe(scores) + " do not have the " + std::to_string(rows) +
                " rows of the boxes",
            "name the two that belong together with boxes=NAME and scores=NAME");
  in.attributes.transposed = s[1] != rows;
  in.set_classes(s[in.attributes.transposed ? 1 : 2], scores);
}

}  // namespace

void insert_boxes_scores(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  const bool ssd = in.spec.kind == PostprocessKind::kSsd;
  a.kind = ssd ? DecoderKind::kSsdPriors : DecoderKind::kBoxesScores;
  a.multi_label = in.spec.multi_label.value_or(true);
  a.first_class = in.spec.first_class.value_or(ssd ? 1 : 0);
  a.normalized_boxes = in.spec.normalized.value_or(ssd);
  a.center_boxes = in.spec.center_boxes.value_or(ssd);
  const auto [boxes, scores] = boxes_scores_outputs(in);
  in.operands = {in.as_rank_3(in.use(boxes))};
  const Shape& b = in.shape(in.operands[0]);
  const int64_t rows = b[1];
  if (b[2] != 4)
    in.fail_as_other_kind("boxes " + in.describe(boxes) + " are not [n, rows, 4]",
                          "name the boxes with boxes=NAME");
  if (in.spec.labels.empty()) {
    read_scores(in, boxes, scores, rows);
  } else {
    read_labels(in, boxes, scores, rows);
  }
  if (!in.spec.count.empty()) {
    a.row_counts = true;
    in.operands.push_back(in.as_column(in.use(in.named_output(in.spec.count)), 1));
  }
  if (ssd) {
    a.variances = in.spec.variances.empty() ? std::vector<float>{0.1f, 0.2f} : in.spec.variances;
    in.operands.push_back(priors(in, rows));
  }
  in.finish_detections();
}

}  // namespace stint::builder
