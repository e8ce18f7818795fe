// Convolutions of every family against a naive one in double precision.
#include <algorithm>

#include "host_builder/lowering/cpu/families.h"
#include "plan_schema/params/conv.h"
#include "tests/unit/kernels/cpu/lowered_step.h"
#include "tests/unit/kernels/cpu/simd_levels.h"

using namespace stint;
using namespace stint::test;
using builder::ConvAttributes;
using builder::Family;
using builder::Shape;
using builder::ValueId;

namespace {

struct ConvCase {
  int64_t n = 1, c = 8, o = 8, groups = 1;
  std::vector<int64_t> in = {9, 11}, kernel = {3, 3}, strides = {1, 1}, dilations = {1, 1},
                       begin = {1, 1}, end = {1, 1};
  bool bias = true, residual = false, in_place = false;
  int64_t x_gap = 0, y_gap = 0;
  uint32_t threads = 1;
  builder::Epilogue epilogue;
  bool transposed = false;
  bool weights_constant = true;
  std::vector<int64_t> output_padding = {0, 0};
};

int64_t out_extent(const ConvCase& t, size_t i) {
  const int64_t window = (t.kernel[i] - 1) * t.dilations[i] + 1;
  if (t.transposed)
    return (t.in[i] - 1) * t.strides[i] + window - t.begin[i] - t.end[i] + t.output_padding[i];
  return (t.in[i] + t.begin[i] + t.end[i] - window) / t.strides[i] + 1;
}

/// Sum over the definition; coordinates as flat indices over `extents`.
std::vector<int64_t> unravel(int64_t flat, const std::vector<int64_t>& extents) {
  std::vector<int64_t> at(extents.size());
  for (size_t i = extents.size(); i-- > 0;) {
    at[i] = flat % extents[i];
    flat /= extents[i];
  }
  return at;
}

int64_t product(const std::vector<int64_t>& v) {
  int64_t p = 1;
  for (const int64_t e : v) p *= e;
  return p;
}

void run_case(const Family& family, const ConvCase& t, std::mt19937& random) {
  LoweredStep s;
  const size_t rank = t.kernel.size();
  Shape x_shape{t.n}, y_shape{t.n};
  std::vector<int64_t> out;
  for (size_t i = 0; i < rank; ++i) {
    out.push_back(out_extent(t, i));
    REQUIRE(out[i] >= 1);
    x_shape.push_back(t.in[i]);
    y_shape.push_back(out[i]);
  }
  x_shape.push_back(t.c);
  y_shape.push_back(t.o);
  const int64_t gi = t.c / t.groups, go = t.o / t.groups;
  Shape w_shape = t.transposed ? Shape{t.c, go} : Shape{t.o, gi};
  w_shape.insert(w_shape.end(), t.kernel.begin(), t.kernel.end());
  const ValueId x = s.input("x", x_shape, random, t.x_gap);
  const ValueId w =
      t.weights_constant ? s.constant("w", w_shape, random) : s.input("w", w_shape, random);
  const ValueId b = t.bias ? s.constant("b", {t.o}, random) : builder::kNoValue;
  const ValueId r =
      t.residual ? s.input("r", y_shape, random, t.in_place ? t.y_gap : 0) : builder::kNoValue;
  const ValueId y = s.output("y", DType::kF32, y_shape, t.y_gap);
  const auto residual = t.residual ? s.values(r) : std::vector<float>();
  if (t.in_place) s.alias(y, r);
  s.node.name = "case";
  if (t.transposed) {
    s.node.op = builder::Op::kConvTranspose;
    s.node.attributes = builder::ConvTransposeAttributes{
        t.kernel, t.strides, t.dilations, t.begin, t.end, t.output_padding, t.groups, t.epilogue};
  } else {
    s.node.op = builder::Op::kConv;
    s.node.attributes =
        ConvAttributes{t.kernel, t.strides, t.dilations, t.begin, t.end, t.groups, t.epilogue};
  }
  s.node.inputs = {x, w, b, r};
  s.node.outputs = {y};
  const auto xs = s.values(x), ws = s.values(w);
  const auto bs = t.bias ? s.values(b) : std::vector<float>();
  const KernelCall call = s.call(s.lower(family));
  const Status status = call.run(t.threads);
  REQUIRE_MESSAGE(status.ok(), status.message);
  CHECK(s.tensor(y).gaps_untouched());
  const auto ys = s.tensor(y).get<float>();

  const int64_t taps = product(t.kernel), pixels = product(out), in_pixels = product(t.in);
  double worst = 0;
  for (int64_t n = 0; n < t.n; ++n)
    for (int64_t p = 0; p < pixels; ++p) {
      const auto o_at = unravel(p, out);
      for (int64_t o = 0; o < t.o; ++o) {
        double sum = 0, scale = 1;
        for (int64_t k = 0; k < taps; ++k) {
          const auto k_at = unravel(k, t.kernel);
          int64_t flat = 0;
          bool inside = true;
          for (size_t i = 0; i < rank; ++i) {
            int64_t at;
            if (t.transposed) {
              at = o_at[i] + t.begin[i] - k_at[i] * t.dilations[i];
              inside = inside && at >= 0 && at % t.strides[i] == 0;
              at /= t.strides[i];
            } else {
              at = o_at[i] * t.strides[i] - t.begin[i] + k_at[i] * t.dilations[i];
            }
            inside = inside && at >= 0 && at < t.in[i];
            flat = flat * t.in[i] + at;
          }
          if (!inside) continue;
          for (int64_t c = 0; c < gi; ++c) {
            const int64_t ci = o / go * gi + c;
            const double wv =
                t.transposed ? ws[(ci * go + o % go) * taps + k] : ws[(o * gi + c) * taps + k];
            const double xv = xs[(n * in_pixels + flat) * t.c + ci];
            sum += wv * xv;
            scale += std::fabs(wv * xv);
          }
        }
        const int64_t i = (n * pixels + p) * t.o + o;
        const double expected = reference_epilogue(t.epilogue, sum, t.bias ? bs[o] : 0.0,
                                                   t.residual ? residual[i] : 0.0);
        // Rounding grows with the terms' magnitude; no activation here is steeper than 1.5.
        const double error = std::fabs(ys[i] - expected) / (scale + std::fabs(expected));
        if (!(error <= worst)) worst = error;
      }
    }
  CAPTURE(t.c);
  CAPTURE(t.o);
  CAPTURE(t.groups);
  CAPTURE(t.kernel[0]);
  CAPTURE(static_cast<int>(t.epilogue.act));
  CAPTURE(t.residual);
  CAPTURE(t.in_place);
  CAPTURE(t.threads);
  CHECK(worst < 1e-6);
}

ConvCase random_case(std::mt19937& random, bool depthwise) {
  const auto pick = [&](std::initializer_list<int64_t> v) {
    return v.begin()[random() % v.size()];
  };
  ConvCase t;
  t.n = pick({1, 1, 2});
  t.c = pick({1, 2, 3, 5, 8, 15, 16, 17, 24, 32, 33, 48, 64, 70});
  t.o = pick({1, 2, 4, 7, 8, 9, 16, 17, 24, 31, 32, 33, 48, 50, 64, 70});
  t.groups = 1;
  if (depthwise) {
    t.groups = t.o = t.c;
  } else if (random() % 4 == 0) {
    t.groups = pick({2, 3, 5});
    t.c = t.groups * pick({1, 3, 8, 20});
    t.o = t.groups * pick({1, 4, 9, 17});
  }
  for (size_t i = 0; i < 2; ++i) {
    t.kernel[i] = pick({1, 1, 2, 3, 3, 5, 7});
    t.strides[i] = pick({1, 1, 2, 3});
    t.dilations[i] = pick({1, 1, 2, 3});
    t.begin[i] = pick({0, 1, 2, 3});
    t.end[i] = pick({0, 1, 2, 4});
  }
  if (random() % 3 == 0)
    t.kernel[1] = t.kernel[0], t.strides[1] = t.strides[0], t.dilations = {1, 1};
  for (size_t i = 0; i < 2; ++i)
    t.in[i] = pick({1, 2, 5, 7, 8, 13, 17}) + (t.kernel[i] - 1) * t.dilations[i];
  t.bias = random() % 4 != 0;
  t.residual = random() % 2 == 0;
  t.in_place = t.residual && random() % 2 == 0;
  t.x_gap = pick({0, 0, 3, 16});
  t.y_gap = pick({0, 0, 5, 16});
  t.threads = random() % 2 == 0 ? 1 : 2;
  t.epilogue.act = static_cast<Activation>(random() % 12);
  t.epilogue.alpha = t.epilogue.act == Activation::kClip ? -0.3f : 0.2f;
  t.epilogue.beta = 0.5f;
  t.epilogue.residual_after_act = random() % 2 == 0;
  return t;
}

}  // namespace

