// Camera frames in, classes of the frame out.
#include "host_builder/lowering/cuda/generic/generic_detections.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/preprocess.h"

namespace stint::builder {

void generic_preprocess(Graph& graph, const Node&, StepSpec& step) {
  constexpr int64_t kTileX = 64, kTileY = 16;
  const auto p = params_of_step<PreprocessParams>(step);
  GenericSource source(graph, step, true, false);
  const cpu::TensorView& y = source.output(0);
  source.constant("kWidth", p.width);
  source.constant("kHeight", p.height);
  source.constant("kChannels", p.channels);
  source.constant("kFit", static_cast<int64_t>(p.fit));
  source.flag("kBgr", p.order_bgr != 0);
  source.constant64("kOutImage", y.strides[0]);
  source.constant64("kOutRow", y.strides[1]);
  source.constant64("kOutPixel", y.strides[2]);
  source.real_function("pad_value", p.pad_value);
  const auto per_channel = [&](const char* name, const float* values) {
    std::string text = CudaSource::literal(values[p.channels - 1]);
    for (int c = p.channels - 2; c >= 0; --c)
      text = "c == " + std::to_string(c) + " ? " + CudaSource::literal(values[c]) + " : " + text;
    source.line(std::string("__device__ __forceinline__ float ") + name +
                "(int c) {\n  (void)c;\n  return " + text + ";\n}");
  };
  per_channel("mean", p.mean);
  per_channel("scale", p.scale);
  source.include("generic/preprocess.cuh");
  step.in_place.clear();
  const int64_t tiles = (p.width + kTileX - 1) / kTileX * ((p.height + kTileY - 1) / kTileY);
  step.launch = source.finish("preprocess", tiles * y.shape[0]);
}

void generic_top_classes(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<TopClassesParams>(step);
  GenericSource source(graph, step, step.image_binding >= 0, true);
  const cpu::TensorView& x = source.input(0);
  source.team({kGenericThreads, 1, false});
  write_detections(source, step.image_binding >= 0);
  source.constant("kClasses", x.shape[1]);
  source.constant("kFirstClass", p.first_class);
  source.constant64("kScoreSlot", x.strides[0]);
  source.constant("kFunction", static_cast<int64_t>(p.score_function));
  source.constant("kFit", static_cast<int64_t>(p.fit));
  source.constant("kInputWidth", p.input_width);
  source.constant("kInputHeight", p.input_height);
  source.real_function("score_threshold", p.score_threshold);
  source.include("generic/top_classes.cuh");
  step.in_place.clear();
  step.launch = source.finish("top_classes", x.shape[0]);
}

}  // namespace stint::builder
