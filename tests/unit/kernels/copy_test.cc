// The copy kernel against index arithmetic done one element at a time.
#include <doctest/doctest.h>

#include <numeric>

#include "plan_schema/params/copy.h"
#include "tests/support/kernel_harness.h"

using namespace stint;
using namespace stint::test;

namespace {

template <typename T>
void fill_counting(Tensor& t) {
  for (int64_t i = 0; i < t.size(); ++i) t.at<T>(i) = static_cast<T>(i * 7 + 3);
}

CopyAxis axis(int64_t extent, int x_axis, int64_t x_step, int y_axis, int64_t y_step) {
  CopyAxis a;
  a.extent = extent;
  a.x_axis = static_cast<int8_t>(x_axis);
  a.x_step = x_step;
  a.y_axis = static_cast<int8_t>(y_axis);
  a.y_step = y_step;
  return a;
}

KernelCall mapped(const Tensor& x, const Tensor& y, CopyParams params,
                  const std::vector<CopyAxis>& axes) {
  params.mode = CopyMode::kMapped;
  params.axis_count = static_cast<uint8_t>(axes.size());
  return {KernelId::kCopy, pod_bytes(params, axes), {&x}, {&y}};
}

template <typename T>
void transpose_case(DType dtype, std::vector<int64_t> shape, std::vector<int> perm, int64_t gap,
                    uint32_t threads) {
  std::vector<int64_t> out_shape;
  for (const int p : perm) out_shape.push_back(shape[static_cast<size_t>(p)]);
  Tensor x(dtype, shape, gap);
  Tensor y(dtype, out_shape, gap);
  fill_counting<T>(x);
  std::vector<CopyAxis> axes;
  for (size_t i = 0; i < perm.size(); ++i)
    axes.push_back(axis(out_shape[i], perm[i], 1, static_cast<int>(i), 1));
  REQUIRE(mapped(x, y, {}, axes).run(threads).ok());
  REQUIRE(y.gaps_untouched());
  for (int64_t i = 0; i < y.size(); ++i) {
    int64_t rest = i;
    std::vector<int64_t> coordinate(shape.size());
    for (size_t a = perm.size(); a-- > 0;) {
      coordinate[static_cast<size_t>(perm[a])] = rest % out_shape[a];
      rest /= out_shape[a];
    }
    int64_t from = 0;
    for (size_t a = 0; a < shape.size(); ++a) from = from * shape[a] + coordinate[a];
    REQUIRE(y.at<T>(i) == x.at<T>(from));
  }
}

}  // namespace

TEST_CASE("copy transposes every element size, dense and gapped, on one and two threads") {
  for (const uint32_t threads : {1u, 2u}) {
    for (const int64_t gap : {0, 3}) {
      transpose_case<float>(DType::kF32, {2, 3, 37, 41}, {0, 2, 3, 1}, gap, threads);
      transpose_case<float>(DType::kF32, {2, 37, 41, 3}, {0, 3, 1, 2}, gap, threads);
      transpose_case<float>(DType::kF32, {130, 129}, {1, 0}, gap, threads);
      transpose_case<uint8_t>(DType::kU8, {5, 17, 33}, {2, 1, 0}, gap, threads);
      transpose_case<uint16_t>(DType::kF16, {300, 70}, {1, 0}, gap, threads);
      transpose_case<int64_t>(DType::kI64, {3, 1, 4, 5}, {1, 3, 2, 0}, gap, threads);
      transpose_case<float>(DType::kF32, {2, 2, 2, 2, 2, 3, 2, 2}, {7, 1, 5, 3, 0, 2, 6, 4}, gap,
                            threads);
    }
  }
}

TEST_CASE("copy slices with negative and large steps") {
  Tensor x(DType::kI32, {9, 11}, 2);
  Tensor y(DType::kI32, {4, 6}, 1);
  fill_counting<int32_t>(x);
  CopyParams params;
  params.x_start[0] = 8;
  params.x_start[1] = 0;
  REQUIRE(mapped(x, y, params, {axis(4, 0, -2, 0, 1), axis(6, 1, 2, 1, 1)}).run().ok());
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 6; ++j)
      CHECK(y.at<int32_t>(i * 6 + j) == x.at<int32_t>((8 - 2 * i) * 11 + 2 * j));
}

TEST_CASE("copy repeats: expand and tile") {
  Tensor x(DType::kF64, {3, 1});
  x.set<double>({1.5, -2.0, 7.0});
  Tensor expanded(DType::kF64, {2, 3, 4});
  REQUIRE(mapped(x, expanded, {}, {axis(2, -1, 0, 0, 1), axis(3, 0, 1, 1, 1), axis(4, -1, 0, 2, 1)})
              .run()
              .ok());
  for (int64_t i = 0; i < 24; ++i) CHECK(expanded.at<double>(i) == x.at<double>(i / 4 % 3));
  Tensor tiled(DType::kF64, {6, 2});
  REQUIRE(mapped(x, tiled, {}, {axis(2, -1, 0, 0, 3), axis(3, 0, 1, 0, 1), axis(2, -1, 0, 1, 1)})
              .run()
              .ok());
  for (int64_t i = 0; i < 12; ++i) CHECK(tiled.at<double>(i) == x.at<double>(i / 2 % 3));
}

