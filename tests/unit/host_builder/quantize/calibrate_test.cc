// Ranges depend on the samples alone, whatever order, threads, batch and interruptions.
#include "host_builder/quantize/calibrate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "host_builder/builder/builder.h"
#include "host_builder/data/npy.h"
#include "host_builder/quantize/calibration_cache.h"
#include "host_builder/quantize/calibration_state.h"
#include "host_builder/support/error.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

constexpr size_t kSamples = 37, kElements = 1 * 6 * 5;

std::vector<float> noise(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.2f, 1.0f);
  std::vector<float> x(count);
  for (float& v : x) v = normal(random);
  return x;
}

/// Convolution, activation, residual, pooling, product.
ModelBuilder network(int64_t batch = -1) {
  ModelBuilder model;
  model.input("x", {batch, 1, 6, 5})
      .floats("w1", {4, 1, 3, 3}, noise(36, 1))
      .floats("w2", {4, 4, 1, 1}, noise(16, 2))
      .floats("w3", {4, 3}, noise(12, 3))
      .node("Conv", {"x", "w1"}, {"c1"})
      .node("Relu", {"c1"}, {"r1"})
      .node("Conv", {"r1", "w2"}, {"c2"})
      .node("Add", {"c2", "r1"}, {"sum"})
      .node("GlobalAveragePool", {"sum"}, {"mean"})
      .node("Flatten", {"mean"}, {"flat"})
      .node("MatMul", {"flat", "w3"}, {"y"})
      .output("y");
  return model;
}

struct Calibrated {
  CalibrationCache cache;
  std::vector<std::string> notes;
};

class Fixture {
 public:
  explicit Fixture(const ModelBuilder& model = network()) {
    const std::string bytes = model.bytes();
    model_ = folder_.write("model.onnx", bytes.data(), bytes.size());
    options_.precision = "int8";
    options_.calibration.cache = folder_.path("cache");
    samples(noise(kSamples * kElements, 9));
  }

  void samples(const std::vector<float>& x, Shape shape = {kSamples, 1, 6, 5}) {
    options_.calibration.samples = folder_.path("samples.npy");
    write_npy(options_.calibration.samples, HostTensor::of(DType::kF32, std::move(shape), x));
  }
  BuildOptions& options() { return options_; }
  const test::TemporaryFolder& folder() const { return folder_; }

  Calibrated run() {
    BuildReport report;
    build_plan(model_, options_, &report);
    return {read_calibration_cache(options_.calibration.cache), report.notes};
  }
  Calibrated anew() {
    std::filesystem::remove(options_.calibration.cache);
    return run();
  }
  std::string refusal() {
    try {
      run();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

 private:
  test::TemporaryFolder folder_;
  std::string model_;
  BuildOptions options_;
};

}  // namespace

TEST_CASE("neither order, threads, batch nor targets change a range") {
  for (const Calibrator calibrator : kCalibrators) {
    Fixture fixture;
    fixture.options().calibration.calibrator = calibrator;
    const CalibrationCache first = fixture.run().cache;
    CHECK(first.tag == calibration_tag(calibrator));
    CHECK(first.scales.size() >= 7);
    fixture.options().threads = 3;
    fixture.options().batches = {1, 4};
    CHECK(fixture.anew().cache.scales == first.scales);

    std::vector<float> x = noise(kSamples * kElements, 9), shuffled;
    std::vector<size_t> order(kSamples);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(5));
    for (const size_t sample : order)
      shuffled.insert(shuffled.end(), x.begin() + static_cast<std::ptrdiff_t>(sample * kElements),
                      x.begin() + static_cast<std::ptrdiff_t>((sample + 1) * kElements));
    fixture.samples(shuffled);
    CHECK(fixture.anew().cache.scales == first.scales);
  }
}

