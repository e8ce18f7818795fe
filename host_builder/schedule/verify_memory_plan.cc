// Shares nothing with the planner on purpose: pairwise comparison of what was asked with what was
// given.
#include <algorithm>
#include <string>

#include "host_builder/schedule/memory_planner.h"
#include "host_builder/support/error.h"

namespace stint::builder {

void verify_memory_plan(const std::vector<BufferRequest>& requests, const MemoryPlan& plan) {
  if (plan.offsets.size() != requests.size()) {
    throw BuildError("memory plan: " + std::to_string(plan.offsets.size()) + " offsets for " +
                     std::to_string(requests.size()) + " buffers");
  }
  Findings findings;
  for (size_t i = 0; i < requests.size(); ++i) {
    const BufferRequest& a = requests[i];
    if (a.bytes == 0) continue;
    const uint64_t a_begin = plan.offsets[i];
    if (a.alignment == 0 || a_begin % a.alignment != 0) {
      findings.add("buffer " + std::to_string(i) + " at " + std::to_string(a_begin) +
                   " is not aligned to " + std::to_string(a.alignment));
    }
    if (a_begin > plan.peak || a.bytes > plan.peak - a_begin) {
      findings.add("buffer " + std::to_string(i) + " at " + std::to_string(a_begin) + " with " +
                   std::to_string(a.bytes) + " bytes ends beyond the peak of " +
                   std::to_string(plan.peak));
    }
    for (size_t k = 0; k < i; ++k) {
      const BufferRequest& b = requests[k];
      const uint64_t b_begin = plan.offsets[k];
      const bool alive_together = b.bytes > 0 && a.first <= b.last && b.first <= a.last;
      if (alive_together && a_begin < b_begin + b.bytes && b_begin < a_begin + a.bytes) {
        findings.add("buffers " + std::to_string(k) + " and " + std::to_string(i) +
                     " are alive at the same step and overlap at " +
                     std::to_string(std::max(a_begin, b_begin)));
      }
    }
  }
  findings.raise("the memory plan is wrong (a fault of the planner, please report it):");
}

}  // namespace stint::builder
