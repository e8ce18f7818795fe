#include "host_builder/emit/check_plan.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "host_builder/support/error.h"
#include "plan_schema/file_format.h"

namespace stint::builder {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};

std::unique_ptr<void, Free> aligned_copy(std::span<const std::byte> plan) {
  const size_t bytes =
      (plan.size() + kLargeSegmentAlignment - 1) / kLargeSegmentAlignment * kLargeSegmentAlignment;
  std::unique_ptr<void, Free> copy(std::aligned_alloc(kLargeSegmentAlignment, bytes));
  if (copy == nullptr) {
    throw BuildError("there is not enough memory to check the plan: " + std::to_string(bytes) +
                     " bytes are needed; close other programs, or build fewer targets or batch "
                     "sizes into one plan");
  }
  std::memcpy(copy.get(), plan.data(), plan.size());
  return copy;
}

[[noreturn]] void refuse(const std::string& where, const stint_status& status) {
  throw BuildError(
      "the runtime would refuse the plan that was just built" + where + ":\n  - " +
      describe(status) +
      "\nNothing was written. This is a bug of the builder, not of your model; please report it "
      "with the model (or the part of it that shows the fault), the whole command line and this "
      "message. Until it is mended, the build may succeed with --disable-pass alias, or with "
      "another precision or batch size");
}

}  // namespace

void check_plan(std::span<const std::byte> plan) {
  const std::unique_ptr<void, Free> bytes = aligned_copy(plan);
  Plan opened;
  if (const stint_status status = opened.open(bytes.get(), plan.size()); !ok(status))
    refuse("", status);
  for (uint32_t i = 0; i < opened.target_count(); ++i) {
    TargetInfo target;
    Requirements needed;
    std::vector<uint32_t> batches;
    stint_status status = opened.target(i, &target);
    if (ok(status)) status = Engine::requirements(opened, target.name, Options(), &needed);
    if (ok(status)) status = list_batches(opened, target.name, &batches);
    if (!ok(status)) refuse(" (target " + std::to_string(i) + ")", status);
    for (const uint32_t batch : batches) {
      Program program;
      status = program.open(opened, target.name, batch);
      if (ok(status)) status = program.requirements(Options(), &needed);
      if (!ok(status))
        refuse(" (target " + std::string(target.name) + ", batch " + std::to_string(batch) + ")",
               status);
    }
  }
}

}  // namespace stint::builder
