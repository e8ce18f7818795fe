// The kernels that a plan's steps name. This list is the only one: from it come the runtime's table
// (kernels/cpu/kernel_table.h) and the builder's choice of generic GPU kernels
// (host_builder/lowering/cuda/generic/generic_kernels.h). What a kernel lacks does not link.
#pragma once

#include <cstdint>

namespace stint {

// (identifier, number, name for people, NAME): the CPU has check_NAME and run_NAME, a GPU what
// generic_NAME writes. PACKED: weights in an order of the kernel's own; no generic GPU kernel.
// Numbers are part of the file format: append, never renumber.
#define STINT_KERNELS(KERNEL, PACKED)                                                      \
  /* grouped/dilated/plain convolution, full epilogue */                                   \
  PACKED(Conv, 0, "conv", conv_packed)                                                     \
  /* depthwise convolution, full epilogue */                                               \
  PACKED(ConvDepthwise, 1, "conv depthwise", conv_depthwise)                               \
  /* any spatial rank 1..3, any groups: the slow path that has no holes */                 \
  KERNEL(ConvDirect, 2, "conv direct", conv_direct)                                        \
  /* spatial rank 1..3 */                                                                  \
  KERNEL(ConvTranspose, 3, "conv transpose", conv_transpose_direct)                        \
  /* batched, B packed (constant) or not, full epilogue */                                 \
  KERNEL(MatMul, 4, "matmul", matmul)                                                      \
  /* max/average, spatial rank 1..3 */                                                     \
  KERNEL(Pool, 5, "pool", pool)                                                            \
  /* f32 element-wise program over broadcast operands */                                   \
  KERNEL(Pointwise, 6, "pointwise", pointwise)                                             \
  /* one element-wise operation on any type */                                             \
  KERNEL(Elementwise, 7, "elementwise", elementwise)                                       \
  KERNEL(Reduce, 8, "reduce", reduce)                                                      \
  KERNEL(ArgReduce, 9, "arg_reduce", arg_reduce)                                           \
  KERNEL(TopK, 10, "top_k", top_k)                                                         \
  KERNEL(Softmax, 11, "softmax", softmax)                                                  \
  KERNEL(InstanceNorm, 12, "instance_norm", instance_norm)                                 \
  KERNEL(LayerNorm, 13, "layer_norm", layer_norm)                                          \
  KERNEL(Lrn, 14, "lrn", lrn)                                                              \
  /* strided copy: transpose, slice, expand, tile, concat part, depth/space */             \
  KERNEL(Copy, 15, "copy", copy)                                                           \
  /* constant, reflect, edge */                                                            \
  KERNEL(Pad, 16, "pad", pad)                                                              \
  KERNEL(Gather, 17, "gather", gather)                                                     \
  KERNEL(Resize, 18, "resize", resize)                                                     \
  /* ONNX NonMaxSuppression */                                                             \
  KERNEL(Nms, 19, "nms", nms)                                                              \
  KERNEL(Cast, 20, "cast", cast)                                                           \
  /* camera frame -> network input */                                                      \
  KERNEL(Preprocess, 21, "preprocess", preprocess)                                         \
  /* network outputs -> detections in source-frame pixels */                               \
  KERNEL(Decode, 22, "decode", decode)                                                     \
  /* classification scores -> best k classes as detections */                              \
  KERNEL(TopClasses, 23, "top_classes", top_classes)                                       \
  /* segmentation scores -> u8 class mask */                                               \
  KERNEL(ArgmaxMask, 24, "argmax_mask", argmax_mask)                                       \
  /* coefficients and prototypes -> a u8 mask of each detection */                         \
  KERNEL(DetectionMasks, 25, "detection_masks", detection_masks)                           \
  /* keypoints of each detection in source-frame pixels */                                 \
  KERNEL(DetectionKeypoints, 26, "detection_keypoints", detection_keypoints)               \
  /* rotated box of each detection in source-frame pixels */                               \
  KERNEL(RotatedBoxes, 27, "rotated_boxes", rotated_boxes)                                 \
  /* sums or products of what came before along an axis */                                 \
  KERNEL(Cumulative, 28, "cumulative", cumulative)                                         \
  /* on 8-bit integers (params/quantized.h): grouped/dilated/plain */                      \
  PACKED(QuantizedConv, 29, "quantized conv", quantized_conv)                              \
  PACKED(QuantizedConvDepthwise, 30, "quantized conv depthwise", quantized_conv_depthwise) \
  /* batched, B packed */                                                                  \
  PACKED(QuantizedMatMul, 31, "quantized matmul", quantized_matmul)                        \
  /* conversion among f32, u8 and i8 */                                                    \
  PACKED(Requantize, 32, "requantize", requantize)                                         \
  PACKED(QuantizedPool, 33, "quantized pool", quantized_pool)                              \
  /* element-wise program whose operands and result are f32, u8 or i8 */                   \
  PACKED(QuantizedPointwise, 34, "quantized pointwise", quantized_pointwise)

enum class KernelId : uint16_t {
#define STINT_KERNEL(id, number, name, function) k##id = number,
  STINT_KERNELS(STINT_KERNEL, STINT_KERNEL)
#undef STINT_KERNEL
};

#define STINT_KERNEL(id, number, name, function) +1
inline constexpr uint16_t kKernelCount = 0 STINT_KERNELS(STINT_KERNEL, STINT_KERNEL);
#undef STINT_KERNEL

}  // namespace stint
