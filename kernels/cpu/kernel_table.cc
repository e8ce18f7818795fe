// The one list of CPU kernels. Order follows KernelId.
#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

constexpr KernelEntry kTable[kKernelCount] = {
    /* kConv */ {},
    /* kConvDepthwise */ {},
    /* kConvDirect */ {},
    /* kConvTranspose */ {},
    /* kMatMul */ {},
    /* kPool */ {},
    /* kPointwise */ {},
    /* kElementwise */ {"elementwise", check_elementwise, run_elementwise},
    /* kReduce */ {"reduce", check_reduce, run_reduce},
    /* kArgReduce */ {},
    /* kTopK */ {},
    /* kSoftmax */ {},
    /* kInstanceNorm */ {},
    /* kLayerNorm */ {},
    /* kLrn */ {},
    /* kCopy */ {"copy", check_copy, run_copy},
    /* kPad */ {},
    /* kGather */ {"gather", check_gather, run_gather},
    /* kResize */ {},
    /* kNms */ {},
    /* kCast */ {"cast", check_cast, run_cast},
    /* kPreprocess */ {"preprocess", check_preprocess, run_preprocess},
    /* kDecode */ {"decode", check_decode, run_decode},
    /* kTopClasses */ {"top_classes", check_top_classes, run_top_classes},
    /* kArgmaxMask */ {"argmax_mask", check_argmax_mask, run_argmax_mask},
};

}  // namespace

const KernelEntry* find_kernel(uint16_t id) {
  if (id >= kKernelCount || kTable[id].run == nullptr) return nullptr;
  return &kTable[id];
}

}  // namespace stint::cpu
