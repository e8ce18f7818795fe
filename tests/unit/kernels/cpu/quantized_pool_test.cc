// Pooling of 8-bit integers against double precision.
#include "plan_schema/params/quantized.h"
#include "tests/unit/kernels/cpu/quantized_step.h"

using namespace stint;
using namespace stint::test;
using builder::PoolAttributes;
using builder::PoolKind;
using builder::Shape;
using builder::ValueId;

namespace {

struct Case {
  int64_t n = 1, c = 8, h = 9, w = 11, x_gap = 0, y_gap = 0;
  PoolAttributes a;
  uint32_t threads = 1;
};

int64_t out_extent(const Case& t, size_t i) {
  const int64_t window = (t.a.kernel[i] - 1) * t.a.dilations[i] + 1;
  return ((i == 0 ? t.h : t.w) + t.a.pads_begin[i] + t.a.pads_end[i] - window) / t.a.strides[i] + 1;
}

void run_case(const Case& t, std::mt19937& random) {
  QuantizedStep s;
  const bool is_max = t.a.kind == PoolKind::kMax;
  Stored x_as;
  while ((x_as = random_stored(random, 3)).is_float()) {
  }
  const Stored y_as = is_max ? x_as : random_stored(random, 3);
  const int64_t oh = out_extent(t, 0), ow = out_extent(t, 1);
  const ValueId x = s.stored_input("x", {t.n, t.h, t.w, t.c}, x_as, random, t.x_gap);
  const ValueId y = s.stored_output("y", {t.n, oh, ow, t.c}, y_as, t.y_gap);
  s.node.op = builder::Op::kPool;
  s.node.attributes = t.a;
  s.node.inputs = {x};
  s.node.outputs = {y};
  run_at_every_level(s, s.call(s.lower(builder::kQuantizedPoolFamily)), y, t.threads, [] {});
  double worst = 0;
  for (int64_t i = 0; i < s.tensor(y).size(); ++i) {
    const int64_t c = i % t.c, ox = i / t.c % ow, oy = i / t.c / ow % oh, n = i / t.c / ow / oh;
    double largest = -1e9, sum = 0;
    int64_t cells = 0, padded = 0;
    for (int64_t ky = 0; ky < t.a.kernel[0]; ++ky)
      for (int64_t kx = 0; kx < t.a.kernel[1]; ++kx) {
        const int64_t iy = oy * t.a.strides[0] - t.a.pads_begin[0] + ky * t.a.dilations[0];
        const int64_t ix = ox * t.a.strides[1] - t.a.pads_begin[1] + kx * t.a.dilations[1];
        if (iy < t.h + t.a.pads_end[0] && ix < t.w + t.a.pads_end[1]) ++padded;
        if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w) continue;
        const double v = s.real(x, x_as, ((n * t.h + iy) * t.w + ix) * t.c + c);
        largest = std::fmax(largest, v);
        sum += v;
        ++cells;
      }
    if (is_max && cells == 0) largest = x_as.real(x_as.dtype == DType::kI8 ? -128 : 0);
    const int64_t divisor = t.a.count_include_pad ? padded : cells;
    const double expected = is_max ? largest : divisor > 0 ? sum / static_cast<double>(divisor) : 0;
    const double stored = y_as.is_float() ? static_cast<double>(s.tensor(y).at<float>(i))
                                          : static_cast<double>(s.integer(y, i));
    const double error = stored_error(y_as, expected, 10, stored);
    if (!(error <= worst)) worst = error;
  }
  CAPTURE(t.c);
  CAPTURE(is_max);
  CHECK(worst == 0);
}

}  // namespace

TEST_CASE("quantised pooling matches the definition over random options on every SIMD level") {
  std::mt19937 random(51);
  const auto pick = [&](std::initializer_list<int64_t> from) {
    return from.begin()[random() % from.size()];
  };
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    Case t;
    t.n = pick({1, 2});
    t.c = pick({1, 3, 5, 8, 16, 17, 30, 58, 64, 70, 130});
    t.h = 4 + static_cast<int64_t>(random() % 8), t.w = 4 + static_cast<int64_t>(random() % 8);
    t.a.kind = random() % 2 == 0 ? PoolKind::kMax : PoolKind::kAverage;
    t.a.count_include_pad = random() % 2 == 0;
    for (std::vector<int64_t>* v :
         {&t.a.kernel, &t.a.strides, &t.a.dilations, &t.a.pads_begin, &t.a.pads_end})
      v->resize(2);
    for (size_t k = 0; k < 2; ++k) {
      t.a.kernel[k] = pick({1, 2, 3});
      t.a.strides[k] = pick({1, 2, 3});
      t.a.dilations[k] = pick({1, 1, 2});
      t.a.pads_begin[k] = pick({0, 1, 2});
      t.a.pads_end[k] = pick({0, 1, 2});
    }
    if (i % 5 == 0) {  // of everything
      t.a.kernel = {t.h, t.w};
      t.a.dilations = {1, 1};
      t.a.pads_begin = t.a.pads_end = {0, 0};
    }
    t.x_gap = pick({0, 3});
    t.y_gap = pick({0, 5});
    t.threads = random() % 2 == 0 ? 1 : 2;
    run_case(t, random);
  }
}

TEST_CASE("a quantised pooling's parameters and operands are checked") {
  QuantizedStep s;
  std::mt19937 random(3);
  const Stored as{DType::kU8, 0.1f, 3};
  const ValueId x = s.stored_input("x", {1, 4, 4, 8}, as, random);
  const ValueId y = s.stored_output("y", {1, 2, 2, 8}, as);
  s.node.op = builder::Op::kPool;
  PoolAttributes a;
  a.kernel = a.strides = {2, 2};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {0, 0};
  s.node.attributes = a;
  s.node.inputs = {x};
  s.node.outputs = {y};
  KernelCall call = s.call(s.lower(builder::kQuantizedPoolFamily));
  REQUIRE(call.check().ok());
  const std::vector<std::byte> right = call.params;
  const auto refuses = [&](auto&& change) {
    QuantizedPoolParams p;
    std::memcpy(&p, right.data(), sizeof(p));
    change(p);
    call.params = pod_bytes(p);
    const bool refused = !call.check().ok();
    call.params = right;
    return refused;
  };
  using P = QuantizedPoolParams;
  CHECK(refuses([](P& p) { p.y.scale = 0.2f; }));  // a maximum does not rescale
  CHECK(refuses([](P& p) { p.x.zero_point = 4; }));
  CHECK(refuses([](P& p) { p.pool.is_max = 2; }));
  CHECK(refuses([](P& p) { p.pool.kernel[0] = 0; }));
  CHECK(refuses([](P& p) { p.pool.pad_end[1] = -1; }));
  CHECK(refuses([](P& p) { p.pool.is_max = 0, p.x.scale = 1e30f, p.y.scale = 1e-30f; }));
  CHECK(refuses([](P& p) { p.pool.kernel[0] = p.pool.kernel[1] = 4000; }));
  CHECK_FALSE(refuses([](P& p) { p.pool.is_max = 0, p.y.scale = 0.2f; }));
  const Tensor narrow(DType::kU8, {1, 2, 2, 7}), real(DType::kF32, {1, 4, 4, 8}),
      other(DType::kI8, {1, 2, 2, 8});
  for (const Tensor* t : {&narrow, &other}) {
    KernelCall spoilt = call;
    spoilt.outputs[0] = t;
    CHECK_FALSE(spoilt.check().ok());
  }
  call.inputs[0] = &real;
  CHECK_FALSE(call.check().ok());
}
