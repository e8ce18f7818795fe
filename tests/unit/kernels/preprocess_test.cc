#include <doctest/doctest.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/image_check.h"
#include "kernels/cpu/simd_level.h"
#include "plan_schema/params/preprocess.h"
#include "tests/support/frame.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {
namespace {

/// Where a frame lies in the network's input, from the words of the specification alone.
struct Placement {
  double left, top, width, height;                // in the network's input, pixels
  double source_x, source_y, source_w, source_h;  // part of the frame shown there
};

Placement place(FitMode fit, int width, int height, const ImageView& v) {
  Placement p{0, 0, double(width), double(height), 0, 0, double(v.width), double(v.height)};
  if (v.crop_width > 0)
    p.source_x = v.crop_x, p.source_y = v.crop_y, p.source_w = v.crop_width,
    p.source_h = v.crop_height;
  const double zoom_x = width / p.source_w, zoom_y = height / p.source_h;
  if (fit == FitMode::kLetterbox || fit == FitMode::kLetterboxTopLeft) {
    const double zoom = std::min(zoom_x, zoom_y);
    p.width = std::max(1.0, std::floor(p.source_w * zoom + 0.5 + 1e-9));
    p.height = std::max(1.0, std::floor(p.source_h * zoom + 0.5 + 1e-9));
    if (fit == FitMode::kLetterbox) {
      p.left = std::floor((width - p.width) / 2);
      p.top = std::floor((height - p.height) / 2);
    }
  } else if (fit == FitMode::kCrop) {
    const double zoom = std::max(zoom_x, zoom_y);
    const double w = width / zoom, h = height / zoom;
    p.source_x += (p.source_w - w) / 2, p.source_y += (p.source_h - h) / 2;
    p.source_w = w, p.source_h = h;
  }
  return p;
}

/// Component k (Y, U, V or R, G, B or grey) at whole coordinates of its plane.
double component(const Frame& f, const ImageView& v, int k, int64_t x, int64_t y) {
  switch (static_cast<PixelFormat>(v.format)) {
    case PixelFormat::kNv12:
      return k == 0 ? f.byte(0, x, y) : f.byte(1, 2 * x + (k - 1), y);
    case PixelFormat::kI420:
      return f.byte(k, x, y);
    case PixelFormat::kGray8:
      return f.byte(0, x, y);
    case PixelFormat::kRgb:
      return f.byte(0, 3 * x + k, y);
    case PixelFormat::kBgr:
      return f.byte(0, 3 * x + 2 - k, y);
    case PixelFormat::kRgbx:
    case PixelFormat::kRgba:
      return f.byte(0, 4 * x + k, y);
    default:
      return f.byte(0, 4 * x + 2 - k, y);
  }
}

double bilinear(const Frame& f, const ImageView& v, int k, double x, double y, int64_t x0,
                int64_t y0, int64_t x1, int64_t y1) {
  x = std::clamp(x, double(x0), double(x1));
  y = std::clamp(y, double(y0), double(y1));
  const auto fx = int64_t(std::floor(x)), fy = int64_t(std::floor(y));
  const int64_t gx = std::min(fx + 1, x1), gy = std::min(fy + 1, y1);
  const double wx = x - double(fx), wy = y - double(fy);
  return (1 - wy) * ((1 - wx) * component(f, v, k, fx, fy) + wx * component(f, v, k, gx, fy)) +
         wy * ((1 - wx) * component(f, v, k, fx, gy) + wx * component(f, v, k, gx, gy));
}

double clip255(double v) { return std::clamp(v, 0.0, 255.0); }

/// Red, green and blue (or grey three times) at a continuous position of the frame.
void reference_pixel(const Frame& f, const ImageView& v, int channels, double px, double py,
                     double rgb[3]) {
  const bool cropped = v.crop_width > 0;
  const int64_t x0 = cropped ? v.crop_x : 0, y0 = cropped ? v.crop_y : 0;
  const int64_t x1 = x0 + (cropped ? v.crop_width : v.width) - 1,
                y1 = y0 + (cropped ? v.crop_height : v.height) - 1;
  const double x = px - 0.5, y = py - 0.5;
  const auto format = static_cast<PixelFormat>(v.format);
  const bool full = v.range == uint32_t(ColorRange::kFull);
  if (format == PixelFormat::kNv12 || format == PixelFormat::kI420 ||
      format == PixelFormat::kGray8) {
    double luma = bilinear(f, v, 0, x, y, x0, y0, x1, y1);
    luma = full ? luma : (luma - 16) * 255 / 219;
    if (format == PixelFormat::kGray8 || channels == 1) {
      rgb[0] = rgb[1] = rgb[2] = clip255(luma);
      return;
    }
    const double cx = std::clamp(x, double(x0), double(x1)) / 2,
                 cy = (std::clamp(y, double(y0), double(y1)) - 0.5) / 2;
    double u = bilinear(f, v, 1, cx, cy, x0 / 2, y0 / 2, x1 / 2, y1 / 2) - 128;
    double w = bilinear(f, v, 2, cx, cy, x0 / 2, y0 / 2, x1 / 2, y1 / 2) - 128;
    if (!full) u *= 255.0 / 224, w *= 255.0 / 224;
    if (v.matrix == uint32_t(ColorMatrix::kBt601)) {
      rgb[0] = luma + 1.402 * w;
      rgb[1] = luma - 0.344136286 * u - 0.714136286 * w;
      rgb[2] = luma + 1.772 * u;
    } else {
      rgb[0] = luma + 1.5748 * w;
      rgb[1] = luma - 0.187324273 * u - 0.468124273 * w;
      rgb[2] = luma + 1.8556 * u;
    }
    for (int k = 0; k < 3; ++k) rgb[k] = clip255(rgb[k]);
    return;
  }
  for (int k = 0; k < 3; ++k) rgb[k] = bilinear(f, v, k, x, y, x0, y0, x1, y1);
  if (channels == 1) rgb[0] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
}

/// Largest difference from the reference, in grey levels (scale taken out).
double worst_difference(const PreprocessParams& p, const Frame& f, const ImageView& v, Tensor& out,
                        int64_t slot) {
  const Placement at = place(p.fit, p.width, p.height, v);
  double worst = 0;
  for (int y = 0; y < p.height; ++y) {
    for (int x = 0; x < p.width; ++x) {
      double rgb[3] = {p.pad_value, p.pad_value, p.pad_value};
      const double u = x + 0.5 - at.left, w = y + 0.5 - at.top;
      if (u > 0 && u < at.width && w > 0 && w < at.height) {
        reference_pixel(f, v, p.channels, at.source_x + u * at.source_w / at.width,
                        at.source_y + w * at.source_h / at.height, rgb);
      }
      for (int c = 0; c < p.channels; ++c) {
        const double pixel = p.channels == 1 ? rgb[0] : rgb[p.order_bgr ? 2 - c : c];
        const double expected = (pixel - p.mean[c]) * p.scale[c];
        const double found = out.at<float>(((slot * p.height + y) * p.width + x) * p.channels + c);
        if (!(std::abs(found - expected) < 1e9)) return 1e9;
        worst = std::max(worst, std::abs(found - expected) / p.scale[c]);
      }
    }
  }
  return worst;
}

PreprocessParams network(int width, int height, int channels, FitMode fit, bool bgr) {
  PreprocessParams p;
  p.width = width;
  p.height = height;
  p.channels = static_cast<uint8_t>(channels);
  p.fit = fit;
  p.order_bgr = bgr;
  p.pad_value = 114.0f;
  const float mean[3] = {123.7f, 116.3f, 103.5f}, scale[3] = {0.0171f, 0.0175f, 0.0174f};
  for (int c = 0; c < 3; ++c) p.mean[c] = mean[c], p.scale[c] = scale[c];
  return p;
}

const PixelFormat kFormats[] = {PixelFormat::kNv12,  PixelFormat::kI420, PixelFormat::kRgb,
                                PixelFormat::kBgr,   PixelFormat::kRgbx, PixelFormat::kBgrx,
                                PixelFormat::kGray8, PixelFormat::kRgba, PixelFormat::kBgra};
const FitMode kFits[] = {FitMode::kStretch, FitMode::kLetterbox, FitMode::kLetterboxTopLeft,
                         FitMode::kCrop};

/// Grey levels. Weights are f32 (24 bits) of positions up to 2^11: an error of 2^-24 * 255 * a few.
constexpr double kTolerance = 0.002;

}  // namespace

