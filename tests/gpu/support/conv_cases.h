// Nodes that the convolution families are tested and timed on.
#pragma once

#include <cmath>
#include <vector>

#include "host_builder/graph/views.h"
#include "tests/gpu/support/step_case.h"

namespace stint::test {

/// The scales of quantised operands: i8 or u8 as a type means that. Weights are i8 where x is.
inline constexpr float kScaleOfX = 0.0123f, kScaleOfWeights = 0.0021f;

/// About what results reach, in a fraction of their type's range so that some saturate.
inline float scale_of_sums(int64_t depth) {
  return kScaleOfX * kScaleOfWeights * 73 * 73 * std::sqrt(static_cast<float>(depth)) * 2.5f / 127;
}

inline bool is_byte(DType t) { return t == DType::kI8 || t == DType::kU8; }

inline builder::ValueId operand(StepCase& c, const char* name, DType dtype,
                                const builder::Shape& shape, float scale,
                                const Placement& placement) {
  return is_byte(dtype) ? c.quantised_input(name, dtype, shape, scale, 0, placement)
                        : c.input(name, dtype, shape, placement);
}

inline builder::ValueId result(StepCase& c, const char* name, DType dtype,
                               const builder::Shape& shape, float scale,
                               const Placement& placement) {
  return is_byte(dtype) ? c.quantised_output(name, dtype, shape, scale, 0, placement)
                        : c.output(name, dtype, shape, placement);
}

struct ConvCase {
  int64_t n = 1, h = 9, w = 11, c = 32, o = 32, k = 3, stride = 1, pad = 1, dilation = 1,
          groups = 1;
  DType x = DType::kF16, y = DType::kF16, r = DType::kF16;
  bool bias = true, residual = false, residual_after = false;
  Activation act = Activation::kRelu;
  float alpha = 0, beta = 0;
  Placement in = {}, out = {}, extra = {};
  int64_t repeat_h = 0, repeat_w = 0;  // of a second result; 0: there is none
  bool stores_y = true;                // false: the first result lies in the second
  Placement copies = {};
};

/// The second result; `y` a part of it where it is not stored on its own.
inline void add_repeated(StepCase& c, const ConvCase& t, const builder::Shape& out) {
  const builder::ValueId copies =
      result(c, "copies", t.y, {out[0], out[1] * t.repeat_h, out[2] * t.repeat_w, out[3]},
             scale_of_sums(t.c / t.groups * t.k * t.k), t.copies);
  if (!t.stores_y) {
    builder::Value y = c.graph.value(copies);
    y.name = "first";
    y.shape = out;
    if (!y.view) y.view = builder::View{copies, 0};
    y.strides = builder::strides_of(c.graph.value(copies));
    y.strides[1] *= t.repeat_h;
    y.strides[2] *= t.repeat_w;
    c.node.outputs = {c.graph.add_value(std::move(y))};
  }
  c.node.outputs.push_back(copies);
}

inline StepCase conv_case(const ConvCase& t) {
  StepCase c(7);
  const auto extent = [&](int64_t in) {
    return (in + 2 * t.pad - t.dilation * (t.k - 1) - 1) / t.stride + 1;
  };
  const builder::Shape out = {t.n, extent(t.h), extent(t.w), t.o};
  builder::ConvAttributes a;
  a.kernel = {t.k, t.k};
  a.strides = {t.stride, t.stride};
  a.dilations = {t.dilation, t.dilation};
  a.pads_begin = a.pads_end = {t.pad, t.pad};
  a.groups = t.groups;
  a.epilogue = {t.act, t.alpha, t.beta, t.residual_after};
  c.node.op = builder::Op::kConv;
  c.node.attributes = a;
  const builder::Shape weights = {t.o, t.c / t.groups, t.k, t.k};
  const float scale = scale_of_sums(weights[1] * t.k * t.k);
  c.node.inputs = {operand(c, "x", t.x, {t.n, t.h, t.w, t.c}, kScaleOfX, t.in),
                   is_byte(t.x) ? c.quantised_constant("w", weights, 0, kScaleOfWeights)
                                : c.constant("w", weights, 0.25)};
  if (t.bias || t.residual)
    c.node.inputs.push_back(t.bias ? c.constant("b", {t.o}) : builder::kNoValue);
  if (t.residual) c.node.inputs.push_back(operand(c, "r", t.r, out, scale * 0.7f, t.extra));
  if (t.stores_y) c.node.outputs = {result(c, "y", t.y, out, scale, t.out)};
  if (t.repeat_h > 0) add_repeated(c, t, out);
  return c;
}

inline StepCase matmul_case(const builder::Shape& a, int64_t n, DType y = DType::kF16,
                            const Placement& in = {}, DType x = DType::kF16) {
  StepCase c(11);
  builder::Shape out = a;
  out.back() = n;
  c.node.op = builder::Op::kMatMul;
  c.node.attributes = builder::MatMulAttributes{};
  c.node.inputs = {operand(c, "a", x, a, kScaleOfX, in),
                   is_byte(x) ? c.quantised_constant("b", {a.back(), n}, 1, kScaleOfWeights)
                              : c.constant("b", {a.back(), n}, 0.25),
                   c.constant("bias", {n})};
  c.node.outputs = {result(c, "y", y, out, scale_of_sums(a.back()), {})};
  return c;
}

/// Convolutions with a second result, in which every pixel of the first is repeated: beside it and
/// around it, wide, narrow and oddly placed.
inline std::vector<StepCase> repeated_pixel_cases() {
  const Placement wide = {.inner = 24, .outer = 16, .offset = 8};
  const Placement odd = {.inner = 3, .outer = 5, .offset = 1};
  return {conv_case({.k = 1, .pad = 0, .repeat_h = 2, .repeat_w = 2}),
          conv_case({.n = 2,
                     .k = 1,
                     .pad = 0,
                     .repeat_h = 2,
                     .repeat_w = 2,
                     .stores_y = false,
                     .copies = wide}),
          conv_case({.n = 2,
                     .c = 64,
                     .o = 40,
                     .residual = true,
                     .extra = wide,
                     .repeat_h = 3,
                     .repeat_w = 3,
                     .stores_y = false}),
          conv_case({.h = 15,
                     .w = 14,
                     .c = 64,
                     .o = 72,
                     .stride = 2,
                     .out = odd,
                     .repeat_h = 2,
                     .repeat_w = 1,
                     .copies = odd}),
          conv_case({.c = 64,
                     .o = 32,
                     .residual = true,
                     .residual_after = true,
                     .act = Activation::kSilu,
                     .repeat_h = 1,
                     .repeat_w = 2,
                     .stores_y = false,
                     .copies = odd}),
          conv_case({.w = 1, .c = 64, .o = 64, .repeat_h = 2, .repeat_w = 4})};
}

}  // namespace stint::test
