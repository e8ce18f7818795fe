// Each calibrator beside the plainest computation of the same definition.
#include "host_builder/quantize/calibrator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "host_builder/quantize/value_extent.h"
#include "host_builder/support/error.h"
#include "tests/support/mentions.h"

using namespace stint::builder;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Histogram histogram_of(const std::vector<float>& x) {
  ValueExtent extent;
  extent.add(x.data(), x.size());
  Histogram histogram;
  histogram.amax = extent.amax();
  histogram.add(x.data(), x.size());
  return histogram;
}

/// Tensors as networks have them: bell-shaped, cut at zero, with outliers, of few values.
std::vector<std::vector<float>> tensors() {
  std::mt19937 random(7);
  std::vector<std::vector<float>> all;
  std::normal_distribution<float> normal(0.0f, 1.5f);
  std::exponential_distribution<float> tail(3.0f);
  for (const size_t count : {3, 100, 5000, 200000}) {
    std::vector<float> bell, cut, rare, whole;
    for (size_t i = 0; i < count; ++i) {
      bell.push_back(normal(random));
      cut.push_back(std::max(0.0f, normal(random)));
      rare.push_back(tail(random) + (i % 997 == 0 ? 9.0f : 0.0f));
      whole.push_back(static_cast<float>(random() % 256));
    }
    for (auto* tensor : {&bell, &cut, &rare, &whole}) all.push_back(std::move(*tensor));
  }
  return all;
}

/// As published: distributions of the first `kept` bins, and of them in 128 levels.
double divergence(const Histogram& histogram, size_t kept) {
  std::vector<double> all(histogram.counts.begin(), histogram.counts.end());
  all[0] = 0;
  std::vector<double> p(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept));
  std::vector<double> level_sum(128, 0.0), level_filled(128, 0.0), q(kept, 0.0);
  for (size_t i = 0; i < kept; ++i) {
    level_sum[i * 128 / kept] += p[i];
    level_filled[i * 128 / kept] += p[i] > 0 ? 1 : 0;
  }
  for (size_t i = 0; i < kept; ++i)
    if (p[i] > 0) q[i] = level_sum[i * 128 / kept] / level_filled[i * 128 / kept];
  for (size_t i = kept; i < all.size(); ++i) p[kept - 1] += all[i];
  double p_total = 0, q_total = 0, result = 0;
  for (size_t i = 0; i < kept; ++i) {
    p_total += p[i];
    q_total += q[i];
  }
  for (size_t i = 0; i < kept; ++i) {
    if (p[i] <= 0) continue;
    if (q[i] <= 0) return kInfinity;
    result += p[i] / p_total * std::log(p[i] / p_total / (q[i] / q_total));
  }
  return result;
}

double squared_error(const Histogram& histogram, size_t kept) {
  double error = 0;
  const double step = static_cast<double>(kept) / 127;
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const double x = static_cast<double>(i) + 0.5;
    const double q = std::min(127.0, std::round(x / step)) * step;
    error += static_cast<double>(histogram.counts[i]) * (x - q) * (x - q);
  }
  return error;
}

}  // namespace

TEST_CASE("an extent is the least and the largest number, whatever the order") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const size_t count : {1, 15, 16, 17, 1000}) {
    std::vector<float> x;
    for (size_t i = 0; i < count; ++i) x.push_back(normal(random));
    ValueExtent once, parts;
    once.add(x.data(), count);
    CHECK(once.low == *std::min_element(x.begin(), x.end()));
    CHECK(once.high == *std::max_element(x.begin(), x.end()));
    std::shuffle(x.begin(), x.end(), random);
    for (size_t i = 0; i < count; i += 7) {
      ValueExtent part;
      part.add(x.data() + i, std::min<size_t>(7, count - i));
      parts.merge(part);
    }
    CHECK(parts == once);
    CHECK_FALSE(once.has_nan);
    x[count / 2] = std::nanf("");
    ValueExtent with_nan;
    with_nan.add(x.data(), count);
    CHECK(with_nan.has_nan);
  }
  const float zeros[] = {-0.0f, 0.0f, -0.0f};
  ValueExtent extent;
  extent.add(zeros, 3);
  CHECK_FALSE(std::signbit(extent.low));
  CHECK_FALSE(std::signbit(extent.high));
  CHECK(ValueExtent().amax() == 0.0f);
}

