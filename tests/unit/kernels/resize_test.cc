#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>

#include "kernels/cpu/resize_tables.h"
#include "plan_schema/params/resize.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

/// ONNX Resize as its text describes it, one output element at a time, all axes by recursion, in
/// double precision.
class Reference {
 public:
  Reference(const ResizeParams& p, std::vector<int64_t> in, std::vector<int64_t> out,
            std::vector<double> x)
      : p_(p), in_(std::move(in)), out_(std::move(out)), x_(std::move(x)) {}

  double at(const std::vector<int64_t>& position) const {
    for (size_t a = 0; a < in_.size(); ++a) {
      const double x = source(a, position[a]);
      if (p_.coordinate == CoordinateMode::kTfCropAndResize && !untouched(a) &&
          (x < 0 || x > double(in_[a] - 1)))
        return p_.extrapolation;
    }
    return value(position, 0, 0);
  }

 private:
  bool untouched(size_t a) const {
    const bool region = p_.coordinate == CoordinateMode::kTfCropAndResize &&
                        (p_.roi_start[a] != 0 || p_.roi_end[a] != 1);
    return in_[a] == out_[a] && std::abs(p_.scales[a] - 1.0f) < 1e-6f && !region;
  }

  double scale(size_t a) const {
    const double exact = double(out_[a]) / double(in_[a]), given = p_.scales[a];
    return std::abs(given / exact - 1) < 2e-6 ? exact : given;
  }

  double source(size_t a, int64_t i) const {
    const double n = double(in_[a]), m = double(out_[a]), s = scale(a), length = s * n;
    switch (p_.coordinate) {
      case CoordinateMode::kHalfPixel:
        return (i + 0.5) / s - 0.5;
      case CoordinateMode::kHalfPixelSymmetric: {
        const double adjustment = m / length, centre = n / 2, offset = centre * (1 - adjustment);
        return offset + (i + 0.5) / s - 0.5;
      }
      case CoordinateMode::kPytorchHalfPixel:
        return m > 1 ? (i + 0.5) / s - 0.5 : 0;
      case CoordinateMode::kAlignCorners:
        return m > 1 ? i * (n - 1) / (m - 1) : 0;  // the integer extents': see resize_tables.cc
      case CoordinateMode::kAsymmetric:
        return i / s;
      case CoordinateMode::kTfHalfPixelForNn:
        return (i + 0.5) / s;
      case CoordinateMode::kTfCropAndResize: {
        const double b = p_.roi_start[a], e = p_.roi_end[a];
        return m > 1 ? b * (n - 1) + i * (e - b) * (n - 1) / (m - 1) : 0.5 * (b + e) * (n - 1);
      }
    }
    return 0;
  }

