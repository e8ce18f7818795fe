#include "host_builder/schedule/packing_problem.h"

#include <algorithm>
#include <limits>
#include <string>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

// Sums of up to 2^16 buffers of this size stay far from overflow, and no device has such memory.
constexpr uint64_t kLargestBuffer = uint64_t{1} << 46;
constexpr uint64_t kLargestAlignment = uint64_t{1} << 20;

void check_request(const BufferRequest& request, size_t index) {
  const std::string where = "memory planner: buffer " + std::to_string(index);
  if (request.last < request.first) {
    throw BuildError(where + " ends at step " + std::to_string(request.last) +
                     ", before it begins at step " + std::to_string(request.first));
  }
  if (request.alignment == 0 || request.alignment > kLargestAlignment) {
    throw BuildError(where + " has alignment " + std::to_string(request.alignment) + "; 1 to " +
                     std::to_string(kLargestAlignment) + " is possible");
  }
  if (request.bytes > kLargestBuffer) {
    throw BuildError(where + " has " + std::to_string(request.bytes) + " bytes; at most " +
                     std::to_string(kLargestBuffer) + " are possible");
  }
}

// Stacked buffers waste their padding to the next multiple of the alignment, all but the topmost
// one.
uint64_t stacked_bytes(const PackingProblem& problem, const std::vector<uint32_t>& section) {
  if (section.empty()) return 0;
  uint64_t alignment = std::numeric_limits<uint64_t>::max();
  for (uint32_t i : section) alignment = std::min(alignment, problem.items[i].alignment);
  uint64_t sum = 0, most_padding = 0;
  for (uint32_t i : section) {
    const uint64_t bytes = problem.items[i].bytes;
    sum += round_up(bytes, alignment);
    most_padding = std::max(most_padding, round_up(bytes, alignment) - bytes);
  }
  return sum - most_padding;
}

}  // namespace

PackingProblem make_packing_problem(const std::vector<BufferRequest>& requests) {
  PackingProblem problem;
  std::vector<int64_t> starts;
  for (size_t i = 0; i < requests.size(); ++i) {
    check_request(requests[i], i);
    if (requests[i].bytes > 0) starts.push_back(requests[i].first);
  }
  // The live set is largest at a step where some buffer begins, so those steps are sections enough:
  // every other step's live set is contained in the set at the nearest earlier beginning.
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  problem.sections.resize(starts.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const BufferRequest& request = requests[i];
    if (request.bytes == 0) continue;
    PackingItem item;
    item.bytes = request.bytes;
    item.alignment = request.alignment;
    item.first = static_cast<uint32_t>(
        std::lower_bound(starts.begin(), starts.end(), request.first) - starts.begin());
    item.last = static_cast<uint32_t>(std::upper_bound(starts.begin(), starts.end(), request.last) -
                                      starts.begin()) -
                1;
    const auto index = static_cast<uint32_t>(problem.items.size());
    for (uint32_t s = item.first; s <= item.last; ++s) problem.sections[s].push_back(index);
    problem.items.push_back(item);
    problem.request.push_back(static_cast<uint32_t>(i));
  }
  problem.conflicts.resize(problem.items.size());
  for (uint32_t i = 0; i < problem.items.size(); ++i) {
    for (uint32_t k = 0; k < problem.items.size(); ++k) {
      if (k == i) continue;
      const PackingItem &a = problem.items[i], &b = problem.items[k];
      if (a.first <= b.last && b.first <= a.last) problem.conflicts[i].push_back(k);
    }
  }
  for (const std::vector<uint32_t>& section : problem.sections) {
    problem.lower_bound = std::max(problem.lower_bound, stacked_bytes(problem, section));
  }
  return problem;
}

uint64_t peak_of(const PackingProblem& problem, const Offsets& offsets) {
  uint64_t peak = 0;
  for (size_t i = 0; i < problem.size(); ++i)
    peak = std::max(peak, offsets[i] + problem.items[i].bytes);
  return peak;
}

}  // namespace stint::builder
