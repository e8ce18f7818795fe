#include "host_builder/builder/noise/noise_check.h"

#include <algorithm>
#include <cmath>

#include "host_builder/frames/decoders/fitting_decoder.h"

namespace stint::builder {

void NoiseCheck::scores(const Table& t, int64_t first, int64_t objectness) const {
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

void NoiseCheck::columns_left_alone(const Table& t, int64_t begin,
                                    const std::vector<Range>& classes) const {
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

void NoiseCheck::already_softmax(const Table& t, int64_t first, const Range& all) const {
  if (a_.classes < 2 || all.count == 0 || all.least < 0.0f || all.most > 1.0f + 1e-3f) return;
  for (int64_t row = 0; row < t.rows(); ++row) {
    double sum = 0;
    for (int64_t c = 0; c < a_.classes; ++c) sum += static_cast<double>(t.at(row, first + c));
    if (!(std::abs(sum - 1.0) < 1e-3)) return;
  }
  refuse("scores that add up to 1, a softmax already",
         spec_.function ? without_function() : "add no-sigmoid");
}

double NoiseCheck::probability(const Table& t, int64_t row, int64_t first, int64_t c) const {
  const auto raw = static_cast<double>(t.at(row, first + c));
  if (sigmoid()) return 1 / (1 + std::exp(-raw));
  if (!a_.apply_softmax) return raw;
  double sum = 0;  // relative to this score
  for (int64_t k = 0; k < a_.classes; ++k)
    sum += std::exp(static_cast<double>(t.at(row, first + k)) - raw);
  return 1 / sum;
}

void NoiseCheck::one_class_everywhere(const Table& t, int64_t first) const {
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

void NoiseCheck::label_scores(const Table& t, int64_t channel) const {
  Range all;
  for (int64_t row = 0; row < t.rows(); ++row)
    if (counts(row, t.rows_of_image())) all.add(t.at(row, channel));
  if (sigmoid() && all.varied_probabilities())
    refuse("scores of " + all.text() + ", probabilities already", without_function());
  if (!sigmoid() && all.count > 0 && !all.probabilities())
    refuse("scores of " + all.text() + " where 0..1 is possible",
           other_decoder("add sigmoid if these are logits"));
}

void NoiseCheck::labels(const Table& t, int64_t channel) const {
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

}  // namespace stint::builder
