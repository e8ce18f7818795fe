#include <utility>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"
#include "host_builder/frames/ssd_priors.h"

namespace stint::builder {
namespace {

std::pair<ValueId, ValueId> boxes_scores_outputs(const DecoderInsertion& in) {
  if (!in.spec.boxes.empty() && !in.spec.scores.empty())
    return {in.named_output(in.spec.boxes), in.named_output(in.spec.scores)};
  std::vector<ValueId> boxes, others;
  for (const ValueId id : in.graph.outputs) {
    const Shape& s = in.shape(id);
    (s.size() >= 2 && s.back() == 4 ? boxes : others).push_back(id);
  }
  if (boxes.size() != 1 || others.size() != 1)
    in.fail("name the two outputs with boxes=NAME and scores=NAME");
  return {in.spec.boxes.empty() ? boxes[0] : in.named_output(in.spec.boxes),
          in.spec.scores.empty() ? others[0] : in.named_output(in.spec.scores)};
}

ValueId priors(DecoderInsertion& in, int64_t rows) {
  if (in.spec.prior_sizes.empty() == in.spec.priors.empty())
    in.fail("give either priors=NAME or prior-sizes= with strides=");
  if (!in.spec.prior_sizes.empty()) {
    if (in.spec.strides.size() != in.spec.prior_counts.size())
      in.fail("strides= has " + std::to_string(in.spec.strides.size()) +
              " levels, prior-sizes= " + std::to_string(in.spec.prior_counts.size()));
    if (!in.attributes.center_boxes || !in.attributes.normalized_boxes)
      in.fail("prior-sizes= makes normalized centre boxes; corners or pixels need priors=NAME");
    std::vector<float> data =
        square_priors(in.attributes.input_width, in.attributes.input_height, in.spec.strides,
                      in.spec.prior_sizes, in.spec.prior_counts);
    if (static_cast<int64_t>(data.size()) != 4 * rows)
      in.fail("prior-sizes= makes " + std::to_string(data.size() / 4) + " priors, the boxes have " +
              std::to_string(rows) + " rows");
    return in.graph.add_constant(in.graph.unique_name("priors"), DType::kF32, {rows, 4}, data);
  }
  for (ValueId id = 0; id < in.graph.value_count(); ++id) {
    if (in.graph.value(id).name != in.spec.priors) continue;
    if (in.graph.value(id).elements() != 4 * rows)
      in.fail("priors " + in.describe(id) + " do not hold 4 numbers for each of " +
              std::to_string(rows) + " rows");
    if (in.graph.is_output(id)) in.use(id);
    return reshape_to(in.graph, cast_to_f32(in.graph, id), {rows, 4});
  }
  in.fail("the model has no value '" + in.spec.priors + "' for the priors");
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
  in.operands = {in.as_rank_3(in.use(boxes)), in.as_rank_3(in.use(scores))};
  const Shape &b = in.shape(in.operands[0]), &s = in.shape(in.operands[1]);
  const int64_t rows = b[1];
  if (b[2] != 4) in.fail("boxes " + in.describe(boxes) + " are not [n, rows, 4]");
  if (s[1] != rows && s[2] != rows)
    in.fail("scores " + in.describe(scores) + " do not have the " + std::to_string(rows) +
            " rows of the boxes");
  a.transposed = s[1] != rows;
  in.set_classes(s[a.transposed ? 1 : 2], scores);
  if (ssd) {
    a.variances = in.spec.variances.empty() ? std::vector<float>{0.1f, 0.2f} : in.spec.variances;
    in.operands.push_back(priors(in, rows));
  }
  in.finish_detections();
}

}  // namespace stint::builder
