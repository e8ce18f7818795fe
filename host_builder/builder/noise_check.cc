#include "host_builder/builder/noise_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "host_builder/builder/noise_run.h"
#include "host_builder/frames/decoders/fitting_decoder.h"
#include "host_builder/frames/decoders/yolo_rows.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/internal_error.h"
#include "plan_schema/params/elementwise.h"

namespace stint::builder {
namespace {

/// 3 s of one core with AVX-512 (90 GFLOP/s measured), about 15 s of a small one: networks up to
/// YOLOv8x are looked at.
constexpr double kMostFlops = 3e11;

/// Probabilities leave 0..1 by rounding only, half precision included.
constexpr float kRounding = 0.01f;

/// Fewer values, or rows with a box, prove nothing.
constexpr int64_t kEnoughValues = 64;
constexpr int64_t kEnoughRows = 8;

std::string number(float v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", static_cast<double>(v));
  return text;
}

struct Range {
  float least = std::numeric_limits<float>::infinity();
  float most = -std::numeric_limits<float>::infinity();
  double sum = 0;
  int64_t count = 0;
  bool whole = true;

  void add(float v) {
    if (!std::isfinite(v)) return;
    least = std::min(least, v);
    most = std::max(most, v);
    whole = whole && v == std::floor(v);
    sum += static_cast<double>(v);
    ++count;
  }
  double mean() const { return count > 0 ? sum / static_cast<double>(count) : 0.0; }
  bool probabilities() const { return least >= -kRounding && most <= 1.0f + kRounding; }
  bool varied_probabilities() const {
    return count >= kEnoughValues && least >= 0.0f && most <= 1.0f && least < most;
  }
  std::string text() const { return number(least) + " to " + number(most); }
};

/// f32 [n, rows, channels] or, transposed, [n, channels, rows].
class Table {
 public:
  Table(const HostTensor& tensor, bool transposed)
      : data_(tensor.as<float>()),
        images_(tensor.shape.at(0)),
        rows_(tensor.shape.at(transposed ? 2 : 1)),
        channels_(tensor.shape.at(transposed ? 1 : 2)),
        transposed_(transposed) {}
  int64_t rows() const { return images_ * rows_; }
  int64_t rows_of_image() const { return rows_; }
  int64_t channels() const { return channels_; }
  float at(int64_t row, int64_t channel) const {
    const int64_t image = row / rows_, r = row % rows_;
    return data_[image * rows_ * channels_ +
                 (transposed_ ? channel * rows_ + r : r * channels_ + channel)];
  }

 private:
  const float* data_;
  int64_t images_, rows_, channels_;
  bool transposed_;
};

class Check {
 public:
  Check(const Graph& graph, const InsertedDecoder& decoder, const std::vector<HostTensor>& operands)
      : graph_(graph),
        decoder_(decoder),
        a_(decoder.attributes),
        spec_(decoder.spec),
        operands_(operands) {}

