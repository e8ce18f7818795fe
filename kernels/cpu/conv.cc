// 2-D convolution of any stride, dilation, padding and grouping as an indirect matrix product:
// output pixels are rows, kernel positions are taps (gemm_tile-inl.h). Weights: [groups *
// panels][kh * kw * C/groups][16], panels = ceil(O/groups / 16), zero filled.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstring>

#include "kernels/cpu/conv_blocking.h"
#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/gemm_block-inl.h"
#include "kernels/cpu/kernel_table.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

struct ConvShape {
  explicit ConvShape(const StepArgs& args)
      : p(params_of<ConvParams>(args)), x(args.inputs[0]), y(args.outputs[0]) {
    const EpilogueOperands operands = epilogue_operands(args, p.epilogue, 2);
    residual = operands.residual;
    group_in = x.shape[3] / p.groups;
    group_out = y.shape[3] / p.groups;
    taps = int64_t{p.kernel[0]} * p.kernel[1];
    gather = conv_gathers(taps, group_in);
    gemm_scratch(gather ? 1 : taps, group_in, gather ? taps * group_in : 0, &scratch);
  }
  const ConvParams& p;
  const TensorView& x;
  const TensorView& y;
  const TensorView* residual;
  int64_t group_in, group_out, taps;
  bool gather;
  GemmScratch scratch;
};

/// The output pixel of a row, counted through batch, height and width.
struct Pixel {
  Pixel(const TensorView& y, int64_t row)
      : ox(row % y.shape[2]), oy(row / y.shape[2] % y.shape[1]), n(row / y.shape[2] / y.shape[1]) {}
  void next(const TensorView& y) {
    if (++ox < y.shape[2]) return;
    ox = 0;
    if (++oy < y.shape[1]) return;
    oy = 0;
    ++n;
  }
  int64_t at(const TensorView& t) const {
    return n * t.strides[0] + oy * t.strides[1] + ox * t.strides[2];
  }
  int64_t ox, oy, n;
};

/// Points every tap of one row at its input pixel, or at zeros outside.
HWY_INLINE void point_row(const ConvShape& s, const Pixel& pixel, const float* x,
                          const float* zeros, intptr_t* slot) {
  const int64_t iy0 = pixel.oy * s.p.stride[0] - s.p.pad_begin[0];
  const int64_t ix0 = pixel.ox * s.p.stride[1] - s.p.pad_begin[1];
  x += pixel.n * s.x.strides[0];
  for (int64_t ky = 0; ky < s.p.kernel[0]; ++ky) {
    const int64_t iy = iy0 + ky * s.p.dilation[0];
    const bool row_inside = iy >= 0 && iy < s.x.shape[1];
    const float* line = row_inside ? x + iy * s.x.strides[1] : nullptr;
    for (int64_t kx = 0; kx < s.p.kernel[1]; ++kx, slot += kTapRecord) {
      const int64_t ix = ix0 + kx * s.p.dilation[1];
      const bool inside = row_inside && ix >= 0 && ix < s.x.shape[2];
      *slot = reinterpret_cast<intptr_t>(inside ? line + ix * s.x.strides[2] : zeros);
    }
  }
}

/// Copies one row's taps together: with few channels a tap is too short for a loop of its own.
HWY_INLINE void gather_row(const ConvShape& s, const Pixel& pixel, const float* x, float* to) {
  const int64_t iy0 = pixel.oy * s.p.stride[0] - s.p.pad_begin[0];
  const int64_t ix0 = pixel.ox * s.p.stride[1] - s.p.pad_begin[1];
  const int64_t c = s.group_in;
  const int64_t kernel_x = s.p.kernel[1];
  const int64_t dilation_x = s.p.dilation[1];
  x += pixel.n * s.x.strides[0];
  const bool dense = s.x.strides[2] == c && dilation_x == 1;
  for (int64_t ky = 0; ky < s.p.kernel[0]; ++ky) {
    const int64_t iy = iy0 + ky * s.p.dilation[0];
    if (iy < 0 || iy >= s.x.shape[1]) {
      for (int64_t i = 0; i < kernel_x * c; ++i) to[i] = 0.0f;
      to += kernel_x * c;
      continue;
    }
    const float* line = x + iy * s.x.strides[1];
    if (dense && ix0 >= 0 && ix0 + kernel_x <= s.x.shape[2]) {
      const float* from = line + ix0 * c;
      for (int64_t i = 0; i < kernel_x * c; ++i) to[i] = from[i];
      to += kernel_x * c;
      continue;
    }
    for (int64_t kx = 0; kx < kernel_x; ++kx, to += c) {
      const int64_t ix = ix0 + kx * dilation_x;
      const bool inside = ix >= 0 && ix < s.x.shape[2];
      const float* from = line + (inside ? ix * s.x.strides[2] : 0);
      for (int64_t i = 0; i < c; ++i) to[i] = inside ? from[i] : 0.0f;
    }
  }
}

}  // namespace

