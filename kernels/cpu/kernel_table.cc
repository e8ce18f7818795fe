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
    /* kElementwise */ {},
    /* kReduce */ {},
    /* kArgReduce */ {},
    /* kTopK */ {},
    /* kSoftmax */ {},
    /* kInstanceNorm */ {},
    /* kLayerNorm */ {},
    /* kLrn */ {},
    /* kCopy */ {"copy", check_copy, run_copy},
    /* kPad */ {},
    /* kGather */ {},
    /* kResize */ {},
    /* kNms */ {},
    /* kCast */ {},
    /* kPreprocess */ {},
    /* kDecode */ {},
    /* kTopClasses */ {},
    /* kArgmaxMask */ {},
};

}  // namespace

const KernelEntry* find_kernel(uint16_t id) {
  if (id >= kKernelCount || kTable[id].run == nullptr) return nullptr;
  return &kTable[id];
}

}  // namespace stint::cpu