  void run() const {
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

 private:
  bool has_separate_scores() const {
    return a_.kind == DecoderKind::kSsdPriors || a_.kind == DecoderKind::kBoxesScores;
  }

  [[noreturn]] void refuse(const std::string& seen, const std::string& remedy) const {
    std::string outputs;
    for (const ValueId id : decoder_.outputs) {
      const Value& v = graph_.value(id);
      outputs += (outputs.empty() ? "'" : ", '") + v.name + "' " + dtype_name(v.dtype) + " " +
                 shape_text(v.shape);
    }
    throw BuildError(std::string("--postprocess ") + postprocess_name(spec_.kind) +
                     ": on a picture of noise, output " + outputs + " gives " + seen + "; " +
                     remedy + ", or add the word unchecked if the decoder is right nevertheless");
  }

  /// Decoders of a table whose rows cover the picture.
  bool head() const {
    return spec_.kind == PostprocessKind::kYolov8 || spec_.kind == PostprocessKind::kYolov5;
  }

  int64_t cells() const { return grid_rows(a_.input_width, a_.input_height); }

  /// For boxes relative to cells.
  std::string use_yolox(const Table& t) const {
    return t.rows_of_image() == cells()
               ? "use --postprocess yolox"
               : "use --postprocess yolox with the strides= of the grids, or choose another output";
  }

  /// Another decoder for the network's own outputs, as a remedy.
  std::string other_decoder(const std::string& before) const {
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

  bool sigmoid() const { return a_.apply_sigmoid; }

  std::string without_function() const {
    return spec_.function ? std::string("leave ") + (sigmoid() ? "sigmoid" : "softmax") + " out"
                          : "add no-sigmoid";
  }

  /// Class scores from channel `first`, and an objectness.
  void scores(const Table& t, int64_t first, int64_t objectness) const {
    std::vector<Range> columns(static_cast<size_t>(a_.classes));
    Range all, objects;
    for (int64_t row = 0; row < t.rows(); ++row) {
      if (objectness >= 0) objects.add(t.at(row, objectness));
      for (int64_t c = 0; c < a_.classes; ++c) {
        const float v = t.at(row, first + c);
        all.add(v);
        columns[static_cast<size_t>(c)].add(v);
      }
    }
    columns_left_alone(t, first + a_.classes, columns);
    if (a_.apply_softmax) already_softmax(t, first, all);
    if (has_separate_scores()) one_class_everywhere(t, first);
    if (a_.apply_softmax) return;
    if (sigmoid()) {
      Range both = all;
      if (objects.count > 0) both.add(objects.least), both.add(objects.most);
      if (both.varied_probabilities())
        refuse("scores of " + all.text() + ", probabilities already", without_function());
      return;
    }
    if (a_.kind == DecoderKind::kTopClasses) return;  // ranks what it gets
    if (objectness >= 0 && objects.count > 0 && !objects.probabilities())
      refuse("an objectness of " + objects.text() + " where 0..1 is possible",
             other_decoder("add sigmoid if these are logits"));
    if (all.count == 0 || all.probabilities()) return;
    const auto bad = std::find_if(columns.begin(), columns.end(), [](const Range& column) {
      return column.count > 0 && !column.probabilities();
    });
    const int64_t good = bad - columns.begin();
    if (head() && good > 0 && !spec_.classes)
      refuse("scores in 0..1 for " + std::to_string(good) + " class(es), but " + bad->text() +
                 " in the column behind, as mask coefficients, key points or angles are",
             other_decoder("give classes=" + std::to_string(good) +
                           " to read these classes, with masks=, keypoints= or rotated to read "
                           "the rest as well"));
    refuse("scores of " + all.text() + " where 0..1 is possible",
           other_decoder("add sigmoid if these are logits"));
  }

  /// Masks, key points and angles leave 0..1; what stays in it are scores that are not read.
  /// In noise the scores of all classes are alike; an angle may lie in 0..1, but is no such score.
  void columns_left_alone(const Table& t, int64_t begin, const std::vector<Range>& classes) const {
    if (!spec_.details().empty()) return;
    Range left;
    for (int64_t row = 0; row < t.rows(); ++row)
      for (int64_t c = begin; c < t.channels(); ++c) left.add(t.at(row, c));
    if (!left.varied_probabilities()) return;
    double score = 0;
    for (const Range& c : classes) score = std::max(score, c.mean());
    const bool one = t.channels() - begin == 1;
    if (one && left.mean() > 0.1 && left.mean() > 2 * score) return;
    const std::string more = std::to_string(t.channels() - begin);
    refuse(more + " column(s) of " + left.text() +
               " behind the classes, scores as well: of more classes, or shifted by an objectness",
           spec_.kind == PostprocessKind::kYolov8
               ? std::string("give a larger classes=, or use --postprocess yolov5") +
                     (one ? ", or add rotated if the column is an angle" : "")
               : "give a larger classes=");
  }

  void already_softmax(const Table& t, int64_t first, const Range& all) const {
    if (a_.classes < 2 || all.count == 0 || all.least < 0.0f || all.most > 1.0f + 1e-3f) return;
    for (int64_t row = 0; row < t.rows(); ++row) {
      double sum = 0;
      for (int64_t c = 0; c < a_.classes; ++c) sum += static_cast<double>(t.at(row, first + c));
      if (!(std::abs(sum - 1.0) < 1e-3)) return;
    }
    refuse("scores that add up to 1, a softmax already",
           spec_.function ? without_function() : "add no-sigmoid");
  }

  /// Probability of a class in a row.
  double probability(const Table& t, int64_t row, int64_t first, int64_t c) const {
    const auto raw = static_cast<double>(t.at(row, first + c));
    if (sigmoid()) return 1 / (1 + std::exp(-raw));
    if (!a_.apply_softmax) return raw;
    double sum = 0;  // relative to this score
    for (int64_t k = 0; k < a_.classes; ++k)
      sum += std::exp(static_cast<double>(t.at(row, first + k)) - raw);
    return 1 / sum;
  }

  /// In noise there is nothing to see. A class that four rows of five are sure of means just that.
  void one_class_everywhere(const Table& t, int64_t first) const {
    const int64_t last = a_.classes - 1 - (a_.no_object_last ? 1 : 0);
    if (t.rows() < kEnoughRows || last <= a_.first_class) return;
    int64_t of_first = 0, of_last = 0;
    for (int64_t row = 0; row < t.rows(); ++row) {
      of_first += probability(t, row, first, a_.first_class) > 0.5 ? 1 : 0;
      of_last += probability(t, row, first, last) > 0.5 ? 1 : 0;
    }
    if (5 * of_first > 4 * t.rows())
      refuse("an object of class " + std::to_string(a_.first_class) +
                 " nearly everywhere: the background rather",
             "give first-class=" + std::to_string(a_.first_class + 1));
    if (5 * of_last > 4 * t.rows())
      refuse("an object of class " + std::to_string(last) +
                 ", the last one, nearly everywhere: \"no object\" rather",
             "use --postprocess detr");
  }

  void label_scores(const Table& t, int64_t channel) const {
    Range all;
    for (int64_t row = 0; row < t.rows(); ++row)
      if (counts(row, t.rows_of_image())) all.add(t.at(row, channel));
    if (sigmoid() && all.varied_probabilities())
      refuse("scores of " + all.text() + ", probabilities already", without_function());
    if (!sigmoid() && all.count > 0 && !all.probabilities())
      refuse("scores of " + all.text() + " where 0..1 is possible",
             other_decoder("add sigmoid if these are logits"));
  }

  void labels(const Table& t, int64_t channel) const {
    Range all;
    for (int64_t row = 0; row < t.rows(); ++row)
      if (counts(row, t.rows_of_image())) all.add(t.at(row, channel));
    if (all.count == 0) return;
    const std::string wanted =
        a_.row_labels ? "name the output that holds them with labels=" : "choose another output";
    if (!all.whole)
      refuse("class ids of " + all.text() + " that are no whole numbers", other_decoder(wanted));
    if (all.least < -1.0f || all.most >= static_cast<float>(kMaxCandidates))
      refuse("class ids of " + all.text(), other_decoder(wanted));
    if (spec_.classes && all.most >= static_cast<float>(*spec_.classes))
      refuse("class ids up to " + number(all.most) +
                 ", more than classes=" + std::to_string(*spec_.classes) + " allows",
             "give a larger classes= or leave it out");
  }

  /// Whether the network says that the row holds something.
  bool counts(int64_t row, int64_t rows) const {
    if (!a_.row_counts) return true;
    const HostTensor& count = operands_.at(a_.row_labels ? 3 : 2);
    return static_cast<float>(row % rows) < count.as<float>()[row / rows];
  }

  /// Boxes relative to cells: offsets in cells, sizes as logarithms.
  void cell_boxes(const Table& t) const {
    const float stride = *std::min_element(a_.strides.begin(), a_.strides.end());
    const float size[2] = {static_cast<float>(a_.input_width) / stride,
                           static_cast<float>(a_.input_height) / stride};
    int64_t rows = 0, beyond = 0;
    Range all;
    for (int64_t row = 0; row < t.rows(); ++row) {
      bool far = false;
      for (int64_t k = 0; k < 4; ++k) {
        const float v = t.at(row, k);
        all.add(v);
        far = far || (k < 2 ? std::abs(v) > size[k] : std::exp(v) > 4.0f * size[k - 2]);
      }
      ++rows;
      beyond += far ? 1 : 0;
    }
    if (rows >= kEnoughRows && 2 * beyond > rows)
      refuse("boxes of " + all.text() + " where offsets in cells and logarithms of sizes are " +
                 "possible: pixels rather",
             other_decoder("choose another output"));
  }

  void boxes(const Table& t) const {
    const auto width = static_cast<float>(a_.input_width);
    const auto height = static_cast<float>(a_.input_height);
    const bool centres = a_.center_boxes || a_.kind == DecoderKind::kYoloxGrid;
    const float unit_x = a_.normalized_boxes ? 1.0f : width;
    const float unit_y = a_.normalized_boxes ? 1.0f : height;
    int64_t rows = 0, reversed = 0, ordered = 0, right = 0, outside = 0, large = 0, negative = 0;
    float most = 0.0f, least = 0.0f;
    for (int64_t row = 0; row < t.rows(); ++row) {
      if (!counts(row, t.rows_of_image())) continue;
      float v[4];
      bool usable = true, zero = true;
      for (int64_t k = 0; k < 4; ++k) {
        const float x = t.at(row, k);
        v[a_.y_first ? k ^ 1 : k] = x;
        usable = usable && std::isfinite(x);
        zero = zero && x == 0.0f;
      }
      if (!usable || zero) continue;  // rows of padding
      ++rows;
      const float far = std::max({std::abs(v[0]), std::abs(v[1]), std::abs(v[2]), std::abs(v[3])});
      most = std::max(most, far);
      least = std::min({least, v[0], v[1], v[2], v[3]});
      large += far > (head() ? 1.5f : 4.0f) ? 1 : 0;
      negative += v[2] < 0.0f || v[3] < 0.0f ? 1 : 0;
      reversed += v[2] < v[0] || v[3] < v[1] ? 1 : 0;
      ordered += v[2] >= v[0] && v[3] >= v[1] ? 1 : 0;
      right += v[0] > 0.6f * unit_x ? 1 : 0;
      const float x = centres ? v[0] : (v[0] + v[2]) / 2;
      const float y = centres ? v[1] : (v[1] + v[3]) / 2;
      outside += x < -unit_x || x > 2 * unit_x || y < -unit_y || y > 2 * unit_y ? 1 : 0;
    }
    if (rows < kEnoughRows) return;
    // A head's rows cover the picture, whatever it shows.
    const bool corner = head() && rows >= kEnoughValues && (most > 2.0f || least < -0.1f) &&
                        most <= std::max(2.0f, std::min(width, height) / 16.0f);
    if (corner && (!a_.normalized_boxes || 2 * large > rows))
      refuse("boxes of " + number(least) + " to " + number(most) +
                 (a_.normalized_boxes ? " times the input" : " pixels") +
                 ", all in one corner: relative to the cells of a grid rather",
             use_yolox(t));
    if (centres && 4 * negative > rows)
      refuse("boxes of negative width or height in " + std::to_string(negative) + " of " +
                 std::to_string(rows) + " rows",
             head() ? use_yolox(t) : other_decoder("choose another output"));
    if (!a_.normalized_boxes && most <= 2.0f && std::min(width, height) >= 16.0f)
      refuse("boxes of at most " + number(most) + " pixels: parts of the input rather",
             head() ? "add normalized, or use --postprocess yolox if boxes are relative to a grid"
                    : "add normalized");
    if (a_.normalized_boxes && 2 * large > rows)
      refuse("boxes of up to " + number(most) + " times the input: pixels rather", "add pixels");
    if (!centres && 2 * reversed > rows)
      refuse("boxes whose right or lower edge lies before the other: centres and sizes rather",
             other_decoder("add center"));
    if (centres && ordered == rows && right > 0 && rows >= kEnoughValues)
      refuse("boxes that are all wider than their centre is away from the edge: corners rather",
             other_decoder("add corners"));
    if (2 * outside > rows)
      refuse("boxes far outside the picture", other_decoder("choose another output"));
  }

  void mask() const {
    const HostTensor& t = operands_.at(0);
    const DType dtype = t.dtype;
    const auto count = static_cast<int64_t>(t.data.size() / dtype_bytes(dtype));
    Range all;
    for (int64_t i = 0; i < count; ++i) {
      if (dtype == DType::kF32) all.add(t.as<float>()[i]);
      if (dtype == DType::kI64) all.add(static_cast<float>(t.as<int64_t>()[i]));
      if (dtype == DType::kI32) all.add(static_cast<float>(t.as<int32_t>()[i]));
    }
    if (all.count == 0) return;
    if (!is_float(dtype)) {
      if (all.least < 0.0f || all.most > 255.0f)
        refuse("classes of " + all.text() + ", a mask holds 0 to 255", "choose another output");
      return;
    }
    if (count >= kEnoughValues && all.whole && all.least >= 0.0f && all.most > 1.0f)
      refuse("whole numbers only, classes already",
             "export the model with a whole-number type for this output");
    if (!spec_.threshold) return;
    if (sigmoid_mask() && all.varied_probabilities())
      refuse("values of " + all.text() + ", probabilities already", "leave sigmoid out");
    if (!sigmoid_mask() && !all.probabilities() && *spec_.threshold > 0.0f &&
        *spec_.threshold < 1.0f)
      refuse("values of " + all.text() + ", logits rather than probabilities", "add sigmoid");
  }

  bool sigmoid_mask() const { return spec_.function == ScoreFunction::kSigmoid; }

  const Graph& graph_;
  const InsertedDecoder& decoder_;
  const DecodeAttributes& a_;
  const PostprocessSpec& spec_;
  const std::vector<HostTensor>& operands_;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string check_decoder_on_noise(const Graph& graph, const InsertedDecoder& decoder) {
  if (decoder.spec.unchecked) return {};
  const std::string head = "the decoder was not checked on a picture of noise: ";
  if (const double flops = network_flops(graph); flops > kMostFlops) {
    char text[64];
    std::snprintf(text, sizeof text, "the network is too large for it (%.0f GFLOP)", flops / 1e9);
    return head + text;
  }
  std::vector<HostTensor> operands;
  try {
    operands = run_on_noise(graph, decoder);
  } catch (const InternalError&) {
    throw;
  } catch (const BuildError& error) {
    return head + first_line(error.what());
  }
  Check(graph, decoder, operands).run();
  return {};
}

}  // namespace stint::builder