TEST_CASE("every format, matrix, range and fit gives the reference's pixels") {
  std::mt19937 random(11);
  for (const PixelFormat format : kFormats) {
    for (const FitMode fit : kFits) {
      for (int variant = 0; variant < 8; ++variant) {
        Frame frame(format, 37 + random() % 40, 21 + random() % 60, random() % 9, random);
        ImageView& v = frame.view();
        v.matrix = variant & 1;
        v.range = (variant >> 1) & 1;
        if (variant & 4) {
          v.crop_x = random() % 20, v.crop_y = random() % 11;
          v.crop_width = 1 + random() % (v.width - v.crop_x);
          v.crop_height = 1 + random() % (v.height - v.crop_y);
        }
        REQUIRE(cpu::check_image(v).ok());
        const int channels = random() % 4 == 0 ? 1 : 3;
        const PreprocessParams p = network(20 + int(random() % 180), 16 + int(random() % 30),
                                           channels, fit, random() % 2 != 0);
        Tensor out(DType::kF32, {1, p.height, p.width, channels}, random() % 2 ? 5 : 0);
        KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {&out}};
        call.images = {v};
        REQUIRE(call.run(1 + random() % 2).ok());
        CAPTURE(int(format));
        CAPTURE(int(fit));
        CAPTURE(variant);
        CHECK(worst_difference(p, frame, v, out, 0) < kTolerance);
        CHECK(out.gaps_untouched());
      }
    }
  }
}

