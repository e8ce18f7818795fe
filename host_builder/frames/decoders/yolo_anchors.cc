#include "host_builder/frames/decoders/decoders.h"
#include "host_builder/frames/graph_edit.h"

namespace stint::builder {

void insert_yolo_anchors(DecoderInsertion& in) {
  in.prepare_detections();
  DecodeAttributes& a = in.attributes;
  a.kind = DecoderKind::kYoloAnchors;
  a.scaled_anchors = in.spec.scaled_anchors;
  a.anchors = in.spec.anchors;
  in.set_function(ScoreFunction::kSigmoid);
  std::vector<ValueId> levels;
  for (const std::string& name : in.spec.outputs) levels.push_back(in.named_output(name));
  if (levels.empty()) levels = in.graph.outputs;
  if (levels.size() > static_cast<size_t>(kMaxDecodeLevels))
    in.fail(std::to_string(levels.size()) + " levels, at most " + std::to_string(kMaxDecodeLevels) +
                " are possible",
            "choose those that hold boxes with outputs=A+B");
  if (a.anchors.empty() || a.anchors.size() % (2 * levels.size()) != 0)
    in.fail("anchors= needs the same number of W:H pairs for each of " +
                std::to_string(levels.size()) + " levels, it has " +
                std::to_string(a.anchors.size()) + " numbers",
            "give the anchors of the model's training configuration, and outputs=A+B if not all "
            "outputs are levels");
  const auto per_level = static_cast<int64_t>(a.anchors.size() / 2 / levels.size());
  if (per_level > kMaxLevelAnchors)
    in.fail(std::to_string(per_level) + " anchors per level, at most " +
                std::to_string(kMaxLevelAnchors) + " are possible",
            "give W:H pairs for all levels, and outputs=A+B if not all outputs are levels");
  if (!in.spec.strides.empty() && in.spec.strides.size() != levels.size())
    in.fail("strides= has " + std::to_string(in.spec.strides.size()) + " entries for " +
                std::to_string(levels.size()) + " levels",
            "give one for each level, or leave strides= out");
  for (size_t i = 0; i < levels.size(); ++i) {
    const Shape s = in.shape(levels[i]);
    in.check_batch(levels[i], s);
    const bool split = s.size() == 5 && s[1] == per_level;
    if (!split && (s.size() != 4 || s[1] % per_level != 0))
      in.fail_as_other_kind("output " + in.describe(levels[i]) + " is neither [n, " +
                            std::to_string(per_level) + " * (5 + classes), h, w] nor [n, " +
                            std::to_string(per_level) + ", h, w, 5 + classes]");
    if (i > 0 && split != a.anchor_major)
      in.fail("the levels differ in form", "choose those that hold boxes with outputs=A+B");
    a.anchor_major = split;
    const int64_t h = s[2], w = s[3], channels = split ? s[4] : s[1] / per_level;
    const float stride = in.spec.strides.empty()
                             ? static_cast<float>(a.input_width) / static_cast<float>(w)
                             : in.spec.strides[i];
    a.strides.push_back(stride);
    if (grid_cells(a.input_width, stride) != w || grid_cells(a.input_height, stride) != h)
      in.fail("output " + in.describe(levels[i]) + " is no grid of stride " +
                  std::to_string(stride) + " over a " + std::to_string(a.input_width) + "x" +
                  std::to_string(a.input_height) + " input",
              "give the strides of the levels with strides=");
    ValueId rows = cast_to_f32(in.graph, in.use(levels[i]));
    // Pixels outermost: where the network is channels last, this moves nothing.
    if (!split) rows = transpose_by(in.graph, rows, {0, 2, 3, 1});
    in.operands.push_back(reshape_to(in.graph, rows, {s[0], h * w * per_level, channels}));
    in.set_classes(channels - 5, levels[i]);
  }
  in.finish_detections();
}

}  // namespace stint::builder
