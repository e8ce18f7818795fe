// Convolutions on 8-bit integers against exact sums and a double-precision epilogue.
#include "plan_schema/params/quantized.h"
#include "tests/unit/kernels/cpu/quantized_step.h"

using namespace stint;
using namespace stint::test;
using builder::Family;
using builder::Shape;
using builder::ValueId;

namespace {

struct Case {
  int64_t n = 1, c = 8, o = 8, groups = 1, h = 9, w = 11;
  std::vector<int64_t> kernel = {3, 3}, strides = {1, 1}, dilations = {1, 1}, begin = {1, 1},
                       end = {1, 1};
  bool bias = true, residual = false, in_place = false;
  int64_t x_gap = 0, y_gap = 0;
  uint32_t threads = 1;
  int32_t zero = 128;
  int weights_axis = 0;
  builder::Epilogue epilogue;
};

int64_t out_extent(const Case& t, size_t i) {
  const int64_t window = (t.kernel[i] - 1) * t.dilations[i] + 1;
  return ((i == 0 ? t.h : t.w) + t.begin[i] + t.end[i] - window) / t.strides[i] + 1;
}

void run_case(const Family& family, const Case& t, std::mt19937& random) {
  QuantizedStep s;
  const int64_t oh = out_extent(t, 0), ow = out_extent(t, 1);
  REQUIRE(oh >= 1);
  REQUIRE(ow >= 1);
  const int64_t gi = t.c / t.groups, go = t.o / t.groups, taps = t.kernel[0] * t.kernel[1];
  const Shape y_shape{t.n, oh, ow, t.o};
  // So that sums of about sqrt(terms) x 73 x 147 stand for a few units.
  const double terms = static_cast<double>(gi * taps);
  const Stored x_as{DType::kU8, static_cast<float>(3 / (std::sqrt(terms) * 73 * 147 * 0.015)),
                    t.zero};
  const Stored y_as = random_stored(random, 4), r_as = random_stored(random, 2);
  const ValueId x = s.stored_input("x", {t.n, t.h, t.w, t.c}, x_as, random, t.x_gap);
  const ValueId w = s.weights({t.o, gi, t.kernel[0], t.kernel[1]}, t.weights_axis, random);
  const ValueId b = t.bias ? s.constant("b", {t.o}, random) : builder::kNoValue;
  const bool in_place = t.in_place && t.residual && y_as.dtype == r_as.dtype;
  const ValueId r = t.residual ? s.stored_input("r", y_shape, r_as, random, in_place ? t.y_gap : 0)
                               : builder::kNoValue;
  const ValueId y = s.stored_output("y", y_shape, y_as, t.y_gap);
  const auto residual = t.residual ? s.reals(r, r_as) : std::vector<double>();
  const auto residual_bytes = t.residual ? s.bytes_of(r) : std::vector<uint8_t>();
  if (in_place) s.alias(y, r);
  s.node.name = "case";
  s.node.op = builder::Op::kConv;
  s.node.attributes = builder::ConvAttributes{t.kernel, t.strides, t.dilations, t.begin,
                                              t.end,    t.groups,  t.epilogue};
  s.node.inputs = {x, w, b, r};
  s.node.outputs = {y};
  const builder::StepSpec step = s.lower(family);
  CHECK(step.flops > 0);
  CHECK(step.bytes > 0);
  const KernelCall call = s.call(step);
  run_at_every_level(s, call, y, t.threads, [&] {
    if (!in_place) return;
    const size_t width = dtype_bytes(r_as.dtype);
    for (int64_t i = 0; i < s.tensor(r).size(); ++i)
      std::memcpy(
          s.tensor(r).view().as<uint8_t>() + static_cast<size_t>(s.tensor(r).offset(i)) * width,
          residual_bytes.data() + static_cast<size_t>(i) * width, width);
  });

  const auto weights = s.integers(w);
  const auto& scales = s.graph.value(w).quant->scales;
  const auto bias = t.bias ? s.values(b) : std::vector<float>();
  double worst = 0;
  for (int64_t i = 0; i < s.tensor(y).size(); ++i) {
    const int64_t o = i % t.o, ox = i / t.o % ow, oy = i / t.o / ow % oh, n = i / t.o / ow / oh;
    int64_t sum = 0, all = 0;  // of differences from the zero point; of what the kernel adds
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t iy = oy * t.strides[0] - t.begin[0] + tap / t.kernel[1] * t.dilations[0];
      const int64_t ix = ox * t.strides[1] - t.begin[1] + tap % t.kernel[1] * t.dilations[1];
      if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w) continue;
      for (int64_t c = 0; c < gi; ++c) {
        const int32_t xv = s.integer(x, ((n * t.h + iy) * t.w + ix) * t.c + o / go * gi + c);
        const int32_t wv = weights[static_cast<size_t>((o * gi + c) * taps + tap)];
        sum += (xv - t.zero) * wv;
        all += 255 * std::abs(wv);
      }
    }
    const double unit =
        static_cast<double>(x_as.scale) *
        static_cast<double>(scales[t.weights_axis < 0 ? 0 : static_cast<size_t>(o)]);
    const double expected =
        reference_epilogue(t.epilogue, static_cast<double>(sum) * unit,
                           t.bias ? static_cast<double>(bias[static_cast<size_t>(o)]) : 0.0,
                           t.residual ? residual[static_cast<size_t>(i)] : 0.0);
    const double stored = y_as.is_float() ? static_cast<double>(s.tensor(y).at<float>(i))
                                          : static_cast<double>(s.integer(y, i));
    const double error = stored_error(y_as, expected, 1 + static_cast<double>(all) * unit, stored);
    if (!(error <= worst)) worst = error;
  }
  CAPTURE(t.c);
  CAPTURE(t.o);
  CAPTURE(t.groups);
  CAPTURE(t.zero);
  CAPTURE(dtype_name(y_as.dtype));
  CAPTURE(static_cast<int>(t.epilogue.act));
  CHECK(worst == 0);
}

