#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

constexpr KernelEntry kTable[] = {
#define STINT_KERNEL(id, number, name, function) {name, check_##function, run_##function},
    STINT_KERNELS(STINT_KERNEL, STINT_KERNEL)
#undef STINT_KERNEL
};

// Plans index the table.
constexpr uint16_t kNumbers[] = {
#define STINT_KERNEL(id, number, name, function) number,
    STINT_KERNELS(STINT_KERNEL, STINT_KERNEL)
#undef STINT_KERNEL
};
constexpr bool are_in_order() {
  for (uint16_t i = 0; i < kKernelCount; ++i)
    if (kNumbers[i] != i) return false;
  return true;
}
static_assert(are_in_order(), "STINT_KERNELS must list the numbers 0, 1, 2... in their order");

}  // namespace

const KernelEntry* find_kernel(uint16_t id) { return id < kKernelCount ? &kTable[id] : nullptr; }

}  // namespace stint::cpu
