#include <algorithm>
#include <limits>

#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"

namespace stint::builder {
namespace {

constexpr int64_t kDefaultTopK = 5;

}  // namespace

void insert_top_classes(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kTopClasses;
  // Without a threshold every class counts, be its score a logit below 0.
  a.score_threshold = in.spec.score.value_or(std::numeric_limits<float>::lowest());
  const ValueId output = in.single_output();
  const Shape s = in.shape(output);
  in.check_batch(output, s);
  const int64_t classes = in.graph.value(output).elements() / in.graph.batch;
  if (s.size() < 2 ||
      std::count(s.begin() + 1, s.end(), 1) < static_cast<std::ptrdiff_t>(s.size()) - 2)
    in.fail_as_other_kind("output " + in.describe(output) +
                          " is not one row of class scores per image");
  in.operands = {reshape_to(in.graph, cast_to_f32(in.graph, output), {s[0], classes})};
  in.set_classes(classes, output);
  a.max_detections =
      std::min(in.spec.max_detections.value_or(kDefaultTopK), classes - a.first_class);
  in.finish_detections();
}

}  // namespace stint::builder