TEST_CASE("frames of one pixel and of odd sizes, with every kind of vector instructions") {
  std::mt19937 random(5);
  cpu::SimdLevel level = cpu::SimdLevel::kBaseline;
  SUBCASE("baseline") { level = cpu::SimdLevel::kBaseline; }
  SUBCASE("AVX2") { level = cpu::SimdLevel::kAvx2; }
  SUBCASE("AVX-512") { level = cpu::SimdLevel::kAvx512; }
  cpu::limit_simd_level(level);
  const uint32_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1},    {2, 2},
                               {3, 3}, {5, 4}, {1921, 3}, {3, 1081}};
  for (const PixelFormat format : kFormats) {
    for (const auto& size : sizes) {
      for (const FitMode fit : kFits) {
        Frame frame(format, size[0], size[1], 0, random);
        const PreprocessParams p = network(33, 17, 3, fit, false);
        Tensor out(DType::kF32, {1, p.height, p.width, 3});
        KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {&out}};
        call.images = {frame.view()};
        REQUIRE(call.run(2).ok());
        CAPTURE(int(format));
        CAPTURE(size[0]);
        CAPTURE(size[1]);
        CHECK(worst_difference(p, frame, frame.view(), out, 0) < kTolerance);
      }
    }
  }
  cpu::limit_simd_level(cpu::best_simd_level());
}

TEST_CASE("every batch slot gets its own frame, and a slot without one is padding") {
  std::mt19937 random(8);
  Frame a(PixelFormat::kNv12, 64, 48, 3, random), b(PixelFormat::kBgr, 31, 77, 1, random);
  const PreprocessParams p = network(40, 24, 3, FitMode::kLetterbox, true);
  Tensor out(DType::kF32, {3, p.height, p.width, 3});
  KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {&out}};
  call.images = {a.view(), ImageView{}, b.view()};
  REQUIRE(call.run(2).ok());
  CHECK(worst_difference(p, a, a.view(), out, 0) < kTolerance);
  CHECK(worst_difference(p, b, b.view(), out, 2) < kTolerance);
  const int64_t slot = int64_t{p.height} * p.width * 3;
  for (int64_t i = slot; i < 2 * slot; ++i) {
    const int c = int(i % 3);
    CHECK(out.at<float>(i) == doctest::Approx((114.0 - p.mean[c]) * p.scale[c]));
  }
}