Case random_case(std::mt19937& random, bool depthwise) {
  const auto pick = [&](std::initializer_list<int64_t> from) {
    return from.begin()[random() % from.size()];
  };
  Case t;
  t.n = pick({1, 1, 2, 3});
  t.c = pick({1, 3, 4, 5, 8, 17, 30, 32, 58, 64});
  t.o = pick({1, 7, 16, 33, 40});
  if (depthwise) {
    t.c = pick({2, 3, 5, 15, 16, 17, 30, 33, 58, 64, 70});
    t.o = t.groups = t.c;
  } else if (random() % 3 == 0) {
    t.groups = pick({2, 3});
    t.c *= t.groups;
    t.o *= t.groups;
  }
  t.h = 5 + static_cast<int64_t>(random() % 9), t.w = 5 + static_cast<int64_t>(random() % 14);
  for (size_t i = 0; i < 2; ++i) {
    t.kernel[i] = pick({1, 2, 3, 5});
    t.strides[i] = pick({1, 1, 2, 3});
    t.dilations[i] = t.kernel[i] < 4 ? pick({1, 1, 2}) : 1;
    t.begin[i] = static_cast<int64_t>(random() % 3), t.end[i] = static_cast<int64_t>(random() % 3);
  }
  t.zero = static_cast<int32_t>(pick({0, 128, 7, 255}));
  t.weights_axis = random() % 4 == 0 ? -1 : 0;
  t.bias = random() % 3 != 0;
  t.residual = random() % 2 == 0;
  t.in_place = random() % 2 == 0;
  t.x_gap = pick({0, 0, 3, 16});
  t.y_gap = pick({0, 0, 5, 16});
  t.threads = random() % 2 == 0 ? 1 : 2;
  t.epilogue.act = static_cast<Activation>(random() % 12);
  t.epilogue.alpha = t.epilogue.act == Activation::kClip ? -0.3f : 0.2f;
  t.epilogue.beta = 0.5f;
  t.epilogue.residual_after_act = random() % 2 == 0;
  return t;
}

/// A small valid call, to be spoilt.
struct Hostile {
  QuantizedStep s;
  KernelCall call{};
  QuantizedConvParams params;

