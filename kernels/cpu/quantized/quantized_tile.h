// Data of products of 8-bit integers (see quantized_blocking.h), the same for every SIMD target.
#pragma once

#include "kernels/cpu/gemm_tile.h"
#include "plan_schema/params/quantized.h"

namespace stint::cpu {

/// Four weights that four activations meet.
struct Quad {
  int8_t terms[4];
};

struct QuantizedRow {
  std::byte* y = nullptr;               // output row, first channel; of the epilogue's type
  const std::byte* residual = nullptr;  // the same of the residual, if there is one
};

/// How sums become results. `real` are the parts that f32 products have, too: its clamp is in real
/// numbers.
struct QuantizedEpilogue {
  Epilogue real;
  const float* multiplier = nullptr;  // one per output channel
  DType y_type = DType::kF32;
  DType residual_type = DType::kF32;
  float inverse = 1.0f;  // 1 / y's scale
  int32_t y_zero = 0;
  float residual_scale = 1.0f;
  int32_t residual_zero = 0;
  bool in_registers = false;  // u8, no residual, an activation that is a clamp: the most frequent
};

struct QuantizedProduct {
  using Element = uint8_t;
  using Weight = Quad;
  static constexpr int64_t kElements = 4;
  using Sum = int32_t;
  using Row = QuantizedRow;
  using Finish = QuantizedEpilogue;
  static Row row(std::byte* y, const std::byte* residual) { return {y, residual}; }
};
using QuantizedTile = ProductTile<QuantizedProduct>;
using QuantizedBlock = ProductBlock<QuantizedProduct>;
// What gemm_scratch counts with.
static_assert(sizeof(Quad) == sizeof(float) && sizeof(QuantizedRow) == sizeof(TileRow));

/// The tiles that this processor computes fastest.
struct QuantizedTiles {
  int rows = 1;    // at most
  int panels = 1;  // at most
  void (*run)(int rows, int panels, const QuantizedTile& tile) = nullptr;
};

/// Of the SIMD level that kernels use now.
QuantizedTiles quantized_tiles();

}  // namespace stint::cpu
