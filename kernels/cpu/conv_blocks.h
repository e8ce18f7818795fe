// A 2-D convolution as blocks of an indirect matrix product: output pixels are rows, kernel
// positions are taps. For every kind of product (P).
#pragma once

#include "kernels/cpu/conv_rows.h"
#include "kernels/cpu/gemm_block.h"

namespace stint::cpu {

template <typename P>
struct ConvProduct {
  ConvProduct(const ConvParams& params, const StepArgs& args)
      : p(params), x(args.inputs[0]), y(args.outputs[0]) {}

  const ConvParams& p;
  const TensorView& x;
  const TensorView& y;
  const TensorView* residual = nullptr;
  bool gather = false;               // taps are copied together
  typename P::Element outside = {};  // what padding holds
  GemmScratch scratch;               // of a worker
  int64_t panel_stride = 0;          // weights from one panel to the next
  const typename P::Weight* weights = nullptr;
  const typename P::Finish* epilogue = nullptr;
};

/// Runs the blocks over the workers: run(block) with tap records for tiles of `tile_rows` rows.
template <typename P, typename F>
void for_each_block(const ConvProduct<P>& c, const StepArgs& args, int tile_rows, F&& run) {
  using Element = typename P::Element;
  const ConvParams& p = c.p;
  const TensorView& x_view = c.x;
  const TensorView& y = c.y;
  const TensorView* residual = c.residual;
  const int64_t group_in = x_view.shape[3] / p.groups;
  const int64_t group_out = y.shape[3] / p.groups;
  const int64_t taps = int64_t{p.kernel[0]} * p.kernel[1];
  const int64_t rows = y.shape[0] * y.shape[1] * y.shape[2];
  const int64_t group_panels = panels_for(group_out);
  if (rows == 0 || group_panels == 0) return;
  // In weights, each of which meets kElements of x.
  const int64_t depth = (taps * group_in + P::kElements - 1) / P::kElements;
  const int64_t length = c.gather ? depth : group_in / P::kElements;
  const int64_t record_step = 1 + tile_rows;
  const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(taps * group_in) *
                       static_cast<double>(y.shape[3]);
  const GemmGrid grid(rows, group_panels, c.scratch.rows, p.groups, flops, args.parallel.workers);
  const int64_t y_bytes = dtype_bytes(y.dtype);
  const int64_t residual_bytes = residual != nullptr ? dtype_bytes(residual->dtype) : 0;

  auto task = [&](uint32_t index, uint32_t worker) {
    const int64_t panel_block = index % grid.panel_blocks;
    const int64_t row_block = index / grid.panel_blocks % grid.row_blocks;
    const int64_t group = index / grid.panel_blocks / grid.row_blocks;
    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
    auto* records = reinterpret_cast<intptr_t*>(scratch + c.scratch.records);
    auto* tile_rows_of_block = reinterpret_cast<typename P::Row*>(scratch + c.scratch.tile_rows);
    auto* outside = reinterpret_cast<Element*>(scratch + c.scratch.zeros);
    auto* gathered = reinterpret_cast<Element*>(scratch + c.scratch.gathered);
    if (!c.gather)
      for (int64_t i = 0; i < group_in; ++i) outside[i] = c.outside;

    const int64_t first_row = row_block * grid.block_rows;
    ProductBlock<P> block;
    block.row_count = rows - first_row < grid.block_rows ? rows - first_row : grid.block_rows;
    block.taps = c.gather ? 1 : taps;
    block.length = length;
    const Element* x = x_view.as<Element>() + group * group_in;
    Pixel pixel(y, first_row);
    const RowTiling tiling(block.row_count, tile_rows);
    for (int64_t tile = 0; tile < tiling.tiles; ++tile) {
      intptr_t* record = records + tile * block.taps * record_step;
      for (int64_t tap = 0; tap < block.taps; ++tap)
        record[tap * record_step] = tap * length * kPanelColumns;
      const int64_t end = tiling.begin(tile) + tiling.size(tile);
      for (int64_t r = tiling.begin(tile); r < end; ++r, pixel.next(y)) {
        intptr_t* slot = record + 1 + (r - tiling.begin(tile));
        if (c.gather) {
          Element* to = gathered + r * depth * P::kElements;
          gather_row(p, x_view, pixel, x, c.outside, group_in, to);
          *slot = reinterpret_cast<intptr_t>(to);
        } else {
          point_row(p, x_view, pixel, x, outside, slot, record_step);
        }
        tile_rows_of_block[r] = P::row(
            y.as<std::byte>() + pixel.at(y) * y_bytes,
            residual != nullptr ? residual->as<std::byte>() + pixel.at(*residual) * residual_bytes
                                : nullptr);
      }
    }
    const int64_t first_panel = panel_block * grid.block_panels;
    const int64_t panels_left = group_panels - first_panel;
    block.records = records;
    block.rows = tile_rows_of_block;
    block.panel_count = panels_left < grid.block_panels ? panels_left : grid.block_panels;
    block.panel_stride = c.panel_stride;
    block.panels = c.weights + (group * group_panels + first_panel) * block.panel_stride;
    block.column = group * group_out + first_panel * kPanelColumns;
    block.columns = group_out - first_panel * kPanelColumns;
    block.partial = reinterpret_cast<typename P::Sum*>(scratch + c.scratch.partial);
    block.epilogue = c.epilogue;
    run(block);
  };
  run_tasks(args.parallel, grid.row_blocks * grid.panel_blocks * p.groups, flops, task);
}

}  // namespace stint::cpu