  explicit Hostile(const Family& family, int64_t channels = 8, int64_t groups = 1) {
    std::mt19937 random(3);
    const ValueId x = s.stored_input("x", {1, 4, 4, channels}, {DType::kU8, 0.1f, 128}, random);
    const ValueId w = s.weights({channels, channels / groups, 3, 3}, 0, random);
    const ValueId r = s.stored_input("r", {1, 4, 4, channels}, {DType::kI8, 0.1f, 0}, random);
    const ValueId y = s.stored_output("y", {1, 4, 4, channels}, {DType::kU8, 0.1f, 0});
    s.node.op = builder::Op::kConv;
    s.node.attributes = builder::ConvAttributes{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, groups, {}};
    s.node.inputs = {x, w, builder::kNoValue, r};
    s.node.outputs = {y};
    call = s.call(s.lower(family));
    REQUIRE(call.params.size() == sizeof(params));
    std::memcpy(&params, call.params.data(), sizeof(params));
    REQUIRE(call.check().ok());
  }
  /// Whether the call is refused after the parameters were changed.
  template <typename F>
  bool refuses(F&& change) {
    QuantizedConvParams changed = params;
    change(changed);
    call.params = pod_bytes(changed);
    const bool refused = !call.check().ok();
    call.params = pod_bytes(params);
    return refused;
  }
  /// ... after an operand was replaced by one of that type and shape (-1: the result).
  bool refuses_operand(int i, DType dtype, std::vector<int64_t> shape, int64_t gap = 0) {
    const Tensor other(dtype, std::move(shape), gap);
    const Tensor*& place = i < 0 ? call.outputs[0] : call.inputs[static_cast<size_t>(i)];
    const Tensor* const right = place;
    place = &other;
    const bool refused = !call.check().ok();
    place = right;
    return refused;
  }
};

void check_hostile(const Family& family, int64_t channels, int64_t groups) {
  Hostile h(family, channels, groups);
  const float inf = std::numeric_limits<float>::infinity();
  using P = QuantizedConvParams;
  for (const float scale : {0.0f, -1.0f, inf, std::nanf(""), 1e-42f}) {
    CHECK(h.refuses([&](P& p) { p.x.scale = scale; }));
    CHECK(h.refuses([&](P& p) { p.y.scale = scale; }));
    CHECK(h.refuses([&](P& p) { p.residual.scale = scale; }));
  }
  for (const int32_t zero : {-1, 256, INT32_MAX, INT32_MIN}) {
    CHECK(h.refuses([&](P& p) { p.x.zero_point = zero; }));
    CHECK(h.refuses([&](P& p) { p.y.zero_point = zero; }));
  }
  CHECK(h.refuses([&](P& p) { p.residual.zero_point = 128; }));
  CHECK(h.refuses([&](P& p) { p.conv.epilogue.has_bias = 0; }));
  CHECK(h.refuses([&](P& p) { p.conv.epilogue.has_bias = 2; }));
  CHECK(h.refuses([&](P& p) { p.conv.epilogue.has_residual = 0; }));
  CHECK(h.refuses([&](P& p) { p.conv.epilogue.residual_after_act = 2; }));
  CHECK(h.refuses([&](P& p) { p.conv.epilogue.act = static_cast<Activation>(12); }));
  CHECK(h.refuses([&](P& p) { p.conv.groups = 0; }));
  CHECK(h.refuses([&](P& p) { p.conv.groups = 3; }));
  CHECK(h.refuses([&](P& p) { p.conv.spatial_rank = 3; }));
  CHECK(h.refuses([&](P& p) { p.conv.kernel[0] = 5; }));
  CHECK(h.refuses([&](P& p) { p.conv.kernel[0] = 1 << 16; }));
  CHECK(h.refuses([&](P& p) { p.conv.stride[1] = 0; }));
  CHECK(h.refuses([&](P& p) { p.conv.dilation[1] = -1; }));
  CHECK(h.refuses([&](P& p) { p.conv.pad_begin[1] = -1; }));
  const int64_t c = channels;
  CHECK(h.refuses_operand(0, DType::kI8, {1, 4, 4, c}));
  CHECK(h.refuses_operand(0, DType::kF32, {1, 4, 4, c}));
  CHECK(h.refuses_operand(0, DType::kU8, {2, 4, 4, c}));
  CHECK(h.refuses_operand(0, DType::kU8, {1, 4, 4, 2 * c}));
  CHECK(h.refuses_operand(0, DType::kU8, {1, 4, 4 * c}));
  const auto& w = h.call.inputs[1]->view();
  CHECK(h.refuses_operand(1, DType::kU8, {w.shape[0], w.shape[1], w.shape[2]}));
  CHECK(h.refuses_operand(1, DType::kI8, {w.shape[0], w.shape[1] - 1, w.shape[2]}));
  CHECK(h.refuses_operand(1, DType::kI8, {w.shape[0], w.shape[1], w.shape[2]}, 4));
  CHECK(h.refuses_operand(2, DType::kF32, {c - 1}));
  CHECK(h.refuses_operand(2, DType::kI32, {c}));
  CHECK(h.refuses_operand(3, DType::kF32, {c + 1}));
  CHECK(h.refuses_operand(3, DType::kF16, {c}));
  CHECK(h.refuses_operand(4, DType::kI32, {1, 4, 4, c}));
  CHECK(h.refuses_operand(4, DType::kI8, {1, 4, 3, c}));
  CHECK(h.refuses_operand(-1, DType::kF16, {1, 4, 4, c}));
  CHECK(h.refuses_operand(-1, DType::kF32, {1, 4, 4, c}));  // with the scale of integers
  h.call.worker_scratch_bytes -= 64;
  CHECK_FALSE(h.call.check().ok());
  h.call.worker_scratch_bytes += 64;
  h.call.params.pop_back();
  CHECK_FALSE(h.call.check().ok());
}

}  // namespace