TEST_CASE("a network that takes bytes gets the same pixels, rounded, halves to the even one") {
  std::mt19937 random(17);
  cpu::SimdLevel level = cpu::SimdLevel::kBaseline;
  SUBCASE("baseline") { level = cpu::SimdLevel::kBaseline; }
  SUBCASE("AVX2") { level = cpu::SimdLevel::kAvx2; }
  SUBCASE("AVX-512") { level = cpu::SimdLevel::kAvx512; }
  cpu::limit_simd_level(level);
  for (const PixelFormat format : kFormats) {
    for (const FitMode fit : kFits) {
      for (const int channels : {1, 3}) {
        Frame frame(format, 1 + random() % 200, 1 + random() % 60, random() % 9, random);
        PreprocessParams p = network(1 + int(random() % 180), 1 + int(random() % 30), channels, fit,
                                     random() % 2 != 0);
        for (int c = 0; c < 3; ++c) p.mean[c] = 0.0f, p.scale[c] = 1.0f;
        p.pad_value = 113.5f + float(random() % 2);  // 114 both times
        Tensor values(DType::kF32, {2, p.height, p.width, channels});
        Tensor bytes(DType::kU8, {2, p.height, p.width, channels}, random() % 2 ? 5 : 0);
        for (Tensor* out : {&values, &bytes}) {
          KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {out}};
          call.images = {frame.view(), ImageView{}};
          REQUIRE(call.run(1 + random() % 2).ok());
        }
        CAPTURE(int(format));
        CAPTURE(int(fit));
        int64_t wrong = 0;
        for (int64_t i = 0; i < 2 * p.height * p.width * channels; ++i)
          wrong += bytes.at<uint8_t>(i) != std::nearbyint(values.at<float>(i));
        CHECK(wrong == 0);
        CHECK(bytes.gaps_untouched());
        CHECK(bytes.at<uint8_t>(p.height * p.width * channels) == 114);  // the slot without a frame
      }
    }
  }
  cpu::limit_simd_level(cpu::best_simd_level());
}

TEST_CASE("the fit takes a position to the frame and back") {
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    ImageView v{};
    v.width = 1 + random() % 4000, v.height = 1 + random() % 4000;
    if (i % 3 == 0) {
      v.crop_x = random() % v.width, v.crop_y = random() % v.height;
      v.crop_width = 1 + random() % (v.width - v.crop_x),
      v.crop_height = 1 + random() % (v.height - v.crop_y);
    }
    const int width = 1 + random() % 1000, height = 1 + random() % 1000;
    const FitMode fit = kFits[random() % 4];
    const cpu::FitGeometry g = cpu::fit_geometry(fit, width, height, v);
    const Placement at = place(fit, width, height, v);
    REQUIRE(g.x0 >= 0);
    REQUIRE(g.x1 <= width);
    REQUIRE(g.x0 < g.x1);
    REQUIRE(g.y0 < g.y1);
    REQUIRE(g.y1 <= height);
    CHECK(g.to_source_x(at.left) == doctest::Approx(at.source_x).epsilon(1e-9).scale(1));
    CHECK(g.to_source_x(at.left + at.width) ==
          doctest::Approx(at.source_x + at.source_w).epsilon(1e-9));
    CHECK(g.to_source_y(at.top) == doctest::Approx(at.source_y).epsilon(1e-9).scale(1));
    CHECK(g.to_source_y(at.top + at.height) ==
          doctest::Approx(at.source_y + at.source_h).epsilon(1e-9));
  }
}

TEST_CASE("1080p letterboxes to 416 x 234, as rational arithmetic says") {
  ImageView v{};
  v.width = 1920, v.height = 1080;
  const cpu::FitGeometry g = cpu::fit_geometry(FitMode::kLetterboxTopLeft, 416, 416, v);
  CHECK(g.x1 == 416);
  CHECK(g.y1 == 234);
  CHECK(g.to_source_y(234) == doctest::Approx(1080));
}

TEST_CASE("a frame that cannot be read is refused with what is wrong") {
  std::mt19937 random(2);
  Frame frame(PixelFormat::kNv12, 31, 9, 0, random);
  const auto refused = [&](auto change, Code code) {
    ImageView v = frame.view();
    change(v);
    const Status s = cpu::check_image(v);
    return s.code == code;
  };
  CHECK(cpu::check_image(frame.view()).ok());
  CHECK(refused([](ImageView& v) { v.format = 9; }, Code::kUnsupportedFormat));
  CHECK(refused([](ImageView& v) { v.matrix = 2; }, Code::kUnsupportedFormat));
  CHECK(refused([](ImageView& v) { v.range = 7; }, Code::kUnsupportedFormat));
  CHECK(refused([](ImageView& v) { v.width = 0; }, Code::kShapeMismatch));
  CHECK(refused([](ImageView& v) { v.height = 32769; }, Code::kShapeMismatch));
  CHECK(refused([](ImageView& v) { v.planes[1] = nullptr; }, Code::kInvalidArgument));
  CHECK(refused([](ImageView& v) { v.strides[0] = 30; }, Code::kInvalidArgument));
  CHECK(refused([](ImageView& v) { v.strides[1] = 31; },
                Code::kInvalidArgument));  // 16 pairs need 32 bytes
  CHECK(refused([](ImageView& v) { v.strides[0] = -64; }, Code::kInvalidArgument));
  CHECK(refused([](ImageView& v) { v.crop_width = 4; }, Code::kInvalidArgument));
  CHECK(refused([](ImageView& v) { v.crop_x = 30, v.crop_width = 2, v.crop_height = 2; },
                Code::kInvalidArgument));
  CHECK(refused([](ImageView& v) { v.crop_y = 0xFFFFFFFFu, v.crop_width = 2, v.crop_height = 2; },
                Code::kInvalidArgument));
}

