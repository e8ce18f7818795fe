// What the decoders share while they take the place of outputs: finding outputs, their shapes, the
// attributes and operands of the node to be, and refusals that name what the model offers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Detectors that suppress themselves end with 100 to 300 rows, at most 1000; those that leave
/// suppression to others with thousands.
inline constexpr int64_t kMaxFinalRows = 1000;

/// Columns that say more than a box: mask coefficients, keypoints, an angle.
struct DetailColumns {
  int64_t first = 0, count = 0;
};

struct DecoderInsertion {
  DecoderInsertion(Graph& the_graph, const PostprocessSpec& the_spec);

  /// Throws BuildError: what is wrong, what the model offers, what the user can do.
  [[noreturn]] void fail(const std::string& text, const std::string& remedy) const;
  /// For outputs of another kind: the remedy, or the decoder that fits the model's outputs.
  [[noreturn]] void fail_as_other_kind(const std::string& text,
                                       const std::string& remedy = "choose another output") const;
  std::string describe(ValueId id) const;
  const Shape& shape(ValueId id) const { return graph.value(id).shape; }

  ValueId named_output(const std::string& name) const;
  /// The output that output= names, or the only one.
  ValueId single_output();
  /// Notes that the decoder reads the output, which is what takes it off the graph's outputs.
  ValueId use(ValueId id);
  /// [n, a, b] out of [n, a, b, 1...], [n, 1, a, b] or, at batch 1, [a, b].
  ValueId as_rank_3(ValueId id);
  /// [n, rows, 1] out of one number a row in any arrangement.
  ValueId as_column(ValueId id, int64_t rows);
  void check_batch(ValueId id, const Shape& s) const;

  struct InputSize {
    int64_t height = 0, width = 0;
  };
  /// Of the network: the frame's, or the one image-like input's.
  std::optional<InputSize> input_size() const;

  /// Attributes as the SPEC and the network's input have them. First step of decoders of
  /// detections.
  void prepare_detections();
  void set_function(ScoreFunction usual);
  /// The number of classes: what the model has, which is what classes= says if it says anything.
  void set_classes(int64_t found, ValueId id);
  /// The same where columns may follow the classes: classes= of the `room` columns are read.
  void set_classes_within(int64_t room, ValueId id);
  /// The same where rows carry class ids: classes= bounds them, if it is given.
  void set_label_classes();
  /// Rows that a network suppressed itself: suppressed again only if iou= says so. Many rows are
  /// candidates rather: refused without iou=.
  void set_final_rows(int64_t rows, ValueId id);
  void transpose_operand();

  /// Appends the node, its two outputs in place of those that were used, and behind them the
  /// details that the SPEC asks for, which are these columns of operand 0.
  void finish_detections(const DetailColumns& details = {});
  void drop_used_outputs();

  Graph& graph;
  const PostprocessSpec& spec;
  DecodeAttributes attributes;
  std::vector<ValueId> operands;
  std::vector<ValueId> used;  // outputs that the decoder reads
};

}  // namespace stint::builder