TEST_CASE("packed convolution matches the definition over random options on every SIMD level") {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    std::mt19937 random(11);
    for (int i = 0; i < 250; ++i) {
      CAPTURE(i);
      run_case(builder::kConvPackedFamily, random_case(random, false), random);
    }
  });
}

TEST_CASE("packed convolution cuts long dot products and many channels into blocks") {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    std::mt19937 random(12);
    for (const int64_t c : {130, 300, 520}) {
      for (const uint32_t threads : {1u, 2u}) {
        ConvCase t;
        t.c = c;
        t.o = 150;
        t.in = {13, 9};
        t.residual = true;
        t.in_place = threads == 1;
        t.threads = threads;
        t.epilogue.act = Activation::kSilu;
        run_case(builder::kConvPackedFamily, t, random);
        t.kernel = {1, 1};
        t.begin = t.end = {0, 0};
        t.epilogue.act = Activation::kRelu;
        run_case(builder::kConvPackedFamily, t, random);
      }
    }
  });
}

TEST_CASE("depthwise convolution matches the definition over random options on every SIMD level") {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    std::mt19937 random(16);
    for (int i = 0; i < 150; ++i) {
      CAPTURE(i);
      ConvCase t = random_case(random, true);
      if (t.c == 1) continue;  // an ordinary convolution
      run_case(builder::kConvDepthwiseFamily, t, random);
    }
  });
}