  double kernel(double d) const {
    d = std::abs(d);
    if (p_.mode == ResizeMode::kLinear) return std::max(0.0, 1 - d);
    const double a = p_.cubic_a;
    if (d < 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    if (d < 2) return a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a;
    return 0;
  }

  double value(const std::vector<int64_t>& position, size_t a, int64_t offset) const {
    if (a == in_.size()) return x_[size_t(offset)];
    const auto go = [&](int64_t index) { return value(position, a + 1, offset * in_[a] + index); };
    if (untouched(a)) return go(position[a]);
    double x = source(a, position[a]);
    if (std::abs(2 * x - std::round(2 * x)) < 1e-8) x = std::round(2 * x) / 2;  // 1/3 and the like
    if (p_.mode == ResizeMode::kNearest) {
      double r = std::floor(x);
      if (p_.nearest == NearestMode::kCeil) r = std::ceil(x);
      if (p_.nearest == NearestMode::kRoundPreferFloor) r = std::ceil(x - 0.5);
      if (p_.nearest == NearestMode::kRoundPreferCeil) r = std::floor(x + 0.5);
      return go(int64_t(std::clamp(r, 0.0, double(in_[a] - 1))));
    }
    const double s = p_.antialias ? std::min(1.0, scale(a)) : 1.0,
                 radius = (p_.mode == ResizeMode::kLinear ? 1 : 2) / s;
    double sum = 0, weights = 0;
    for (auto t = int64_t(std::floor(x - radius)); t <= int64_t(std::ceil(x + radius)); ++t) {
      if (p_.exclude_outside && (t < 0 || t >= in_[a])) continue;
      const double w = kernel((double(t) - x) * s);
      if (w == 0) continue;
      weights += w;
      sum += w * go(std::clamp<int64_t>(t, 0, in_[a] - 1));
    }
    return weights == 0 ? 0 : sum / weights;
  }

  ResizeParams p_;
  std::vector<int64_t> in_, out_;
  std::vector<double> x_;
};

constexpr CoordinateMode kCoordinates[] = {
    CoordinateMode::kHalfPixel,        CoordinateMode::kHalfPixelSymmetric,
    CoordinateMode::kPytorchHalfPixel, CoordinateMode::kAlignCorners,
    CoordinateMode::kAsymmetric,       CoordinateMode::kTfCropAndResize,
    CoordinateMode::kTfHalfPixelForNn};

template <typename T>
double worst(const ResizeParams& p, const std::vector<int64_t>& in, const std::vector<int64_t>& out,
             DType dtype, std::mt19937& random, double low, double high) {
  const int64_t gap = random() % 2 ? 3 : 0;
  Tensor x(dtype, in, gap), y(dtype, out, gap);
  x.fill_uniform<T>(random, low, high);
  KernelCall call{KernelId::kResize, pod_bytes(p), {&x}, {&y}};
  call.workspace_bytes = cpu::resize_workspace_bytes(p, int(in.size()), in.data(), out.data());
  if (dtype != DType::kF32) call.worker_scratch_bytes = 4 * uint64_t(out.back());
  REQUIRE(call.run(1 + random() % 2).ok());
  CHECK(y.gaps_untouched());
  const std::vector<T> values = x.get<T>();
  const Reference reference(p, in, out, std::vector<double>(values.begin(), values.end()));
  double difference = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    std::vector<int64_t> position(out.size());
    int64_t rest = i;
    for (size_t a = out.size(); a-- > 0;) {
      position[a] = rest % out[a];
      rest /= out[a];
    }
    const double found = double(y.at<T>(i));
    if (!(std::abs(found) < 1e30)) return 1e30;
    difference = std::max(difference, std::abs(found - reference.at(position)));
  }
  return difference;
}

ResizeParams random_params(ResizeMode mode, CoordinateMode coordinate, size_t rank,
                           std::mt19937& random) {
  ResizeParams p;
  p.mode = mode;
  p.coordinate = coordinate;
  p.nearest = static_cast<NearestMode>(random() % 4);
  p.exclude_outside = mode == ResizeMode::kCubic && random() % 2;
  p.antialias = mode != ResizeMode::kNearest && random() % 2;
  p.cubic_a = random() % 2 ? -0.75f : -0.5f;
  p.extrapolation = 10.0f;
  for (size_t a = 0; a < rank; ++a) {
    p.scales[a] = 1.0f;
    p.roi_end[a] = 1.0f;
  }
  return p;
}

}  // namespace

TEST_CASE("every mode over two inner axes agrees with the operator's formulas") {
  std::mt19937 random(41);
  for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear, ResizeMode::kCubic}) {
    for (const CoordinateMode coordinate : kCoordinates) {
      for (int round = 0; round < 10; ++round) {
        ResizeParams p = random_params(mode, coordinate, 4, random);
        std::vector<int64_t> in = {2, 1 + int64_t(random() % 9), 1 + int64_t(random() % 9),
                                   1 + int64_t(random() % 20)},
                             out = in;
        for (size_t a = 1; a < 3; ++a) {
          out[a] = 1 + int64_t(random() % 19);
          p.scales[a] = float(out[a]) / float(in[a]);
          if (coordinate == CoordinateMode::kTfCropAndResize) {
            p.roi_start[a] = 0.4f - float(random() % 7) / 10;
            p.roi_end[a] = 0.5f + float(random() % 8) / 10;
          }
        }
        CAPTURE(int(mode));
        CAPTURE(int(coordinate));
        CAPTURE(round);
        CHECK(worst<float>(p, in, out, DType::kF32, random, -2, 2) < 2e-5);
      }
    }
  }
}

TEST_CASE("any axes of one to five, the innermost among them, with scales that are no quotient") {
  std::mt19937 random(42);
  for (int round = 0; round < 60; ++round) {
    const size_t rank = 1 + random() % 5;
    const auto mode = static_cast<ResizeMode>(random() % 3);
    ResizeParams p = random_params(mode, kCoordinates[random() % 5], rank, random);
    std::vector<int64_t> in(rank), out(rank);
    for (size_t a = 0; a < rank; ++a) {
      in[a] = out[a] = 1 + int64_t(random() % 5);
      if (random() % 3 == 0) continue;
      p.scales[a] = 0.55f + 0.1f * float(random() % 20);
      out[a] = std::max<int64_t>(1, int64_t(std::floor(double(in[a]) * p.scales[a])));
    }
    CAPTURE(round);
    CHECK(worst<float>(p, in, out, DType::kF32, random, -2, 2) < 3e-5);
  }
}