TEST_CASE("copy moves a scalar and leaves empty tensors alone") {
  Tensor x(DType::kF32, {});
  x.set<float>({4.25f});
  Tensor y(DType::kF32, {});
  REQUIRE(mapped(x, y, {}, {}).run().ok());
  CHECK(y.at<float>(0) == 4.25f);
  Tensor none(DType::kF32, {0, 3});
  Tensor none_too(DType::kF32, {3, 0});
  CHECK(mapped(none, none_too, {}, {axis(3, 1, 1, 0, 1), axis(0, 0, 1, 1, 1)}).run().ok());
}

TEST_CASE("copy concatenates parts along any axis") {
  for (const int64_t gap : {0, 5}) {
    for (int a = 0; a < 3; ++a) {
      std::vector<int64_t> s0{2, 3, 4}, s1{2, 3, 4}, sy{2, 3, 4};
      s0[static_cast<size_t>(a)] = 1;
      s1[static_cast<size_t>(a)] = 7;
      sy[static_cast<size_t>(a)] = 8;
      Tensor x0(DType::kF32, s0, gap), x1(DType::kF32, s1), y(DType::kF32, sy, gap);
      fill_counting<float>(x0);
      for (int64_t i = 0; i < x1.size(); ++i) x1.at<float>(i) = static_cast<float>(-i);
      CopyParams params;
      params.mode = CopyMode::kConcat;
      params.concat_axis = static_cast<uint8_t>(a);
      REQUIRE(KernelCall{KernelId::kCopy, pod_bytes(params), {&x0, &x1}, {&y}}.run(2).ok());
      CHECK(y.gaps_untouched());
      for (int64_t i = 0; i < y.size(); ++i) {
        int64_t c[3] = {i / (sy[1] * sy[2]), i / sy[2] % sy[1], i % sy[2]};
        const bool first = c[a] == 0;
        if (!first) c[a] -= 1;
        const std::vector<int64_t>& s = first ? s0 : s1;
        const int64_t from = (c[0] * s[1] + c[1]) * s[2] + c[2];
        CHECK(y.at<float>(i) == (first ? x0 : x1).at<float>(from));
      }
    }
  }
}

TEST_CASE("copy reshapes between gapped tensors") {
  Tensor x(DType::kF32, {6, 35}, 3);
  Tensor y(DType::kF32, {5, 14, 3}, 2);
  fill_counting<float>(x);
  CopyParams params;
  params.mode = CopyMode::kReshape;
  REQUIRE(KernelCall{KernelId::kCopy, pod_bytes(params), {&x}, {&y}}.run(2).ok());
  CHECK(y.get<float>() == x.get<float>());
  CHECK(y.gaps_untouched());
}

TEST_CASE("copy refuses parameters that reach outside a tensor") {
  Tensor x(DType::kF32, {4, 5});
  Tensor y(DType::kF32, {4, 5});
  const std::vector<CopyAxis> whole = {axis(4, 0, 1, 0, 1), axis(5, 1, 1, 1, 1)};
  CHECK(mapped(x, y, {}, whole).check().ok());
  const auto refused = [&](size_t i, auto change) {
    std::vector<CopyAxis> axes = whole;
    change(axes[i]);
    return !mapped(x, y, {}, axes).check().ok();
  };
  CHECK(refused(0, [](CopyAxis& a) { a.extent = 5; }));
  CHECK(refused(0, [](CopyAxis& a) { a.x_step = 2; }));
  CHECK(refused(0, [](CopyAxis& a) { a.x_step = -1; }));
  CHECK(refused(1, [](CopyAxis& a) { a.y_step = INT64_MAX; }));
  CHECK(refused(1, [](CopyAxis& a) { a.x_axis = 2; }));
  CHECK(refused(1, [](CopyAxis& a) { a.y_axis = -2; }));
  CHECK(refused(1, [](CopyAxis& a) { a.extent = INT64_MAX; }));
  CHECK(refused(1, [](CopyAxis& a) { a.extent = -5; }));
  CopyParams started;
  started.x_start[1] = 1;
  CHECK_FALSE(mapped(x, y, started, whole).check().ok());
  started.x_start[1] = INT64_MIN;
  CHECK_FALSE(mapped(x, y, started, whole).check().ok());
  KernelCall short_params = mapped(x, y, {}, whole);
  short_params.params.resize(short_params.params.size() - 1);
  CHECK_FALSE(short_params.check().ok());
  short_params.params.resize(3);
  CHECK_FALSE(short_params.check().ok());
  Tensor other(DType::kI32, {4, 5});
  CHECK_FALSE(mapped(x, other, {}, whole).check().ok());
  KernelCall no_input = mapped(x, y, {}, whole);
  no_input.inputs.clear();
  CHECK_FALSE(no_input.check().ok());
  CopyParams mode;
  mode.mode = static_cast<CopyMode>(9);
  CHECK_FALSE(KernelCall{KernelId::kCopy, pod_bytes(mode), {&x}, {&y}}.check().ok());
  mode.mode = CopyMode::kConcat;
  mode.concat_axis = 2;
  CHECK_FALSE(KernelCall{KernelId::kCopy, pod_bytes(mode), {&x}, {&y}}.check().ok());
}