TEST_CASE("parameters that contradict the output are refused at load") {
  std::mt19937 random(2);
  Frame frame(PixelFormat::kRgb, 8, 8, 0, random);
  const PreprocessParams good = network(16, 12, 3, FitMode::kStretch, false);
  Tensor out(DType::kF32, {1, 12, 16, 3}), planar(DType::kF32, {1, 3, 12, 16}),
      integer(DType::kI32, {1, 12, 16, 3});
  const auto accepted = [&](PreprocessParams p, const Tensor& t, size_t frames = 1) {
    KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {&t}};
    call.images.assign(frames, frame.view());
    return call.check().ok();
  };
  CHECK(accepted(good, out));
  CHECK_FALSE(accepted(good, planar));
  CHECK_FALSE(accepted(good, integer));
  CHECK_FALSE(accepted(good, out, 0));
  CHECK_FALSE(accepted(good, out, 2));
  const auto changed = [&](auto change) {
    PreprocessParams p = good;
    change(p);
    return accepted(p, out);
  };
  CHECK_FALSE(changed([](PreprocessParams& p) { p.width = 17; }));
  CHECK_FALSE(changed([](PreprocessParams& p) { p.height = -12; }));
  CHECK_FALSE(changed([](PreprocessParams& p) { p.channels = 2; }));
  CHECK_FALSE(changed([](PreprocessParams& p) { p.fit = static_cast<FitMode>(9); }));
  CHECK_FALSE(changed([](PreprocessParams& p) { p.mean[2] = NAN; }));
  const Tensor bytes(DType::kU8, {1, 12, 16, 3});
  CHECK_FALSE(accepted(good, bytes));  // it has a mean and a scale
  PreprocessParams plain = good;
  for (int c = 0; c < 3; ++c) plain.mean[c] = 0.0f, plain.scale[c] = 1.0f;
  CHECK(accepted(plain, bytes));
  for (const float pad : {-1.0f, 256.0f, 1e30f}) {
    plain.pad_value = pad;
    CHECK_FALSE(accepted(plain, bytes));
  }
  plain.pad_value = 0.0f;
  plain.scale[2] = 2.0f;
  CHECK_FALSE(accepted(plain, bytes));
  CHECK_FALSE(accepted(plain, Tensor(DType::kI8, {1, 12, 16, 3})));
  KernelCall call{KernelId::kPreprocess, std::vector<std::byte>(12), {}, {&out}};
  call.images = {frame.view()};
  CHECK_FALSE(call.check().ok());
}

TEST_CASE("1080p NV12 into 416 x 416 takes a few milliseconds") {
  std::mt19937 random(2);
  Frame frame(PixelFormat::kNv12, 1920, 1080, 0, random);
  const PreprocessParams p = network(416, 416, 3, FitMode::kStretch, true);
  Tensor out(DType::kF32, {1, 416, 416, 3});
  KernelCall call{KernelId::kPreprocess, pod_bytes(p), {}, {&out}};
  call.images = {frame.view()};
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(call.run().ok());
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                  .count());
  }
  MESSAGE("1920x1080 NV12 -> 416x416x3, one thread: " << best << " ms");
  // A loaded machine or a sanitizer may be slow; a pixel at a time through memory would be slower
  // still. An emulated processor's time says nothing.
  if (std::getenv("STINT_EMULATED") == nullptr) CHECK(best < 100.0);
}

}  // namespace stint::test
