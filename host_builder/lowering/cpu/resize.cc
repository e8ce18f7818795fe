// ONNX Resize.
#include "plan_schema/params/resize.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"
#include "kernels/cpu/resize_tables.h"

namespace stint::builder {
namespace {

ResizeParams params_of(const ResizeAttributes& a, size_t rank) {
  ResizeParams p;
  p.mode = a.mode;
  p.coordinate = a.coordinate;
  p.nearest = a.nearest;
  p.exclude_outside = a.exclude_outside;
  p.antialias = a.antialias;
  p.cubic_a = a.cubic_a;
  p.extrapolation = a.extrapolation;
  for (size_t i = 0; i < rank; ++i) {
    p.scales[i] = a.scales.at(i);
    p.roi_start[i] = a.roi.size() == 2 * rank ? a.roi[i] : 0.0f;
    p.roi_end[i] = a.roi.size() == 2 * rank ? a.roi[rank + i] : 1.0f;
  }
  return p;
}

bool interpolates(DType t) {
  return t == DType::kF32 || t == DType::kU8 || t == DType::kI8 || t == DType::kI32;
}

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kResize) return false;
  const auto& a = node.as<ResizeAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  if (x.shape.empty() || x.shape.size() > static_cast<size_t>(kMaxRank)) return false;
  if (a.coordinate == CoordinateMode::kTfCropAndResize && dtype_bytes(x.dtype) == 2) return false;
  return a.mode == ResizeMode::kNearest || interpolates(x.dtype);
}

StepSpec lower(Graph& graph, const Node& node) {
  const auto& a = node.as<ResizeAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  const Shape& y = graph.value(node.outputs.at(0)).shape;
  ResizeParams p = params_of(a, x.shape.size());
  if (has_quantized(graph, node))
    p.extrapolation = static_cast<float>(stored_integer(x, static_cast<double>(p.extrapolation)));
  const char* tactics[] = {"resize nearest", "resize linear", "resize cubic"};
  StepSpec step = step_for(node, KernelId::kResize, tactics[static_cast<size_t>(a.mode)]);
  step.inputs.resize(1);
  step.params = to_bytes(p);
  step.workspace_bytes =
      cpu::resize_workspace_bytes(p, static_cast<int>(x.shape.size()), x.shape.data(), y.data());
  if (a.mode != ResizeMode::kNearest && x.dtype != DType::kF32)
    step.worker_scratch_bytes = sizeof(float) * static_cast<uint64_t>(y.back());
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kResizeFamily = one_way<can_implement, lower, memory_bound_us>("resize");

}  // namespace stint::builder