void conv_run(const StepArgs& args) {
  const ConvShape s(args);
  const int64_t rows = s.y.shape[0] * s.y.shape[1] * s.y.shape[2];
  const int64_t group_panels = panels_for(s.group_out);
  const int64_t depth = s.taps * s.group_in;
  if (rows == 0 || group_panels == 0) return;
  const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(depth) *
                       static_cast<double>(s.y.shape[3]);
  const GemmGrid grid(rows, group_panels, s.scratch.rows, s.p.groups, flops, args.parallel.workers);
  const Epilogue epilogue = resolve_epilogue(args, s.p.epilogue, 2);
  const float* weights = args.inputs[1].as<float>();

  auto task = [&](uint32_t index, uint32_t worker) HWY_ATTR {
    const int64_t panel_block = index % grid.panel_blocks;
    const int64_t row_block = index / grid.panel_blocks % grid.row_blocks;
    const int64_t group = index / grid.panel_blocks / grid.row_blocks;
    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
    auto* records = reinterpret_cast<intptr_t*>(scratch + s.scratch.records);
    auto* tile_rows = reinterpret_cast<TileRow*>(scratch + s.scratch.tile_rows);
    auto* zeros = reinterpret_cast<float*>(scratch + s.scratch.zeros);
    auto* gathered = reinterpret_cast<float*>(scratch + s.scratch.gathered);
    std::memset(zeros, 0, static_cast<size_t>(s.group_in) * sizeof(float));

    const int64_t first_row = row_block * grid.block_rows;
    GemmBlock block;
    block.row_count = rows - first_row < grid.block_rows ? rows - first_row : grid.block_rows;
    block.taps = s.gather ? 1 : s.taps;
    block.length = s.gather ? depth : s.group_in;
    const float* x = s.x.as<float>() + group * s.group_in;
    Pixel pixel(s.y, first_row);
    const RowTiling tiling(block.row_count);
    for (int64_t tile = 0; tile < tiling.tiles; ++tile) {
      intptr_t* record = records + tile * block.taps * kTapRecord;
      for (int64_t tap = 0; tap < block.taps; ++tap)
        record[tap * kTapRecord] = tap * s.group_in * kPanelColumns;
      const int64_t end = tiling.begin(tile) + tiling.size(tile);
      for (int64_t r = tiling.begin(tile); r < end; ++r, pixel.next(s.y)) {
        intptr_t* slot = record + 1 + (r - tiling.begin(tile));
        if (s.gather) {
          gather_row(s, pixel, x, gathered + r * depth);
          *slot = reinterpret_cast<intptr_t>(gathered + r * depth);
        } else {
          point_row(s, pixel, x, zeros, slot);
        }
        tile_rows[r].y = s.y.as<float>() + pixel.at(s.y);
        tile_rows[r].residual =
            s.residual != nullptr ? s.residual->as<float>() + pixel.at(*s.residual) : nullptr;
      }
    }
    const int64_t first_panel = panel_block * grid.block_panels;
    const int64_t panels_left = group_panels - first_panel;
    block.records = records;
    block.rows = tile_rows;
    block.panel_count = panels_left < grid.block_panels ? panels_left : grid.block_panels;
    block.panel_stride = depth * kPanelColumns;
    block.panels = weights + (group * group_panels + first_panel) * block.panel_stride;
    block.column = group * s.group_out + first_panel * kPanelColumns;
    block.columns = s.group_out - first_panel * kPanelColumns;
    block.partial = reinterpret_cast<float*>(scratch + s.scratch.partial);
    block.epilogue = &epilogue;
    run_gemm_block(block);
  };
  run_tasks(args.parallel, grid.row_blocks * grid.panel_blocks * s.p.groups, flops, task);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_conv_packed(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_conv(args));
  const ConvParams& p = params_of<ConvParams>(args);
  if (p.spatial_rank != 2) return corrupt("packed convolution is 2-D", p.spatial_rank, 2);
  const int64_t taps = kernel_positions(p);
  const int64_t group_in = args.inputs[0].shape[3] / p.groups;
  const int64_t group_out = args.outputs[0].shape[3] / p.groups;
  int64_t depth = 0, panels = 0;
  GemmScratch scratch;
  if (!checked_mul(taps, group_in, &depth) || depth > kMaxElements ||
      !checked_mul(panels_for(group_out), int64_t{p.groups}, &panels) ||
      !conv_scratch(taps, group_in, &scratch))
    return corrupt("convolution is too large", taps, group_in);
  STINT_RETURN_IF_ERROR(check_packed(args.inputs[1], panels, depth, kPanelColumns));
  return check_worker_scratch(args, scratch.bytes);
}

void run_conv_packed(const StepArgs& args) { STINT_SIMD(conv_run)(args); }

}  // namespace stint::cpu
#endif
