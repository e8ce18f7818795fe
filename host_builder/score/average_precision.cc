#include "host_builder/score/average_precision.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace stint::builder {
namespace {

constexpr size_t kMostFound = 100;
constexpr size_t kRecallPoints = 101;

double threshold_at(size_t i) { return 0.5 + 0.05 * static_cast<double>(i); }

double area(const ScoredBox& box) {
  return std::max(0.0, static_cast<double>(box.x2) - box.x1) *
         std::max(0.0, static_cast<double>(box.y2) - box.y1);
}

}  // namespace

double overlap(const ScoredBox& found, const ScoredBox& truth) {
  ScoredBox common;
  common.x1 = std::max(found.x1, truth.x1);
  common.y1 = std::max(found.y1, truth.y1);
  common.x2 = std::min(found.x2, truth.x2);
  common.y2 = std::min(found.y2, truth.y2);
  const double shared = area(common);
  const double whole = truth.is_crowd ? area(found) : area(found) + area(truth) - shared;
  return whole > 0.0 ? shared / whole : 0.0;
}

void AveragePrecision::add(const std::vector<ScoredBox>& truth, std::vector<ScoredBox> found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const ScoredBox& a, const ScoredBox& b) { return a.score > b.score; });
  if (found.size() > kMostFound) found.resize(kMostFound);
  std::set<int32_t> classes;
  for (const ScoredBox& box : truth) {
    classes.insert(box.class_id);
    if (!box.is_crowd) ++classes_[box.class_id].truth;
  }
  for (const ScoredBox& box : found) classes.insert(box.class_id);
  for (const int32_t id : classes) {
    std::vector<const ScoredBox*> wanted;
    for (const ScoredBox& box : truth)
      if (box.class_id == id) wanted.push_back(&box);
    std::vector<uint16_t> taken(wanted.size(), 0);
    for (const ScoredBox& box : found) {
      if (box.class_id != id) continue;
      Found result{box.score, 0, 0};
      for (size_t t = 0; t < kThresholds; ++t) {
        const auto bit = static_cast<uint16_t>(1u << t);
        // The best box that is still free; a crowd, which any number may find, if there is none.
        double best = threshold_at(t) - 1e-10;
        size_t match = wanted.size();
        for (size_t i = 0; i < wanted.size(); ++i) {
          const bool is_crowd = wanted[i]->is_crowd;
          if (!is_crowd && (taken[i] & bit) != 0) continue;
          if (is_crowd && match < wanted.size() && !wanted[match]->is_crowd) continue;
          const double here = overlap(box, *wanted[i]);
          const bool replaces_crowd = match < wanted.size() && wanted[match]->is_crowd && !is_crowd;
          if (here < (replaces_crowd ? threshold_at(t) - 1e-10 : best)) continue;
          best = here;
          match = i;
        }
        if (match == wanted.size()) continue;
        if (wanted[match]->is_crowd) {
          result.ignored |= bit;
        } else {
          taken[match] |= bit;
          result.matched |= bit;
        }
      }
      classes_[id].found.push_back(result);
    }
  }
}

double AveragePrecision::precision(const Class& of, size_t threshold) {
  const auto bit = static_cast<uint16_t>(1u << threshold);
  std::vector<const Found*> found;
  for (const Found& each : of.found)
    if ((each.ignored & bit) == 0) found.push_back(&each);
  std::stable_sort(found.begin(), found.end(),
                   [](const Found* a, const Found* b) { return a->score > b->score; });
  std::vector<double> precisions(found.size()), recalls(found.size());
  size_t right = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    right += (found[i]->matched & bit) != 0 ? 1 : 0;
    precisions[i] = static_cast<double>(right) / static_cast<double>(i + 1);
    recalls[i] = static_cast<double>(right) / static_cast<double>(of.truth);
  }
  for (size_t i = precisions.size(); i-- > 1;)
    precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  double sum = 0;
  for (size_t k = 0; k < kRecallPoints; ++k) {
    const double recall = static_cast<double>(k) / (kRecallPoints - 1);
    const auto at = std::lower_bound(recalls.begin(), recalls.end(), recall) - recalls.begin();
    if (static_cast<size_t>(at) < precisions.size()) sum += precisions[static_cast<size_t>(at)];
  }
  return sum / kRecallPoints;
}

double AveragePrecision::at(double overlap) const {
  const auto threshold = static_cast<size_t>(std::lround((overlap - 0.5) / 0.05));
  double sum = 0;
  size_t count = 0;
  for (const auto& [id, of] : classes_) {
    if (of.truth == 0) continue;
    sum += precision(of, std::min(threshold, kThresholds - 1));
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

double AveragePrecision::mean() const {
  double sum = 0;
  for (size_t t = 0; t < kThresholds; ++t) sum += at(threshold_at(t));
  return sum / kThresholds;
}

size_t AveragePrecision::truth_count() const {
  size_t count = 0;
  for (const auto& [id, of] : classes_) count += of.truth;
  return count;
}

}  // namespace stint::builder
