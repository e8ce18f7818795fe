// Declarations of the kernels that kernel_table.cc lists. kernel.h states the contract of each
// pair.
#pragma once

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

Status check_conv_packed(const StepArgs& args);
void run_conv_packed(const StepArgs& args);

Status check_conv_depthwise(const StepArgs& args);
void run_conv_depthwise(const StepArgs& args);

Status check_conv_direct(const StepArgs& args);
void run_conv_direct(const StepArgs& args);

Status check_conv_transpose_direct(const StepArgs& args);
void run_conv_transpose_direct(const StepArgs& args);

Status check_matmul(const StepArgs& args);
void run_matmul(const StepArgs& args);

Status check_pool(const StepArgs& args);
void run_pool(const StepArgs& args);

Status check_resize(const StepArgs& args);
void run_resize(const StepArgs& args);
Status check_nms(const StepArgs& args);
void run_nms(const StepArgs& args);
Status check_preprocess(const StepArgs& args);
void run_preprocess(const StepArgs& args);
Status check_decode(const StepArgs& args);
void run_decode(const StepArgs& args);
Status check_top_classes(const StepArgs& args);
void run_top_classes(const StepArgs& args);
Status check_argmax_mask(const StepArgs& args);
void run_argmax_mask(const StepArgs& args);
Status check_detection_masks(const StepArgs& args);
void run_detection_masks(const StepArgs& args);
Status check_detection_keypoints(const StepArgs& args);
void run_detection_keypoints(const StepArgs& args);
Status check_rotated_boxes(const StepArgs& args);
void run_rotated_boxes(const StepArgs& args);

Status check_copy(const StepArgs& args);
void run_copy(const StepArgs& args);

Status check_elementwise(const StepArgs& args);
void run_elementwise(const StepArgs& args);

Status check_reduce(const StepArgs& args);
void run_reduce(const StepArgs& args);

Status check_gather(const StepArgs& args);
void run_gather(const StepArgs& args);

Status check_cast(const StepArgs& args);
void run_cast(const StepArgs& args);

Status check_pointwise(const StepArgs& args);
void run_pointwise(const StepArgs& args);

Status check_arg_reduce(const StepArgs& args);
void run_arg_reduce(const StepArgs& args);

Status check_top_k(const StepArgs& args);
void run_top_k(const StepArgs& args);

Status check_softmax(const StepArgs& args);
void run_softmax(const StepArgs& args);

Status check_instance_norm(const StepArgs& args);
void run_instance_norm(const StepArgs& args);

Status check_layer_norm(const StepArgs& args);
void run_layer_norm(const StepArgs& args);

Status check_lrn(const StepArgs& args);
void run_lrn(const StepArgs& args);

Status check_pad(const StepArgs& args);
void run_pad(const StepArgs& args);

Status check_quantized_conv(const StepArgs& args);
void run_quantized_conv(const StepArgs& args);

Status check_quantized_conv_depthwise(const StepArgs& args);
void run_quantized_conv_depthwise(const StepArgs& args);

Status check_quantized_matmul(const StepArgs& args);
void run_quantized_matmul(const StepArgs& args);

Status check_quantized_pool(const StepArgs& args);
void run_quantized_pool(const StepArgs& args);

Status check_quantized_pointwise(const StepArgs& args);
void run_quantized_pointwise(const StepArgs& args);

Status check_requantize(const StepArgs& args);
void run_requantize(const StepArgs& args);

}  // namespace stint::cpu
