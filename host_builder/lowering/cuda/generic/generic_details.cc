// Masks, keypoints and rotated boxes of detections.
#include "host_builder/lowering/cuda/generic/generic_detections.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/detection_details.h"

namespace stint::builder {
namespace {

/// What generic/detail_rows.cuh asks for. Inputs 0 and 1 are the head and the kept rows.
void write_rows_and_head(GenericSource& source, const DetectionDetailParams& p) {
  const cpu::TensorView& head = source.input(0);
  const cpu::TensorView& rows = source.input(1);
  source.constant64("kBatch", rows.shape[0]);
  source.constant64("kMost", rows.shape[1]);
  source.constant64("kKeptSlot", rows.strides[0]);
  source.constant64("kHeadRows", head.shape[p.transposed ? 2 : 1]);
  source.constant64("kHeadSlot", head.strides[0]);
  source.constant64("kHeadRow", p.transposed ? 1 : head.strides[1]);
  source.constant64("kHeadColumn", p.transposed ? head.strides[1] : 1);
  source.constant("kFirstColumn", p.first_column);
  source.constant("kInputWidth", p.input_width);
  source.constant("kInputHeight", p.input_height);
  source.flag("kNormalized", p.normalized_boxes != 0);
  source.include("generic/detail_rows.cuh");
}

/// A source that undoes the frame's fit.
GenericSource with_frames(const Graph& graph, const StepSpec& step,
                          const DetectionDetailParams& p) {
  const bool has_frames = step.image_binding >= 0;
  GenericSource source(graph, step, has_frames, false);
  source.include("generic/frame.cuh");
  source.constant("kFit", static_cast<int64_t>(p.fit));
  write_frame_of(source, has_frames);
  write_rows_and_head(source, p);
  return source;
}

}  // namespace

void generic_detection_masks(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<DetectionDetailParams>(step);
  GenericSource source(graph, step);
  write_rows_and_head(source, p);
  const cpu::TensorView& prototypes = source.input(2);
  const cpu::TensorView& masks = source.output(0);
  source.flag("kCenterBoxes", p.center_boxes != 0);
  source.constant("kHeight", masks.shape[2]);
  source.constant("kWidth", masks.shape[3]);
  source.constant("kCoefficients", prototypes.shape[3]);
  source.constant64("kPrototypeSlot", prototypes.strides[0]);
  source.constant64("kPrototypeRow", prototypes.strides[1]);
  source.constant64("kPrototypePixel", prototypes.strides[2]);
  source.constant64("kMaskSlot", masks.strides[0]);
  source.constant64("kMaskPlace", masks.strides[1]);
  source.constant64("kMaskRow", masks.strides[2]);
  source.real_function("threshold", p.threshold);
  source.include("generic/detection_masks.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("detection_masks", masks.elements());
}

void generic_detection_keypoints(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<DetectionDetailParams>(step);
  GenericSource source = with_frames(graph, step, p);
  const cpu::TensorView& points = source.output(0);
  source.constant("kPoints", points.shape[2]);
  source.constant("kPointValues", p.point_values);
  source.constant64("kOutSlot", points.strides[0]);
  source.constant64("kOutPlace", points.strides[1]);
  source.constant64("kOutPoint", points.strides[2]);
  source.include("generic/detection_keypoints.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("detection_keypoints", points.elements() / 3);
}

void generic_rotated_boxes(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<DetectionDetailParams>(step);
  GenericSource source = with_frames(graph, step, p);
  const cpu::TensorView& detections = source.input(2);
  const cpu::TensorView& boxes = source.output(0);
  source.constant64("kFoundSlot", detections.strides[0]);
  source.constant64("kFoundRow", detections.strides[1]);
  source.constant64("kOutSlot", boxes.strides[0]);
  source.constant64("kOutPlace", boxes.strides[1]);
  source.include("generic/rotated_boxes.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("rotated_boxes", boxes.elements() / 7);
}

}  // namespace stint::builder