TEST_CASE("min-max of every tensor of the model is what its definition gives") {
  Fixture fixture;
  fixture.options().calibration.calibrator = Calibrator::kMinMax;
  const TensorRanges ranges = ranges_of(fixture.run().cache);
  for (const char* name : {"x", "c1", "r1", "c2", "sum", "mean", "flat", "y"})
    CHECK(ranges.count(name) == 1);
  const std::vector<float> x = noise(kSamples * kElements, 9), w = noise(36, 1);
  float amax = 0, input = 0;
  for (const float v : x) input = std::max(input, std::abs(v));
  for (size_t n = 0; n < kSamples; ++n)
    for (size_t o = 0; o < 4; ++o)
      for (size_t i = 0; i < 4; ++i)
        for (size_t j = 0; j < 3; ++j) {
          float sum = 0;
          for (size_t k = 0; k < 9; ++k)
            sum += w[o * 9 + k] * x[n * kElements + (i + k / 3) * 5 + j + k % 3];
          amax = std::max(amax, std::abs(sum));
        }
  CHECK(ranges.at("x").threshold == doctest::Approx(input).epsilon(1e-6));
  CHECK(ranges.at("c1").threshold == doctest::Approx(amax).epsilon(1e-5));
}

TEST_CASE("a cache that fits is used, one that does not is written anew or refused") {
  Fixture fixture;
  const Calibrated first = fixture.run();
  mentions(first.notes.back(), "calibrated on 37 samples with auto");
  const Calibrated second = fixture.run();
  mentions(second.notes.back(), "ranges come from the calibration cache");
  CHECK(second.cache.scales == first.cache.scales);

  fixture.options().calibration.calibrator = Calibrator::kMinMax;
  const Calibrated other = fixture.run();
  CHECK(other.cache.tag == calibration_tag(Calibrator::kMinMax));
  fixture.options().calibration.calibrator.reset();

  CalibrationCache lacking = other.cache;
  lacking.scales.resize(1);
  write_calibration_cache(fixture.folder().path("cache"), lacking);
  CHECK(fixture.run().cache.scales.size() == first.cache.scales.size());
  write_calibration_cache(fixture.folder().path("cache"), lacking);
  fixture.options().calibration.samples.clear();
  CHECK_THROWS_AS(fixture.run(), UsageError);
  mentions(fixture.refusal(), "no scale for");
  mentions(fixture.refusal(), "--calibrate");

  fixture.folder().write("cache", "nonsense", 8);
  mentions(fixture.refusal(), "line 1: found 'nonsense'");

  // As samples.
  write_calibration_cache(fixture.folder().path("good"), other.cache);
  fixture.options().calibration.cache.clear();
  fixture.options().calibration.samples = fixture.folder().path("good");
  CHECK_NOTHROW(build_plan(fixture.folder().path("model.onnx"), fixture.options(), nullptr));
}

TEST_CASE("requests that cannot be met are said before anything is read") {
  Fixture fixture;
  fixture.options().calibration = {};
  CHECK_THROWS_AS(fixture.run(), UsageError);
  mentions(fixture.refusal(), "give samples with --calibrate");
  fixture.options().precision = "fp32";
  fixture.options().calibration.cache = fixture.folder().path("cache");
  CHECK_THROWS_AS(fixture.run(), UsageError);
  mentions(fixture.refusal(), "add --precision int8");
  fixture.options().precision = "int8";
  CHECK_THROWS_AS(fixture.run(), UsageError);  // no such cache
}

TEST_CASE("an interrupted calibration goes on, and ends as if it had not been") {
  Fixture fixture;
  const CalibrationCache whole = fixture.run().cache;
  fixture.options().threads = 1;
  for (const char* pass : {"ranges", "histograms"}) {
    std::filesystem::remove(fixture.folder().path("cache"));
    struct Interrupted {};
    fixture.options().calibration.between_states = std::chrono::seconds(0);
    fixture.options().progress = [&](const std::string& stage, double) {
      static int calls;
      calls = stage.find(pass) == std::string::npos ? 0 : calls + 1;
      if (calls == 3) throw Interrupted();
    };
    CHECK_THROWS_AS(fixture.run(), Interrupted);
    CHECK(std::filesystem::exists(fixture.folder().path("cache.state")));
    fixture.options().progress = {};
    const Calibrated rest = fixture.run();
    mentions(rest.notes.back(), "going on where an earlier calibration stopped");
    CHECK(rest.cache.scales == whole.scales);
    CHECK_FALSE(std::filesystem::exists(fixture.folder().path("cache.state")));
  }
}

