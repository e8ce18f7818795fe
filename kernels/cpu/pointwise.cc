// Fused element-wise programs on f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/pointwise_program-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

using Place = PointwiseTiles::Place;

void materialize(const float* x, const Place& p, int64_t rows, int64_t columns, float* tile) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = x + r * p.row_stride;
    float* to = tile + r * columns;
    if (p.column_stride == 1) {
      for (int64_t c = 0; c < columns; ++c) to[c] = from[c];
    } else if (p.column_stride == 0) {
      const float value = *from;
      for (int64_t c = 0; c < columns; ++c) to[c] = value;
    } else {
      for (int64_t c = 0; c < columns; ++c) to[c] = from[c * p.column_stride];
    }
  }
}

void run_tile(const StepArgs& args, const PointwiseTiles::Tile& t, float* scratch,
              const void** held) {
  const auto* ops = trailing_of<PointwiseParams, PointwiseOp>(args);
  const int count = params_of<PointwiseParams>(args).instruction_count;
  const int inputs = static_cast<int>(args.input_count);
  const float* operand[kMaxPointwiseInputs + kMaxPointwiseInstructions];
  for (int k = 0; k < inputs; ++k) {
    const Place& p = t.places[k];
    const float* x = args.inputs[k].as<float>() + p.offset;
    operand[k] = x;
    if (p.dense) continue;
    float* tile = scratch + k * kPointwiseTile;
    operand[k] = tile;
    // A broadcast operand is the same for the next tile; a whole tile serves a smaller one too.
    if (held[k] == x && p.repeats) continue;
    held[k] = p.repeats ? x : nullptr;
    materialize(x, p, t.rows, t.columns, tile);
  }
  const Place& p = t.places[PointwiseTiles::kY];
  float* y = args.outputs[0].as<float>() + p.offset;
  for (int i = 0; i < count; ++i) {
    const PointwiseOp& op = ops[i];
    float* result = i == count - 1 && p.dense ? y : scratch + (inputs + i) * kPointwiseTile;
    pointwise::execute<hwy::HWY_NAMESPACE::ScalableTag<float>>(
        op, operand[op.a], operand[op.b], operand[op.c], t.rows * t.columns, result);
    operand[inputs + i] = result;
  }
  if (p.dense) return;
  const float* result = operand[inputs + count - 1];
  for (int64_t r = 0; r < t.rows; ++r)
    for (int64_t c = 0; c < t.columns; ++c)
      y[r * p.row_stride + c * p.column_stride] = result[r * t.columns + c];
}

}  // namespace

void pointwise_run(const StepArgs& args) {
  PointwiseTiles(args).for_each([&](const PointwiseTiles::Tile& tile, float* scratch,
                                    const void** held) { run_tile(args, tile, scratch, held); });
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_pointwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<PointwiseParams>(args));
  const int count = params_of<PointwiseParams>(args).instruction_count;
  STINT_RETURN_IF_ERROR(check_instruction_count(count));
  STINT_RETURN_IF_ERROR((check_trailing<PointwiseParams, PointwiseOp>(args, count)));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, kMaxPointwiseInputs, 1));
  STINT_RETURN_IF_ERROR(check_dtype(args.outputs[0], DType::kF32));
  for (uint32_t k = 0; k < args.input_count; ++k)
    STINT_RETURN_IF_ERROR(check_dtype(args.inputs[k], DType::kF32));
  return check_pointwise_program(args, trailing_of<PointwiseParams, PointwiseOp>(args), count);
}

void run_pointwise(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  STINT_SIMD(pointwise_run)(args);
}

}  // namespace stint::cpu
#endif
