// Pooling against a naive one in double precision.
#include <limits>

#include "host_builder/lowering/cpu/families.h"
#include "plan_schema/params/pool.h"
#include "tests/unit/kernels/cpu/lowered_step.h"
#include "tests/unit/kernels/cpu/simd_levels.h"

using namespace stint;
using namespace stint::test;
using builder::PoolAttributes;
using builder::PoolKind;
using builder::Shape;
using builder::ValueId;

namespace {

struct PoolCase {
  PoolAttributes a;
  std::vector<int64_t> in, out;
  int64_t n = 2, c = 5, gap = 0;
  bool indices = false;
  uint32_t threads = 1;
};

void run_case(const PoolCase& t, std::mt19937& random) {
  const size_t rank = t.in.size();
  Shape xs{t.n}, ys{t.n};
  int64_t plane = 1, pixels = 1;
  for (size_t i = 0; i < rank; ++i) {
    xs.push_back(t.in[i]), ys.push_back(t.out[i]);
    plane *= t.in[i], pixels *= t.out[i];
  }
  xs.push_back(t.c), ys.push_back(t.c);
  LoweredStep s;
  s.node.op = builder::Op::kPool;
  s.node.attributes = t.a;
  const ValueId x = s.input("x", xs, random, t.gap);
  const ValueId y = s.output("y", DType::kF32, ys, t.gap);
  const ValueId index = t.indices ? s.output("i", DType::kI64, ys) : builder::kNoValue;
  s.node.inputs = {x};
  s.node.outputs = {y, index};
  const auto in = s.values(x);
  const Status status = s.call(s.lower(builder::kPoolDirectFamily)).run(t.threads);
  REQUIRE_MESSAGE(status.ok(), status.message);
  CHECK(s.tensor(y).gaps_untouched());
  const auto got = s.tensor(y).get<float>();
  const auto got_index = t.indices ? s.tensor(index).get<int64_t>() : std::vector<int64_t>();
  int64_t taps = 1;
  for (const int64_t k : t.a.kernel) taps *= k;
  for (int64_t n = 0; n < t.n; ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < t.c; ++c) {
        double best = -std::numeric_limits<double>::infinity(), sum = 0;
        int64_t count = 0, best_at = 0;
        for (int64_t k = 0; k < taps; ++k) {
          int64_t pr = p, kr = k, flat = 0, column = 0, row_weight = 1;
          bool inside = true, counts = true;
          std::vector<int64_t> at(rank);
          for (size_t i = rank; i-- > 0;) {
            at[i] = pr % t.out[i] * t.a.strides[i] - t.a.pads_begin[i] +
                    kr % t.a.kernel[i] * t.a.dilations[i];
            pr /= t.out[i], kr /= t.a.kernel[i];
            inside = inside && at[i] >= 0 && at[i] < t.in[i];
            counts = counts && at[i] < t.in[i] + t.a.pads_end[i];
            flat += at[i] * row_weight;
            row_weight *= t.in[i];
          }
          int64_t weight = 1;
          for (size_t i = 0; i < rank; ++i) {
            column += at[i] * weight;
            weight *= t.in[i];
          }
          count += t.a.count_include_pad ? counts : inside;
          if (!inside) continue;
          const double v = in[(n * plane + flat) * t.c + c];
          sum += v;
          if (v > best) {
            best = v;
            best_at = (n * t.c + c) * plane + (t.a.column_major_indices ? column : flat);
          }
        }
        const int64_t at = (n * pixels + p) * t.c + c;
        const double expected =
            t.a.kind == PoolKind::kMax ? best : sum / static_cast<double>(count);
        REQUIRE(got[at] == doctest::Approx(expected).epsilon(1e-5));
        if (t.indices) REQUIRE(got_index[at] == best_at);
      }
}

}  // namespace

TEST_CASE("pooling matches the definition over random options on every SIMD level") {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    std::mt19937 random(31);
    for (int i = 0; i < 200; ++i) {
      CAPTURE(i);
      const auto pick = [&](std::initializer_list<int64_t> v) {
        return v.begin()[random() % v.size()];
      };
      PoolCase t;
      const int64_t rank = pick({1, 2, 2, 2, 3});
      t.c = pick({1, 3, 8, 16, 17, 40});
      t.gap = pick({0, 0, 3});
      t.threads = static_cast<uint32_t>(pick({1, 2}));
      t.a.kind = i % 2 == 0 ? PoolKind::kMax : PoolKind::kAverage;
      t.a.count_include_pad = random() % 2 == 0;
      t.indices = t.a.kind == PoolKind::kMax && random() % 2 == 0;
      t.a.column_major_indices = t.indices && random() % 2 == 0;
      for (int64_t a = 0; a < rank; ++a) {
        const int64_t kernel = pick({1, 2, 3, 5});
        const int64_t dilation = pick({1, 1, 2});
        const int64_t stride = pick({1, 2, 3});
        // Padding below the window's reach, so that no window is all padding.
        const int64_t begin = random() % kernel, end = random() % kernel;
        const int64_t window = (kernel - 1) * dilation + 1;
        const int64_t in = window + pick({0, 1, 4, 9});
        t.a.kernel.push_back(kernel), t.a.strides.push_back(stride);
        t.a.dilations.push_back(dilation), t.a.pads_begin.push_back(begin);
        t.a.pads_end.push_back(end), t.in.push_back(in);
        int64_t out = (in + begin + end - window) / stride + 1;
        // ceil_mode: one more cell when its window still starts inside the input.
        if (random() % 2 == 0 && out * stride - begin < in) ++out;
        t.out.push_back(out);
      }
      run_case(t, random);
    }
  });
}

TEST_CASE("pooling refuses parameters that do not fit") {
  std::mt19937 random(32);
  LoweredStep s;
  s.node.op = builder::Op::kPool;
  PoolAttributes a;
  a.kernel = a.strides = {2, 2};
  a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {0, 0};
  s.node.attributes = a;
  const ValueId x = s.input("x", {1, 6, 6, 8}, random);
  const ValueId y = s.output("y", DType::kF32, {1, 3, 3, 8});
  const ValueId other = s.output("other", DType::kF32, {1, 3, 3, 7});
  s.node.inputs = {x};
  s.node.outputs = {y};
  const builder::StepSpec step = s.lower(builder::kPoolDirectFamily);
  REQUIRE(s.call(step).check().ok());
  const auto refused = [&](auto change) {
    builder::StepSpec bad = step;
    PoolParams p;
    std::memcpy(&p, bad.params.data(), sizeof p);
    change(p);
    std::memcpy(bad.params.data(), &p, sizeof p);
    return !s.call(bad).check().ok();
  };
  CHECK(refused([](PoolParams& p) { p.stride[0] = 0; }));
  CHECK(refused([](PoolParams& p) { p.kernel[1] = -2; }));
  CHECK(refused([](PoolParams& p) { p.dilation[1] = 0; }));
  CHECK(refused([](PoolParams& p) { p.pad_begin[0] = INT32_MIN; }));
  CHECK(refused([](PoolParams& p) { p.pad_end[0] = INT32_MAX; }));
  CHECK(refused([](PoolParams& p) { p.spatial_rank = 1; }));
  CHECK(refused([](PoolParams& p) { p.spatial_rank = 4; }));
  CHECK(refused([](PoolParams& p) { p.is_max = 7; }));
  builder::StepSpec bad = step;
  bad.outputs[0] = other;
  CHECK_FALSE(s.call(bad).check().ok());
  bad = step;
  bad.outputs.push_back(other);
  CHECK_FALSE(s.call(bad).check().ok());
}
