// Batched matrix product. b is either one packed constant [panels][k][16] for all batches, zero
// filled, or a tensor [..., k, n] whose batch axes broadcast.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/matmul.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstring>

#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/gemm_block-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/matmul_blocking.h"
#include "kernels/cpu/matmul_views.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

void matmul_run(const StepArgs& args) {
  const MatMulParams& p = params_of<MatMulParams>(args);
  const MatMulViews views(args, p);
  const TensorView& a = views.a;
  const TensorView& b = views.b;
  const TensorView& y = views.y;
  if (y.elements() == 0) return;
  const int64_t m = y.shape[y.rank - 2];
  const int64_t n = y.shape[y.rank - 1];
  const int64_t k = a.shape[a.rank - 1];
  const int64_t batches = y.elements() / (m * n);
  const int64_t panels = panels_for(n);
  const TensorView* residual = views.has_residual ? &views.residual : nullptr;
  const Epilogue epilogue = resolve_epilogue(args, p.epilogue, 2);
  GemmScratch layout;
  matmul_scratch(p, k, &layout);
  const double flops = 2.0 * static_cast<double>(y.elements()) * static_cast<double>(k);
  const GemmGrid grid(m, panels, layout.rows, batches, flops, args.parallel.workers);

  auto task = [&](uint32_t index, uint32_t worker) HWY_ATTR {
    const int64_t panel_block = index % grid.panel_blocks;
    const int64_t row_block = index / grid.panel_blocks % grid.row_blocks;
    int64_t batch = index / grid.panel_blocks / grid.row_blocks;
    const float* a_data = a.as<float>();
    const float* b_data = b.as<float>();
    float* y_data = y.as<float>();
    const float* r_data = residual != nullptr ? residual->as<float>() : nullptr;
    for (int axis = y.rank - 3; axis >= 0; --axis) {
      const int64_t at = batch % y.shape[axis];
      batch /= y.shape[axis];
      a_data += at * broadcast_stride(a, y.rank, axis);
      if (!p.b_packed) b_data += at * broadcast_stride(b, y.rank, axis);
      y_data += at * y.strides[axis];
      if (r_data != nullptr) r_data += at * residual->strides[axis];
    }
    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
    auto* records = reinterpret_cast<intptr_t*>(scratch + layout.records);
    auto* tile_rows = reinterpret_cast<TileRow*>(scratch + layout.tile_rows);
    auto* tail = reinterpret_cast<float*>(scratch + layout.gathered);

    const int64_t first_row = row_block * grid.block_rows;
    GemmBlock block;
    block.row_count = m - first_row < grid.block_rows ? m - first_row : grid.block_rows;
    block.length = k;
    const RowTiling tiling(block.row_count, kTileRows);
    for (int64_t tile = 0; tile < tiling.tiles; ++tile) {
      intptr_t* record = records + tile * kTapRecord;
      record[0] = 0;
      for (int64_t i = 0; i < tiling.size(tile); ++i) {
        const int64_t row = first_row + tiling.begin(tile) + i;
        record[1 + i] = reinterpret_cast<intptr_t>(a_data + row * a.strides[a.rank - 2]);
        TileRow& out = tile_rows[tiling.begin(tile) + i];
        out.y = y_data + row * y.strides[y.rank - 2];
        out.residual =
            r_data != nullptr ? r_data + row * residual->strides[residual->rank - 2] : nullptr;
      }
    }
    const int64_t first_panel = panel_block * grid.block_panels;
    const int64_t panels_left = panels - first_panel;
    block.records = records;
    block.rows = tile_rows;
    block.panel_count = panels_left < grid.block_panels ? panels_left : grid.block_panels;
    block.column = first_panel * kPanelColumns;
    block.columns = n - block.column;
    block.partial = reinterpret_cast<float*>(scratch + layout.partial);
    block.epilogue = &epilogue;
    if (p.b_packed) {
      block.panel_stride = k * kPanelColumns;
      block.panels = b_data + first_panel * block.panel_stride;
      run_gemm_block(block);
      return;
    }
    // Columns in place, but for a last panel that b's rows do not fill: that one is copied and
    // padded.
    const int64_t b_row = b.strides[b.rank - 2];
    block.panel_stride = kPanelColumns;
    block.panel_step = b_row;
    block.panels = b_data + block.column;
    const bool ragged = block.columns < block.panel_count * kPanelColumns;
    if (ragged) --block.panel_count;
    if (block.panel_count > 0) run_gemm_block(block);
    if (!ragged) return;
    const int64_t full = block.panel_count * kPanelColumns;
    const int64_t rest = block.columns - full;
    for (int64_t i = 0; i < k; ++i)
      for (int64_t c = 0; c < kPanelColumns; ++c)
        tail[i * kPanelColumns + c] = c < rest ? b_data[i * b_row + block.column + full + c] : 0.0f;
    block.panels = tail;
    block.panel_stride = 0;
    block.panel_step = kPanelColumns;
    block.panel_count = 1;
    block.column += full;
    block.columns = rest;
    run_gemm_block(block);
  };
  run_tasks(args.parallel, grid.row_blocks * grid.panel_blocks * batches, flops, task);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_matmul(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<MatMulParams>(args));
  const MatMulParams& p = params_of<MatMulParams>(args);
  if (p.b_packed > 1) return corrupt("packing flag is neither 0 nor 1", p.b_packed, 1);
  STINT_RETURN_IF_ERROR(check_operands(args, 2, 4, 1));
  STINT_RETURN_IF_ERROR(check_epilogue(args, p.epilogue, 2));
  for (const TensorView* t : {&args.inputs[0], &args.inputs[1], &args.outputs[0]}) {
    STINT_RETURN_IF_ERROR(check_dtype(*t, DType::kF32));
    if (t->rank >= kMaxRank) return corrupt("matrix product has too many axes", t->rank, kMaxRank);
  }
  const MatMulViews views(args, p);
  const TensorView& a = views.a;
  const TensorView& b = views.b;
  const TensorView& y = views.y;
  for (const TensorView* t : {&a, &b, &y}) {
    if (t->rank < 2) return corrupt("matrix product of less than two axes", t->rank, 2);
    STINT_RETURN_IF_ERROR(check_inner_dense(*t));
  }
  if (y.elements() > (int64_t{1} << 31))
    return corrupt("output has too many elements", y.elements(), int64_t{1} << 31);
  const int64_t m = y.shape[y.rank - 2];
  const int64_t n = y.shape[y.rank - 1];
  const int64_t k = a.shape[a.rank - 1];
  if (p.n != n) return corrupt("matrix product has other columns than its output", n, p.n);
  if (a.shape[a.rank - 2] != m)
    return corrupt("matrix product has other rows than its output", a.shape[a.rank - 2], m);
  if (k < 1) return corrupt("matrix product over no terms", k, 1);
  const auto check_batch = [&](const TensorView& t) -> Status {
    if (t.rank > y.rank) return corrupt("operand has more axes than the result", t.rank, y.rank);
    for (int i = 0; i < t.rank - 2; ++i) {
      const int64_t extent = y.shape[i + y.rank - t.rank];
      if (t.shape[i] != extent && t.shape[i] != 1)
        return corrupt("operand does not broadcast to the result", t.shape[i], extent);
    }
    return ok_status();
  };
  STINT_RETURN_IF_ERROR(check_batch(a));
  if (p.b_packed) {
    STINT_RETURN_IF_ERROR(check_packed(b, panels_for(n), k, kPanelColumns));
  } else {
    STINT_RETURN_IF_ERROR(check_batch(b));
    if (b.shape[b.rank - 2] != k || b.shape[b.rank - 1] != n)
      return corrupt("second matrix does not fit the first", b.shape[b.rank - 2], k);
  }
  GemmScratch scratch;
  if (!matmul_scratch(p, k, &scratch)) return corrupt("matrix product is too large", k, 0);
  return check_worker_scratch(args, scratch.bytes);
}

void run_matmul(const StepArgs& args) { STINT_SIMD(matmul_run)(args); }

}  // namespace stint::cpu
#endif
