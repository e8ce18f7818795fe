// A convolution or a product with a constant matrix as one implicit matrix product: output pixels x
// output channels, summed over taps x input channels. What the families that compute it share.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "host_builder/lowering/family.h"

namespace stint::builder {

/// One activation operand: pixels are addressed by (batch, row, column), channels are adjacent.
struct PixelView {
  ValueId id = kNoValue;
  DType dtype = DType::kF32;
  std::optional<Quantisation> quant;       // what its 8-bit integers stand for
  int64_t batch = 0, row = 0, column = 0;  // strides, elements
  int64_t packet = 1;  // adjacent channels that may be accessed at once, at most 16 bytes

  bool present() const { return id != kNoValue; }
};

/// A second result: the first one with every pixel repeated rows x columns times.
struct RepeatedPixels {
  PixelView view;  // its strides: from the first repetition of a pixel to that of the next
  int64_t rows = 1, columns = 1;
  int64_t row_step = 0, column_step = 0;  // from one repetition to the next, elements
  bool holds_y = false;  // the first result is the first repetitions: not stored on its own
};

struct ConvProblem {
  int64_t batch = 1, out_h = 1, out_w = 1;  // output pixels
  int64_t in_h = 1, in_w = 1;
  int64_t groups = 1, in_channels = 0, out_channels = 0;  // channels of one group
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1, pad_h = 0, pad_w = 0;
  bool inside = true;  // no tap ever lies in the padding
  PixelView x, y, residual;
  RepeatedPixels copies;
  ValueId weights = kNoValue, bias = kNoValue;
  bool weights_are_columns = false;  // [k][n] of a matrix product instead of [n][c][tap]
  // x and the weights are 8-bit integers without zero points: their products can be summed exactly.
  bool integers = false;
  Epilogue epilogue;

  int64_t pixels() const { return batch * out_h * out_w; }
  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t depth() const { return taps() * in_channels; }
  /// How often every result is written.
  int64_t stores() const {
    return copies.view.present() ? copies.rows * copies.columns + (copies.holds_y ? 0 : 1) : 1;
  }
  double flops() const;
  /// Of a factor of the tensor cores: 8-bit integers, or f16.
  int64_t factor_bytes() const { return integers ? 1 : 2; }
};

/// Nothing where the node is no such product, or an operand cannot be addressed this way.
std::optional<ConvProblem> conv_problem(const Graph& graph, const Node& node);

/// `weight(group, n, k)` in the graph's constant; k = tap * in_channels + channel. Integers as the
/// numbers they stand for.
std::function<float(int64_t, int64_t, int64_t)> weight_reader(const Graph& graph,
                                                              const ConvProblem& p);
/// The integers themselves. Requires p.integers.
std::function<int8_t(int64_t, int64_t, int64_t)> integer_weight_reader(const Graph& graph,
                                                                       const ConvProblem& p);
/// Result channels of all groups, each its factor from sums of products of integers to numbers and
/// its bias: f32 [channels][2]. Requires p.integers.
ValueId add_channel_factors(Graph& graph, const ConvProblem& p);

/// Operands, name and work of the step; `packed` replaces the weights, `bias` the bias.
StepSpec conv_step(const Graph& graph, const Node& node, const ConvProblem& p, ValueId packed,
                   ValueId bias);

}  // namespace stint::builder
