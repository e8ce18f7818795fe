#include "host_builder/lowering/cuda/gemm/conv_source.h"

#include <algorithm>
#include <limits>

namespace stint::builder {
namespace {

/// Largest offset a view reaches, elements.
int64_t reach(const PixelView& v, int64_t batch, int64_t h, int64_t w, int64_t channels) {
  return v.present() ? batch * v.batch + h * v.row + w * v.column + channels : 0;
}

void write_strides(CudaSource& source, const std::string& prefix, const PixelView& v) {
  source.constant64(prefix + "B", v.batch)
      .constant64(prefix + "H", v.row)
      .constant64(prefix + "W", v.column);
}

void write_geometry(CudaSource& source, const ConvProblem& p) {
  source.constant("kM", p.pixels())
      .constant("kN", p.out_channels)
      .constant("kC", p.in_channels)
      .constant("kGroups", p.groups)
      .constant("kKH", p.kernel_h)
      .constant("kKW", p.kernel_w)
      .constant("kSH", p.stride_h)
      .constant("kSW", p.stride_w)
      .constant("kDH", p.dilation_h)
      .constant("kDW", p.dilation_w)
      .constant("kPH", p.pad_h)
      .constant("kPW", p.pad_w)
      .constant("kH", p.in_h)
      .constant("kW", p.in_w)
      .constant("kOH", p.out_h)
      .constant("kOW", p.out_w);
}

/// An open bound of a clip is as good as the largest number.
float finite(float f) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  return std::min(std::max(f, -kLargest), kLargest);
}

void write_copies(CudaSource& source, const RepeatedPixels& copies) {
  source.flag("kStoresY", !copies.holds_y)
      .constant("kRepeatH", copies.rows)
      .constant("kRepeatW", copies.columns)
      .constant64("kRepeatRow", copies.row_step)
      .constant64("kRepeatColumn", copies.column_step);
  write_strides(source, "kU", copies.view);
  source.constant("kUVec", copies.view.packet);
}

bool has_bias(const ConvProblem& p, const PackedWeights& weights) {
  return p.bias != kNoValue || weights.are_integers();
}

void write_layer(CudaSource& source, const ConvProblem& p, const PackedWeights& weights) {
  const int64_t furthest =
      std::max({reach(p.x, p.batch, p.in_h + p.kernel_h * p.dilation_h + p.pad_h,
                      p.in_w + p.kernel_w * p.dilation_w + p.pad_w, p.in_channels * p.groups),
                reach(p.y, p.batch, p.out_h, p.out_w, p.out_channels * p.groups),
                reach(p.residual, p.batch, p.out_h, p.out_w, p.out_channels * p.groups),
                reach(p.copies.view, p.batch, p.out_h, p.out_w, p.out_channels * p.groups)});
  const bool wide = furthest >= int64_t{1} << 31;
  source.begin_struct("Layer")
      .type("X", p.x.dtype, p.x.quant)
      .type("Y", p.y.dtype, p.y.quant)
      .type("R", p.residual.dtype, p.residual.quant)
      .type("Offset", wide ? "long long" : "int")
      .type("Mask", p.taps() < 32 ? "unsigned" : "unsigned long long");
  write_geometry(source, p);
  write_strides(source, "kX", p.x);
  write_strides(source, "kY", p.y);
  write_strides(source, "kR", p.residual);
  source.constant("kXVec", p.x.packet)
      .constant("kYVec", p.y.packet)
      .constant("kRVec", p.residual.packet)
      .flag("kInside", p.inside)
      .flag("kBias", has_bias(p, weights))
      .flag("kScaled", weights.are_integers())
      .flag("kResidual", p.residual.present())
      .flag("kResidualAfter", p.epilogue.residual_after_act)
      .constant("kAct", static_cast<int64_t>(p.epilogue.act))
      .real("kAlpha", finite(p.epilogue.alpha))
      .real("kBeta", finite(p.epilogue.beta));
  if (p.copies.view.present()) write_copies(source, p.copies);
  source.line("  static constexpr int " + weights.layout + ";").end_struct();
}

/// struct Args, and with its members the arguments of the kernel's body.
std::string write_parameters(CudaSource& source, const ConvProblem& p, const PackedWeights& weights,
                             bool has_workspace) {
  std::string call = "args.x, args.w, ";
  source.pointer("const Layer::X*", "x").pointer("const " + weights.type + "*", "w");
  const auto operand = [&](bool present, const char* type, const char* name) {
    if (present) source.pointer(type, name);
    return present ? std::string("args.") + name : "nullptr";
  };
  call += operand(has_bias(p, weights), "const float*", "bias") + ", ";
  call += operand(p.residual.present(), "const Layer::R*", "residual") + ", ";
  const std::string y = operand(!p.copies.holds_y, "Layer::Y*", "y");
  if (p.copies.view.present()) {
    source.include("repeated.cuh").pointer("Layer::Y*", "copies");
    call += "Repeated<Layer>{" + y + ", args.copies}, ";
  } else {
    call += y + ", ";
  }
  call += operand(has_workspace, "float*", "workspace") + ", ";
  call += operand(has_workspace, "unsigned*", "state");
  source.parameter_block();
  return call;
}

}  // namespace

GpuLaunch conv_launch(const ConvProblem& p, const PackedWeights& weights,
                      const ConvKernel& kernel) {
  CudaSource source(kernel.header);
  source.line("");
  write_layer(source, p, weights);
  source.line("typedef " + kernel.tile + " Tile;");
  const std::string call = write_parameters(source, p, weights, kernel.workspace_bytes > 0);
  return source.kernel("conv", kernel.shape, kernel.name + "<Layer, Tile>::run(" + call + ");");
}

std::string list_text(std::initializer_list<int64_t> values) {
  std::string text;
  for (const int64_t v : values) {
    if (!text.empty()) text += ", ";
    text += std::to_string(v);
  }
  return text;
}

}  // namespace stint::builder
