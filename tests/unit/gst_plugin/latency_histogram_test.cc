#include "gst_plugin/engine/latency_histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using stint::gst::LatencyHistogram;

TEST_CASE("percentiles are at most 1/16 above the exact ones, over eleven orders of magnitude") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 11);
  LatencyHistogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<uint64_t>(std::pow(10.0, exponent(random))));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (double fraction : {0.5, 0.9, 0.99}) {
    const uint64_t exact = values[static_cast<size_t>(fraction * double(values.size()) + 0.5) - 1];
    CHECK(histogram.percentile(fraction) >= exact);
    CHECK(double(histogram.percentile(fraction)) <= double(exact) * (1 + 1.0 / 16) + 1);
  }
  CHECK(histogram.percentile(1.0) == values.back());
  CHECK(histogram.max() == values.back());
}

TEST_CASE("extremes fit") {
  LatencyHistogram histogram;
  CHECK(histogram.percentile(0.5) == 0);
  histogram.add(0);
  CHECK(histogram.percentile(0.5) == 0);
  histogram.add(~uint64_t{0});
  CHECK(histogram.percentile(1.0) == ~uint64_t{0});
}