TEST_CASE("direct convolution matches the definition in 1 to 3 dimensions") {
  std::mt19937 random(13);
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    ConvCase t = random_case(random, i % 3 == 0);
    t.weights_constant = i % 2 == 0;
    run_case(builder::kConvDirectFamily, t, random);
  }
  for (size_t rank : {1u, 3u}) {
    ConvCase t;
    t.c = 6, t.o = 4, t.groups = 2;
    t.in.assign(rank, 6), t.kernel.assign(rank, 3), t.strides.assign(rank, 2),
        t.dilations.assign(rank, 1), t.begin.assign(rank, 1), t.end.assign(rank, 0);
    t.threads = 2;
    run_case(builder::kConvDirectFamily, t, random);
  }
}

TEST_CASE("transposed convolution matches the definition in 1 to 3 dimensions") {
  std::mt19937 random(14);
  for (int i = 0; i < 80; ++i) {
    CAPTURE(i);
    ConvCase t = random_case(random, false);
    t.transposed = true;
    for (size_t a = 0; a < 2; ++a) {
      t.begin[a] = std::min<int64_t>(t.begin[a], 1);
      t.end[a] = std::min<int64_t>(t.end[a], 1);
      t.in[a] = 3 + random() % 5;
      t.output_padding[a] = t.strides[a] > 1 ? random() % 2 : 0;
    }
    t.weights_constant = i % 2 == 0;
    run_case(builder::kConvTransposeDirectFamily, t, random);
  }
  for (size_t rank : {1u, 3u}) {
    ConvCase t;
    t.transposed = true;
    t.c = 6, t.o = 4, t.groups = 2;
    t.in.assign(rank, 4), t.kernel.assign(rank, 3), t.strides.assign(rank, 2),
        t.dilations.assign(rank, 1), t.begin.assign(rank, 1), t.end.assign(rank, 0);
    t.output_padding.assign(rank, 1);
    run_case(builder::kConvTransposeDirectFamily, t, random);
  }
}

