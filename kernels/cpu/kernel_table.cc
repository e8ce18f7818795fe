// The one list of CPU kernels. Order follows KernelId.
#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

constexpr KernelEntry kTable[kKernelCount] = {
    /* kConv */ {"conv", check_conv_packed, run_conv_packed},
    /* kConvDepthwise */ {"conv depthwise", check_conv_depthwise, run_conv_depthwise},
    /* kConvDirect */ {"conv direct", check_conv_direct, run_conv_direct},
    /* kConvTranspose */ {"conv transpose", check_conv_transpose_direct, run_conv_transpose_direct},
    /* kMatMul */ {"matmul", check_matmul, run_matmul},
    /* kPool */ {"pool", check_pool, run_pool},
    /* kPointwise */ {"pointwise", check_pointwise, run_pointwise},
    /* kElementwise */ {"elementwise", check_elementwise, run_elementwise},
    /* kReduce */ {"reduce", check_reduce, run_reduce},
    /* kArgReduce */ {"arg_reduce", check_arg_reduce, run_arg_reduce},
    /* kTopK */ {"top_k", check_top_k, run_top_k},
    /* kSoftmax */ {"softmax", check_softmax, run_softmax},
    /* kInstanceNorm */ {"instance_norm", check_instance_norm, run_instance_norm},
    /* kLayerNorm */ {"layer_norm", check_layer_norm, run_layer_norm},
    /* kLrn */ {"lrn", check_lrn, run_lrn},
    /* kCopy */ {"copy", check_copy, run_copy},
    /* kPad */ {"pad", check_pad, run_pad},
    /* kGather */ {"gather", check_gather, run_gather},
    /* kResize */ {"resize", check_resize, run_resize},
    /* kNms */ {"nms", check_nms, run_nms},
    /* kCast */ {"cast", check_cast, run_cast},
    /* kPreprocess */ {"preprocess", check_preprocess, run_preprocess},
    /* kDecode */ {"decode", check_decode, run_decode},
    /* kTopClasses */ {"top_classes", check_top_classes, run_top_classes},
    /* kArgmaxMask */ {"argmax_mask", check_argmax_mask, run_argmax_mask},
    /* kDetectionMasks */ {"detection_masks", check_detection_masks, run_detection_masks},
    /* kDetectionKeypoints */
    {"detection_keypoints", check_detection_keypoints, run_detection_keypoints},
    /* kRotatedBoxes */ {"rotated_boxes", check_rotated_boxes, run_rotated_boxes},
    /* kQuantizedConv */ {"quantized conv", check_quantized_conv, run_quantized_conv},
    /* kQuantizedConvDepthwise */
    {"quantized conv depthwise", check_quantized_conv_depthwise, run_quantized_conv_depthwise},
    /* kQuantizedMatMul */ {"quantized matmul", check_quantized_matmul, run_quantized_matmul},
    /* kQuantizedPool */ {"quantized pool", check_quantized_pool, run_quantized_pool},
    /* kQuantizedPointwise */
    {"quantized pointwise", check_quantized_pointwise, run_quantized_pointwise},
    /* kRequantize */ {"requantize", check_requantize, run_requantize},
};

}  // namespace

const KernelEntry* find_kernel(uint16_t id) {
  if (id >= kKernelCount || kTable[id].run == nullptr) return nullptr;
  return &kTable[id];
}

}  // namespace stint::cpu
