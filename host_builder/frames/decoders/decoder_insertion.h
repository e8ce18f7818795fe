// What the decoders share while they take the place of outputs: finding outputs, their shapes, the
// attributes and operands of the node to be, and refusals that name what the model offers.
#pragma once

#include <string>
#include <vector>

#include "host_builder/frames/postprocess_spec.h"
#include "host_builder/graph/graph.h"

namespace stint::builder {

struct DecoderInsertion {
  DecoderInsertion(Graph& the_graph, const PostprocessSpec& the_spec);

  [[noreturn]] void fail(const std::string& text) const;
  std::string describe(ValueId id) const;
  const Shape& shape(ValueId id) const { return graph.value(id).shape; }

  ValueId named_output(const std::string& name) const;
  /// The output that output= names, or the only one.
  ValueId single_output();
  /// Notes that the decoder reads the output, which is what takes it off the graph's outputs.
  ValueId use(ValueId id);
  /// [n, a, b] out of [n, a, b, 1...], [n, 1, a, b] or, at batch 1, [a, b].
  ValueId as_rank_3(ValueId id);
  void check_batch(ValueId id, const Shape& s) const;

  /// Attributes as the SPEC and the network's input have them. First step of decoders of
  /// detections.
  void prepare_detections();
  void set_function(ScoreFunction usual);
  /// The number of classes: what the model has, which is what classes= says if it says anything.
  void set_classes(int64_t found, ValueId id);
  void transpose_operand();

  /// Appends the node, its two outputs in place of those that were used.
  void finish_detections();
  void drop_used_outputs();

  Graph& graph;
  const PostprocessSpec& spec;
  DecodeAttributes attributes;
  std::vector<ValueId> operands;

 private:
  /// Where the network's input is known from: the frame, or the one image-like input.
  void set_input_size();

  std::vector<ValueId> used_;
};

}  // namespace stint::builder
