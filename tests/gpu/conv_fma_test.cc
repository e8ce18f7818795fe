// Convolutions and matrix products in f32 against the double reference.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/conv_cases.h"

using namespace stint;
using namespace stint::test;
using builder::kConvFmaFamily;

namespace {

ConvCase in_f32(ConvCase c) {
  c.x = c.y = c.r = DType::kF32;
  return c;
}

}  // namespace

TEST_CASE("conv_fma: kernels, strides, dilations, groups and channel counts") {
  if (cannot_check()) return;
  check_family(conv_case(in_f32({.k = 1, .pad = 0})), kConvFmaFamily);
  check_family(conv_case(in_f32({.n = 2, .c = 64, .o = 72})), kConvFmaFamily);
  check_family(
      conv_case(in_f32({.h = 20, .w = 22, .c = 3, .o = 64, .k = 7, .stride = 2, .pad = 3})),
      kConvFmaFamily);
  check_family(conv_case(in_f32({.c = 20, .o = 85, .k = 1, .pad = 0})), kConvFmaFamily);
  check_family(conv_case(in_f32({.c = 30, .o = 24, .k = 5, .pad = 4, .dilation = 2, .groups = 2})),
               kConvFmaFamily);
  check_family(matmul_case({8, 256}, 1000, DType::kF32), kConvFmaFamily);
}

TEST_CASE("conv_fma: operands of both types, strided, residuals") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check_family(conv_case(in_f32({.n = 2, .residual = true, .in = wide, .out = odd, .extra = wide})),
               kConvFmaFamily);
  check_family(conv_case({.residual = true, .residual_after = true, .act = Activation::kSilu}),
               kConvFmaFamily);
  check_family(conv_case({.c = 3, .x = DType::kF32, .bias = false}), kConvFmaFamily);
}

TEST_CASE("conv_fma: a second result with repeated pixels") {
  if (cannot_check()) return;
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  check_family(conv_case(in_f32({.k = 1, .pad = 0, .repeat_h = 2, .repeat_w = 2})), kConvFmaFamily);
  check_family(conv_case(in_f32({.n = 2,
                                 .k = 1,
                                 .pad = 0,
                                 .repeat_h = 2,
                                 .repeat_w = 2,
                                 .stores_y = false,
                                 .copies = wide})),
               kConvFmaFamily);
  check_family(conv_case(in_f32({.n = 2,
                                 .c = 64,
                                 .o = 40,
                                 .residual = true,
                                 .extra = wide,
                                 .repeat_h = 3,
                                 .repeat_w = 3,
                                 .stores_y = false})),
               kConvFmaFamily);
  check_family(conv_case(in_f32({.h = 15,
                                 .w = 14,
                                 .c = 64,
                                 .o = 72,
                                 .stride = 2,
                                 .out = odd,
                                 .repeat_h = 2,
                                 .repeat_w = 1,
                                 .copies = odd})),
               kConvFmaFamily);
  check_family(conv_case(in_f32({.c = 64,
                                 .o = 32,
                                 .residual = true,
                                 .residual_after = true,
                                 .act = Activation::kSilu,
                                 .repeat_h = 1,
                                 .repeat_w = 2,
                                 .stores_y = false,
                                 .copies = odd})),
               kConvFmaFamily);
  check_family(conv_case(in_f32({.w = 1, .c = 64, .o = 64, .repeat_h = 2, .repeat_w = 4})),
               kConvFmaFamily);
}
