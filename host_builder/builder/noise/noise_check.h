// Whether a decoder's operands, computed from a picture of noise, can be what it takes them for.
// Each check throws BuildError if they prove it wrong.
#pragma once

#include <string>
#include <vector>

#include "host_builder/builder/noise/values.h"
#include "host_builder/frames/insert_decoder.h"

namespace stint::builder {

class NoiseCheck {
 public:
  NoiseCheck(const Graph& graph, const InsertedDecoder& decoder,
             const std::vector<HostTensor>& operands)
      : graph_(graph),
        decoder_(decoder),
        a_(decoder.attributes),
        spec_(decoder.spec),
        operands_(operands) {}

  void run() const;

 private:
  // noise_check.cc
  bool has_separate_scores() const {
    return a_.kind == DecoderKind::kSsdPriors || a_.kind == DecoderKind::kBoxesScores;
  }
  /// Decoders of a table whose rows cover the picture.
  bool head() const {
    return spec_.kind == PostprocessKind::kYolov8 || spec_.kind == PostprocessKind::kYolov5;
  }
  bool sigmoid() const { return a_.apply_sigmoid; }
  [[noreturn]] void refuse(const std::string& seen, const std::string& remedy) const;
  int64_t cells() const;
  /// For boxes relative to cells.
  std::string use_yolox(const Table& t) const;
  /// Another decoder for the network's own outputs, as a remedy.
  std::string other_decoder(const std::string& before) const;
  std::string without_function() const;
  /// Whether the network says that the row holds something.
  bool counts(int64_t row, int64_t rows) const;

  // scores.cc
  /// Class scores from channel `first`, and an objectness.
  void scores(const Table& t, int64_t first, int64_t objectness) const;
  /// Masks, key points and angles leave 0..1; what stays in it are scores that are not read.
  /// In noise the scores of all classes are alike; an angle may lie in 0..1, but is no such score.
  void columns_left_alone(const Table& t, int64_t begin, const std::vector<Range>& classes) const;
  void already_softmax(const Table& t, int64_t first, const Range& all) const;
  /// Probability of a class in a row.
  double probability(const Table& t, int64_t row, int64_t first, int64_t c) const;
  /// In noise there is nothing to see. A class that four rows of five are sure of means just that.
  void one_class_everywhere(const Table& t, int64_t first) const;
  void label_scores(const Table& t, int64_t channel) const;
  void labels(const Table& t, int64_t channel) const;

  // boxes.cc
  /// Boxes relative to cells: offsets in cells, sizes as logarithms.
  void cell_boxes(const Table& t) const;
  void boxes(const Table& t) const;

  // mask.cc
  void mask() const;

  const Graph& graph_;
  const InsertedDecoder& decoder_;
  const DecodeAttributes& a_;
  const PostprocessSpec& spec_;
  const std::vector<HostTensor>& operands_;
};

}  // namespace stint::builder
