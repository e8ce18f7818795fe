#include "host_builder/score/average_precision.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace stint::builder;

namespace {

ScoredBox box(float x, float y, float size, int32_t class_id = 0, float score = 1.0f) {
  return {x, y, x + size, y + size, class_id, score, false};
}

}  // namespace

TEST_CASE("overlap is intersection over union; of a crowd, over what was found") {
  CHECK(overlap(box(0, 0, 10), box(5, 0, 10)) == doctest::Approx(50.0 / 150.0));
  CHECK(overlap(box(0, 0, 10), box(20, 0, 10)) == 0.0);
  ScoredBox crowd = box(0, 0, 100);
  crowd.is_crowd = true;
  CHECK(overlap(box(10, 10, 10), crowd) == doctest::Approx(1.0));
  CHECK(overlap(box(3, 3, 0), box(3, 3, 0)) == 0.0);
}

TEST_CASE("what was found exactly has precision 1, nothing found 0") {
  AveragePrecision all, none;
  const std::vector<ScoredBox> truth = {box(0, 0, 10), box(50, 50, 20, 1)};
  all.add(truth, truth);
  CHECK(all.mean() == doctest::Approx(1.0));
  none.add(truth, {});
  CHECK(none.mean() == 0.0);
  CHECK(none.truth_count() == 2);
  CHECK(std::isnan(AveragePrecision().mean()));
}

TEST_CASE("precision is what is right among the found, in the order of their scores") {
  // Found: right, wrong, right, of three. Precision 1 up to recall 1/3, 2/3 up to 2/3, then none.
  AveragePrecision score;
  score.add({box(0, 0, 10), box(100, 0, 10), box(200, 0, 10)},
            {box(100, 0, 10, 0, 0.5f), box(0, 0, 10, 0, 0.9f), box(50, 50, 10, 0, 0.7f)});
  const double expected = (34 * 1.0 + 33 * (2.0 / 3.0)) / 101;
  CHECK(score.at(0.5) == doctest::Approx(expected));
}

TEST_CASE("a box is found once, by the best of those that meet it") {
  AveragePrecision score;
  score.add({box(0, 0, 10)}, {box(0, 0, 10, 0, 0.9f), box(0, 1, 10, 0, 0.8f)});
  CHECK(score.at(0.5) == doctest::Approx(1.0));  // the second is wrong, but behind all recall
  AveragePrecision other;
  other.add({box(0, 0, 10)}, {box(0, 0, 10, 1, 0.9f)});
  CHECK(other.at(0.5) == 0.0);  // of another class
}

TEST_CASE("the threshold matters") {
  AveragePrecision score;
  score.add({box(0, 0, 10)}, {box(0, 3, 10)});  // 70 / 130
  CHECK(score.at(0.5) == doctest::Approx(1.0));
  CHECK(score.at(0.55) == 0.0);
  CHECK(score.mean() == doctest::Approx(0.1));
}

TEST_CASE("what lies in a crowd counts neither way") {
  AveragePrecision score;
  ScoredBox crowd = box(100, 100, 50);
  crowd.is_crowd = true;
  score.add({box(0, 0, 10), crowd}, {box(110, 110, 10, 0, 0.9f), box(0, 0, 10, 0, 0.8f)});
  CHECK(score.at(0.5) == doctest::Approx(1.0));
  CHECK(score.truth_count() == 1);
}
