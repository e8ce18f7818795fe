#include "host_builder/builder/noise/noise_check.h"

#include <algorithm>
#include <optional>

#include "host_builder/frames/decoders/fitting_decoder.h"
#include "host_builder/frames/decoders/yolo_rows.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"

namespace stint::builder {

void NoiseCheck::run() const {
  if (spec_.kind == PostprocessKind::kArgmax) return mask();
  const bool separate = has_separate_scores();
  const bool by_label = a_.kind == DecoderKind::kEndToEnd || a_.row_labels;
  if (a_.kind == DecoderKind::kYoloAnchors) {
    for (const HostTensor& level : operands_) scores(Table(level, false), 5, 4);
  } else if (a_.kind == DecoderKind::kTopClasses) {
    HostTensor rows = operands_.at(0);
    rows.shape.insert(rows.shape.begin() + 1, 1);
    scores(Table(rows, false), 0, -1);
  } else if (by_label) {
    const Table table(operands_.at(separate ? 1 : 0), false);
    labels(Table(operands_.at(separate ? 2 : 0), false), separate ? 0 : 5);
    label_scores(table, separate ? 0 : 4);
  } else {
    const bool objectness = a_.kind == DecoderKind::kYoloxGrid;
    scores(Table(operands_.at(separate ? 1 : 0), a_.transposed),
           separate ? 0 : (objectness ? 5 : 4), objectness ? 4 : -1);
  }
  const bool decoded_boxes = a_.kind == DecoderKind::kYoloAnchorFree ||
                             a_.kind == DecoderKind::kBoxesScores ||
                             a_.kind == DecoderKind::kEndToEnd ||
                             (a_.kind == DecoderKind::kYoloxGrid && a_.strides.empty());
  if (decoded_boxes) boxes(Table(operands_.at(0), a_.transposed && !separate));
  if (a_.kind == DecoderKind::kYoloxGrid && !a_.strides.empty())
    cell_boxes(Table(operands_.at(0), false));
}

void NoiseCheck::refuse(const std::string& seen, const std::string& remedy) const {
  std::string outputs;
  for (const ValueId id : decoder_.outputs) {
    const Value& v = graph_.value(id);
    outputs += (outputs.empty() ? "'" : ", '") + v.name + "' " + dtype_name(v.dtype) + " " +
               shape_text(v.shape);
  }
  throw BuildError(std::string("--postprocess ") + postprocess_name(spec_.kind) +
                   ": on a picture of noise, output " + outputs + " gives " + seen + "; " + remedy +
                   ", or add the word unchecked if the decoder is right nevertheless");
}

int64_t NoiseCheck::cells() const { return grid_rows(a_.input_width, a_.input_height); }

std::string NoiseCheck::use_yolox(const Table& t) const {
  return t.rows_of_image() == cells()
             ? "use --postprocess yolox"
             : "use --postprocess yolox with the strides= of the grids, or choose another output";
}

std::string NoiseCheck::other_decoder(const std::string& before) const {
  Graph network;
  network.batch = graph_.batch;
  for (const ValueId id : decoder_.outputs)
    network.outputs.push_back(
        network.add_value(graph_.value(id).name, graph_.value(id).dtype, graph_.value(id).shape));
  for (const ValueId id : graph_.outputs) {
    const Value& v = graph_.value(id);
    bool own =
        std::find(decoder_.outputs.begin(), decoder_.outputs.end(), id) != decoder_.outputs.end();
    for (const DetectionOutput& d : graph_.detections)
      own = own || id == d.detections || id == d.counts;
    if (const std::optional<NodeId> producer = graph_.producer(id)) {
      const Op op = graph_.node(*producer).op;
      own = own || op == Op::kDetectionMasks || op == Op::kDetectionKeypoints ||
            op == Op::kRotatedBoxes;
    }
    if (!own) network.outputs.push_back(network.add_value(v.name, v.dtype, v.shape));
  }
  const std::string other = fitting_decoder(network, spec_.kind, cells());
  if (other.empty()) return before;
  return before + (before.empty() ? "" : ", or ") + "use --postprocess " + other;
}

std::string NoiseCheck::without_function() const {
  return spec_.function ? std::string("leave ") + (sigmoid() ? "sigmoid" : "softmax") + " out"
                        : "add no-sigmoid";
}

bool NoiseCheck::counts(int64_t row, int64_t rows) const {
  if (!a_.row_counts) return true;
  const HostTensor& count = operands_.at(a_.row_labels ? 3 : 2);
  return static_cast<float>(row % rows) < count.as<float>()[row / rows];
}

}  // namespace stint::builder