TEST_CASE("a histogram counts every element once, in the bin of its magnitude") {
  for (const std::vector<float>& x : tensors()) {
    const Histogram histogram = histogram_of(x);
    CHECK(histogram.total() == x.size());
    std::vector<uint64_t> counts(kHistogramBins, 0);
    for (const float v : x)
      ++counts[std::min<size_t>(kHistogramBins - 1,
                                static_cast<size_t>(std::abs(v) * (2048.0f / histogram.amax)))];
    CHECK(std::equal(counts.begin(), counts.end(), histogram.counts.begin()));
  }
  Histogram histogram;  // whatever comes, it stays inside
  const float wild[] = {INFINITY, -INFINITY, 3.0f, 1e38f, -1.0f, 0.0f};
  histogram.add(wild, 6);
  CHECK(histogram.counts.back() == 5);
  CHECK(histogram.counts.front() == 1);
}

TEST_CASE("entropy: no threshold has less divergence") {
  for (const std::vector<float>& x : tensors()) {
    const Histogram histogram = histogram_of(x);
    const double bins = static_cast<double>(entropy_threshold(histogram)) / histogram.bin_width();
    const auto chosen = static_cast<size_t>(std::lround(bins - 0.5));
    CHECK(bins == doctest::Approx(static_cast<double>(chosen) + 0.5).epsilon(1e-6));
    REQUIRE(chosen >= 128);
    REQUIRE(chosen <= 2048);
    double least = kInfinity;
    for (size_t kept = 128; kept <= kHistogramBins; ++kept)
      least = std::min(least, divergence(histogram, kept));
    CHECK(divergence(histogram, chosen) <= least + 1e-12);
  }
}

TEST_CASE("mse: no threshold has less squared error") {
  for (const std::vector<float>& x : tensors()) {
    const Histogram histogram = histogram_of(x);
    const double bins = static_cast<double>(mse_threshold(histogram)) / histogram.bin_width();
    const auto chosen = static_cast<size_t>(std::lround(bins));
    REQUIRE(chosen >= 128);
    REQUIRE(chosen <= 2048);
    double least = kInfinity;
    for (size_t kept = 128; kept <= kHistogramBins; ++kept)
      least = std::min(least, squared_error(histogram, kept));
    CHECK(squared_error(histogram, chosen) <= least * (1 + 1e-9) + 1e-6);
  }
}

TEST_CASE("percentile: as many elements as asked for lie below, and not a bin more") {
  for (const std::vector<float>& x : tensors()) {
    const Histogram histogram = histogram_of(x);
    for (const double percent : {0.001, 50.0, 99.9, 99.99, 100.0}) {
      const double threshold = static_cast<double>(percentile_threshold(histogram, percent));
      const auto below = [&](double limit) {
        double count = 0;
        for (size_t i = 0; i < kHistogramBins; ++i)
          if ((static_cast<double>(i) + 0.5) * histogram.bin_width() < limit)
            count += static_cast<double>(histogram.counts[i]);
        return count;
      };
      const double wanted = static_cast<double>(x.size()) * percent / 100;
      CHECK(below(threshold) >= wanted * (1 - 1e-12));
      CHECK((below(threshold - histogram.bin_width()) < wanted ||
             threshold < histogram.bin_width() * 1.5));
    }
    CHECK(percentile_threshold(histogram, 100) == doctest::Approx(histogram.amax).epsilon(1e-3));
  }
}

TEST_CASE("a tensor of one magnitude keeps it whole") {
  const Histogram histogram = histogram_of({-2.5f, -2.5f, 2.5f});
  for (const Calibrator calibrator : kCalibrators) {
    if (calibrator == Calibrator::kAuto) continue;
    const float threshold = threshold_of(calibrator, histogram, kDefaultPercentile);
    CHECK(threshold >= 2.5f * 0.999f);
    CHECK(threshold <= 2.5f * 1.001f);
  }
}

TEST_CASE("calibrators are found by name") {
  for (const Calibrator calibrator : kCalibrators)
    CHECK(find_calibrator(calibrator_name(calibrator)) == calibrator);
  try {
    find_calibrator("kl");
    FAIL("found");
  } catch (const UsageError& error) {
    mentions(error.what(), "auto, entropy, minmax, percentile, mse");
  }
}