TEST_CASE(
    "aligned corners are those of the integer extents, as PyTorch, TensorRT and onnxruntime do") {
  // 7 * 1.5 is 10.5: the last of 10 outputs is the last of 7 inputs, not short of it.
  ResizeParams p;
  p.mode = ResizeMode::kLinear;
  p.coordinate = CoordinateMode::kAlignCorners;
  p.scales[0] = 1.5f;
  Tensor x(DType::kF32, {7}), y(DType::kF32, {10});
  for (int i = 0; i < 7; ++i) x.at<float>(i) = float(i);
  KernelCall call{KernelId::kResize, pod_bytes(p), {&x}, {&y}};
  const int64_t in = 7, out = 10;
  call.workspace_bytes = cpu::resize_workspace_bytes(p, 1, &in, &out);
  REQUIRE(call.run(1).ok());
  for (int i = 0; i < 10; ++i) CHECK(y.at<float>(i) == doctest::Approx(i * 6.0 / 9.0));
}

TEST_CASE("whole numbers are rounded, and nearest moves every type") {
  std::mt19937 random(43);
  for (int round = 0; round < 8; ++round) {
    ResizeParams p = random_params(round % 2 ? ResizeMode::kLinear : ResizeMode::kCubic,
                                   CoordinateMode::kHalfPixel, 3, random);
    p.antialias = 0;
    p.scales[0] = 2.0f, p.scales[1] = 1.5f;
    CHECK(worst<uint8_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kU8, random, 60, 190) <= 0.501);
    CHECK(worst<int8_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kI8, random, -60, 60) <= 0.501);
    CHECK(worst<int32_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kI32, random, -900, 900) <= 0.501);
    p.mode = ResizeMode::kNearest;
    CHECK(worst<double>(p, {5, 4, 3}, {10, 6, 3}, DType::kF64, random, -9, 9) == 0);
    CHECK(worst<int64_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kI64, random, -9e9, 9e9) == 0);
    CHECK(worst<uint16_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kF16, random, 0, 60000) == 0);
    CHECK(worst<uint8_t>(p, {5, 4, 3}, {10, 6, 3}, DType::kBool, random, 0, 2) == 0);
  }
}

TEST_CASE("resize parameters that contradict the shapes are refused at load") {
  ResizeParams good;
  good.mode = ResizeMode::kLinear;
  for (int a = 0; a < 4; ++a) good.scales[a] = a == 1 || a == 2 ? 2.0f : 1.0f;
  Tensor x(DType::kF32, {1, 4, 4, 3}), y(DType::kF32, {1, 8, 8, 3}), flat(DType::kF32, {8, 24}),
      half(DType::kF16, {1, 8, 8, 3});
  const auto accepted = [&](const ResizeParams& p, const Tensor& out, uint64_t missing = 0) {
    KernelCall call{KernelId::kResize, pod_bytes(p), {&x}, {&out}};
    call.workspace_bytes =
        cpu::resize_workspace_bytes(good, 4, x.view().shape, y.view().shape) - missing;
    return call.check().ok();
  };
  CHECK(accepted(good, y));
  CHECK_FALSE(accepted(good, flat));
  CHECK_FALSE(accepted(good, half));
  CHECK_FALSE(accepted(good, y, 1));
  const auto changed = [&](auto change) {
    ResizeParams p = good;
    change(p);
    return accepted(p, y);
  };
  CHECK_FALSE(changed([](ResizeParams& p) { p.mode = static_cast<ResizeMode>(3); }));
  CHECK_FALSE(changed([](ResizeParams& p) { p.coordinate = static_cast<CoordinateMode>(7); }));
  CHECK_FALSE(changed([](ResizeParams& p) { p.nearest = static_cast<NearestMode>(4); }));
  CHECK_FALSE(changed([](ResizeParams& p) { p.scales[1] = 0.0f; }));
  CHECK_FALSE(changed([](ResizeParams& p) { p.scales[2] = NAN; }));
  CHECK_FALSE(changed([](ResizeParams& p) { p.roi_end[0] = INFINITY; }));
  CHECK_FALSE(changed([](ResizeParams& p) {
    p.antialias = 1;
    p.scales[1] = 1e-30f;  // more taps than memory
  }));
}

}  // namespace stint::test