TEST_CASE("convolutions refuse parameters and weights that do not fit") {
  std::mt19937 random(15);
  for (const Family* family : {&builder::kConvPackedFamily, &builder::kConvDirectFamily}) {
    LoweredStep s;
    const ValueId x = s.input("x", {1, 6, 6, 20}, random);
    const ValueId w = s.constant("w", {24, 20, 3, 3}, random);
    const ValueId b = s.constant("b", {24}, random);
    const ValueId y = s.output("y", DType::kF32, {1, 6, 6, 24});
    s.node.op = builder::Op::kConv;
    s.node.attributes = ConvAttributes{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, {}};
    s.node.inputs = {x, w, b};
    s.node.outputs = {y};
    const builder::StepSpec step = s.lower(*family);
    REQUIRE(s.call(step).check().ok());
    const auto refused = [&](auto change) {
      builder::StepSpec bad = step;
      ConvParams p;
      std::memcpy(&p, bad.params.data(), sizeof p);
      change(p);
      std::memcpy(bad.params.data(), &p, sizeof p);
      return !s.call(bad).check().ok();
    };
    CHECK(refused([](ConvParams& p) { p.stride[0] = 0; }));
    CHECK(refused([](ConvParams& p) { p.stride[1] = -1; }));
    CHECK(refused([](ConvParams& p) { p.dilation[0] = 0; }));
    CHECK(refused([](ConvParams& p) { p.kernel[0] = 0; }));
    CHECK(refused([](ConvParams& p) { p.kernel[1] = 4; }));
    CHECK(refused([](ConvParams& p) { p.kernel[1] = INT32_MAX; }));
    CHECK(refused([](ConvParams& p) { p.pad_begin[0] = -1; }));
    CHECK(refused([](ConvParams& p) { p.pad_begin[0] = INT32_MAX; }));
    CHECK(refused([](ConvParams& p) { p.groups = 0; }));
    CHECK(refused([](ConvParams& p) { p.groups = 3; }));
    CHECK(refused([](ConvParams& p) { p.groups = 4; }));
    CHECK(refused([](ConvParams& p) { p.spatial_rank = 3; }));
    CHECK(refused([](ConvParams& p) { p.spatial_rank = 0; }));
    CHECK(refused([](ConvParams& p) { p.spatial_rank = 200; }));
    CHECK(refused([](ConvParams& p) { p.epilogue.has_bias = 0; }));
    CHECK(refused([](ConvParams& p) { p.epilogue.has_residual = 1; }));
    CHECK(refused([](ConvParams& p) { p.epilogue.act = static_cast<Activation>(12); }));
    builder::StepSpec bad = step;
    bad.params.resize(bad.params.size() - 1);
    CHECK_FALSE(s.call(bad).check().ok());
    bad = step;
    bad.inputs[1] = b;
    CHECK_FALSE(s.call(bad).check().ok());
    bad = step;
    bad.inputs[2] = w;
    CHECK_FALSE(s.call(bad).check().ok());
    if (step.worker_scratch_bytes > 0) {
      bad = step;
      bad.worker_scratch_bytes -= 64;
      CHECK_FALSE(s.call(bad).check().ok());
    }
  }
}
