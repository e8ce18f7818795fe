// Matrix product on 8-bit integers with a constant on the right, packed as a convolution's weights.
// All batches are rows of one matrix.
#include <cstring>

#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/gemm_block.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/quantized/quantized_blocking.h"
#include "kernels/cpu/quantized/quantized_epilogue.h"

namespace stint::cpu {
namespace {

/// Rows of a, y and the residual, counted through the axes in front of the last one.
class Rows {
 public:
  Rows(const TensorView& y, const TensorView& a, const TensorView* residual, int64_t row)
      : y_(y), a_(a), residual_(residual) {
    for (int axis = y.rank - 2; axis >= 0; --axis) {
      at_[axis] = row % y.shape[axis];
      row /= y.shape[axis];
      move(axis, at_[axis]);
    }
  }
  void next() {
    for (int axis = y_.rank - 2; axis >= 0; --axis) {
      move(axis, 1);
      if (++at_[axis] < y_.shape[axis]) return;
      move(axis, -at_[axis]);
      at_[axis] = 0;
    }
  }
  const uint8_t* a() const { return a_.as<uint8_t>() + a_offset_; }
  QuantizedRow out() const {
    return {y_.as<std::byte>() + y_offset_ * dtype_bytes(y_.dtype),
            residual_ == nullptr
                ? nullptr
                : residual_->as<std::byte>() + residual_offset_ * dtype_bytes(residual_->dtype)};
  }

 private:
  void move(int axis, int64_t steps) {
    a_offset_ += steps * a_.strides[axis];
    y_offset_ += steps * y_.strides[axis];
    if (residual_ != nullptr) residual_offset_ += steps * residual_->strides[axis];
  }

  const TensorView& y_;
  const TensorView& a_;
  const TensorView* residual_;
  int64_t at_[kMaxRank] = {};
  int64_t a_offset_ = 0, y_offset_ = 0, residual_offset_ = 0;
};

}  // namespace

Status check_quantized_matmul(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<QuantizedMatMulParams>(args));
  const QuantizedMatMulParams& q = params_of<QuantizedMatMulParams>(args);
  const MatMulParams& p = q.matmul;
  if (p.b_packed != 1) return corrupt("quantised matrix product needs a packed b", p.b_packed, 1);
  STINT_RETURN_IF_ERROR(check_operands(args, 4, kQuantizedMostInputs, 1));
  const TensorView& a = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (a.rank < 1 || a.rank != y.rank)
    return corrupt("quantised matrix product changes the rank", y.rank, a.rank);
  for (const TensorView* t : {&a, &y}) STINT_RETURN_IF_ERROR(check_inner_dense(*t));
  for (int i = 0; i < a.rank - 1; ++i)
    if (a.shape[i] != y.shape[i])
      return corrupt("matrix product has other rows than its output", a.shape[i], y.shape[i]);
  STINT_RETURN_IF_ERROR(check_quantized_operands(args, q, p.epilogue));
  if (y.elements() > (int64_t{1} << 31))
    return corrupt("output has too many elements", y.elements(), int64_t{1} << 31);
  const int64_t n = y.shape[y.rank - 1];
  const int64_t k = a.shape[a.rank - 1];
  if (p.n != n) return corrupt("matrix product has other columns than its output", n, p.n);
  GemmScratch scratch;
  if (!quantized_matmul_scratch(k, &scratch))
    return corrupt("quantised matrix product over no or too many terms", k, kMaxQuantizedDepth);
  STINT_RETURN_IF_ERROR(
      check_packed(args.inputs[1], panels_for(n), quantized_panel_rows(k), kQuadRow));
  return check_worker_scratch(args, scratch.bytes);
}

void run_quantized_matmul(const StepArgs& args) {
  const QuantizedMatMulParams& q = params_of<QuantizedMatMulParams>(args);
  const TensorView& a = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  const int64_t n = y.shape[y.rank - 1];
  const int64_t k = a.shape[a.rank - 1];
  const int64_t rows = y.elements() / n;
  const int64_t panels = panels_for(n);
  const int64_t quads = quads_for(k);
  const bool gather = k % kQuad != 0;
  const QuantizedEpilogue epilogue = resolve_quantized_epilogue(args, q, q.matmul.epilogue);
  const TensorView* residual =
      epilogue_operands(args, q.matmul.epilogue, kQuantizedFixedInputs).residual;
  GemmScratch layout;
  quantized_matmul_scratch(k, &layout);
  const double flops = 2.0 * static_cast<double>(y.elements()) * static_cast<double>(k);
  const GemmGrid grid(rows, panels, layout.rows, 1, flops, args.parallel.workers);
  const QuantizedTiles tiles = quantized_tiles();
  const int64_t record_step = 1 + tiles.rows;

  auto task = [&](uint32_t index, uint32_t worker) {
    const int64_t first_row = index / grid.panel_blocks * grid.block_rows;
    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
    auto* records = reinterpret_cast<intptr_t*>(scratch + layout.records);
    auto* tile_rows = reinterpret_cast<QuantizedRow*>(scratch + layout.tile_rows);
    auto* gathered = reinterpret_cast<uint8_t*>(scratch + layout.gathered);
    QuantizedBlock block;
    block.row_count = rows - first_row < grid.block_rows ? rows - first_row : grid.block_rows;
    block.length = quads;
    const RowTiling tiling(block.row_count, tiles.rows);
    Rows row(y, a, residual, first_row);
    for (int64_t tile = 0; tile < tiling.tiles; ++tile) {
      intptr_t* record = records + tile * record_step;
      record[0] = 0;
      for (int64_t i = 0; i < tiling.size(tile); ++i, row.next()) {
        const int64_t r = tiling.begin(tile) + i;
        const uint8_t* terms = row.a();
        if (gather) {
          uint8_t* to = gathered + r * quads * kQuad;
          std::memcpy(to, terms, static_cast<size_t>(k));
          terms = to;
        }
        record[1 + i] = reinterpret_cast<intptr_t>(terms);
        tile_rows[r] = row.out();
      }
    }
    const int64_t first_panel = index % grid.panel_blocks * grid.block_panels;
    const int64_t panels_left = panels - first_panel;
    block.records = records;
    block.rows = tile_rows;
    block.panel_count = panels_left < grid.block_panels ? panels_left : grid.block_panels;
    block.panel_stride = quantized_panel_rows(k) * kPanelColumns;
    block.panels = args.inputs[1].as<Quad>() + first_panel * block.panel_stride;
    block.column = first_panel * kPanelColumns;
    block.columns = n - block.column;
    block.partial = reinterpret_cast<int32_t*>(scratch + layout.partial);
    block.epilogue = &epilogue;
    for_each_tile(block, tiles.rows, tiles.panels, tiles.run);
  };
  run_tasks(args.parallel, grid.row_blocks * grid.panel_blocks, flops, task);
}

}  // namespace stint::cpu