TEST_CASE("a state of other samples, or a damaged one, is begun anew") {
  CalibrationState state;
  state.pass = 1;
  state.runs = 1;
  state.sample_sums = {7, 8};
  state.extents.resize(2);
  state.histograms.resize(2);
  state.histograms[1].counts[5] = 9;
  const std::vector<std::byte> bytes = state_bytes(state);
  const auto again = parse_state(bytes);
  REQUIRE(again);
  CHECK(again->sample_sums == state.sample_sums);
  CHECK(again->histograms[1].counts == state.histograms[1].counts);
  for (const size_t length : {size_t{0}, size_t{7}, size_t{60}, bytes.size() - 1})
    CHECK_FALSE(parse_state({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)}));
  std::vector<std::byte> damaged = bytes;
  damaged[100] ^= std::byte{1};
  CHECK_FALSE(parse_state(damaged));

  const test::TemporaryFolder folder;
  folder.write("s", bytes.data(), bytes.size());
  CHECK(read_state(folder.path("s"), state.identity, 2));
  CHECK_FALSE(read_state(folder.path("s"), state.identity, 3));
  Sha256Digest other{};
  other[3] = 1;
  CHECK_FALSE(read_state(folder.path("s"), other, 2));
  CHECK_FALSE(read_state(folder.path("absent"), state.identity, 2));
}

TEST_CASE("numbers that are none name the tensor and the sample") {
  Fixture fixture;
  std::vector<float> x = noise(kSamples * kElements, 9);
  x[5 * kElements + 3] = std::nanf("");
  fixture.samples(x);
  mentions(fixture.refusal(), "the tensor 'x' holds a NaN on sample 5 of");
  x[5 * kElements + 3] = INFINITY;
  fixture.samples(x);
  mentions(fixture.refusal(), "the tensor 'x' holds an infinite number on sample 5 of");
  std::fill(x.begin(), x.end(), 0.0f);
  fixture.samples(x);
  const TensorRanges ranges = ranges_of(fixture.run().cache);
  CHECK(ranges.at("x").threshold == kZeroThreshold);
  CHECK(ranges.at("y").threshold == kZeroThreshold);
}

TEST_CASE("infinite numbers that a model's own constants make leave their tensors alone") {
  ModelBuilder model;
  model.input("x", {-1, 1, 6, 5})
      .floats("w", {1, 1, 1, 1}, {2.0f})
      .floats("mask", {1, 1, 1, 5}, {0.0f, 0.0f, -INFINITY, 0.0f, 0.0f})
      .node("Conv", {"x", "w"}, {"c"})
      .node("Add", {"c", "mask"}, {"masked"})
      .node("Softmax", {"masked"}, {"y"})
      .output("y");
  Fixture fixture(model);
  const Calibrated calibrated = fixture.run();
  mentions(calibrated.notes.back(), "1 with infinite numbers");
  const TensorRanges ranges = ranges_of(calibrated.cache);
  CHECK(ranges.count("masked") == 0);
  CHECK(ranges.count("c") == 1);
  CHECK(ranges.count("y") == 1);
}

TEST_CASE("samples come in the input's shape, in narrow types, and for a fixed batch") {
  Fixture fixture;
  const CalibrationCache whole = fixture.run().cache;
  fixture.samples(noise(kSamples * kElements, 9), {kSamples, 1, 1, 6, 5});
  CHECK(fixture.anew().cache.scales == whole.scales);
  std::vector<uint8_t> bytes(kElements * 2);
  std::vector<float> floats;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(i * 4);
    floats.push_back(bytes[i]);
  }
  fixture.samples(floats, {2, 1, 6, 5});
  const CalibrationCache wide = fixture.anew().cache;
  write_npy(fixture.folder().path("samples.npy"), HostTensor::of(DType::kU8, {2, 1, 6, 5}, bytes));
  CHECK(fixture.anew().cache.scales == wide.scales);

  std::filesystem::remove(fixture.folder().path("cache"));
  fixture.samples(noise(4 * 7, 1), {4, 1, 7, 1});
  mentions(fixture.refusal(), "input 'x' needs f32 [1,6,5]");
  fixture.samples({}, {0, 1, 6, 5});
  mentions(fixture.refusal(), "it holds no samples");

  Fixture fixed(network(2));
  fixed.samples(noise(36 * kElements, 9), {36, 1, 6, 5});
  CHECK(fixed.run().cache.scales.size() == whole.scales.size());
  fixed.samples(noise(35 * kElements, 9), {35, 1, 6, 5});
  std::filesystem::remove(fixed.folder().path("cache"));
  mentions(fixed.refusal(), "the network takes 2 at once");
}

}  // namespace stint::builder