TEST_CASE("quantised convolution is exact over random options, the same on every SIMD level") {
  std::mt19937 random(21);
  for (int i = 0; i < 250; ++i) {
    CAPTURE(i);
    run_case(builder::kQuantizedConvFamily, random_case(random, false), random);
  }
}

TEST_CASE("quantised convolution cuts long dot products and many channels into blocks") {
  std::mt19937 random(22);
  for (const int64_t c : {130, 300, 1200, 2600}) {
    for (const uint32_t threads : {1u, 2u}) {
      Case t;
      t.c = c;
      t.o = 150;
      t.h = 7, t.w = 5;
      t.residual = true;
      t.in_place = threads == 1;
      t.threads = threads;
      t.epilogue.act = Activation::kSilu;
      if (c < 1000) run_case(builder::kQuantizedConvFamily, t, random);
      t.kernel = {1, 1};
      t.begin = t.end = {0, 0};
      t.epilogue.act = Activation::kRelu;
      run_case(builder::kQuantizedConvFamily, t, random);
    }
  }
}

TEST_CASE("quantised depthwise convolution is exact over random options, the same on every level") {
  std::mt19937 random(23);
  for (int i = 0; i < 150; ++i) {
    CAPTURE(i);
    run_case(builder::kQuantizedConvDepthwiseFamily, random_case(random, true), random);
  }
}

TEST_CASE("a quantised convolution's parameters and operands are checked") {
  check_hostile(builder::kQuantizedConvFamily, 8, 1);
  check_hostile(builder::kQuantizedConvDepthwiseFamily, 8, 8);
}

TEST_CASE("a dot product so long that its sum could overflow is refused") {
  QuantizedStep s;
  std::mt19937 random(5);
  for (const int64_t channels : {65536, 65540}) {
    const ValueId x = s.stored_input("x" + std::to_string(channels), {1, 1, 1, channels},
                                     {DType::kU8, 0.1f, 0}, random);
    builder::Node node;
    node.op = builder::Op::kConv;
    node.attributes = builder::ConvAttributes{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 1, {}};
    const ValueId w =
        s.graph.add_constant("w" + std::to_string(channels), DType::kI8, {1, channels, 1, 1},
                             std::vector<int8_t>(static_cast<size_t>(channels), -128));
    s.graph.value(w).quant = builder::Quantisation{{0.1f}, 0, {}};
    for (int64_t i = 0; i < channels; ++i) s.tensor(x).at<uint8_t>(i) = 255;
    const ValueId y = s.stored_output("y" + std::to_string(channels), {1, 1, 1, 1}, f32_stored());
    node.inputs = {x, w};
    node.outputs = {y};
    s.node = node;
    const auto tactics =
        builder::kQuantizedConvFamily.tactics(s.graph, node, builder::find_target("cpu"));
    CHECK(tactics.empty() == (channels > 65536));
    if (tactics.empty()) continue;
    run_at_every_level(s, s.call(s.lower(builder::kQuantizedConvFamily)), y, 1, [] {});
    CHECK(s.tensor(y).at<float>(0) == doctest::Approx(-128.0 * 255 * 65536 * 0.01).epsilon(1e-6));
  }
}
