// Targets, and which of them a device runs.
#include <doctest/doctest.h>

#include <string>

#include "core/include/stint/device.hpp"
#include "core/include/stint/stint.hpp"
#include "tests/support/cuda_twin.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;
using test::FakeCuda;

namespace {

test::PlanSpec only_cuda(const test::PlanSpec& both) {
  test::PlanSpec spec = both;
  spec.variants.erase(spec.variants.begin());
  return spec;
}

struct Opened {
  explicit Opened(const test::PlanSpec& spec) : file(test::write_plan(spec)) {
    REQUIRE(ok(plan.open(file.data(), file.size())));
  }
  AlignedBytes file;
  Plan plan;
};

}  // namespace

TEST_CASE("targets say what they are for") {
  FakeCuda fake;
  const Opened open(test::with_cuda_twin(test::tiny_plan(), &fake));
  REQUIRE(open.plan.target_count() == 2);
  TargetInfo info;
  REQUIRE(ok(open.plan.target(0, &info)));
  CHECK(std::string(info.name) == "cpu");
  CHECK(info.kind == STINT_DEVICE_CPU);
  CHECK(info.sm == 0);
  REQUIRE(ok(open.plan.target(1, &info)));
  CHECK(info.index == 1);
  CHECK(std::string(info.name) == test::kTwinTarget);
  CHECK(info.kind == STINT_DEVICE_CUDA);
  CHECK(info.sm == 87);
  CHECK(info.min_driver == 12060);
  const stint_status none = open.plan.target(2, &info);
  CHECK(none.code == STINT_INVALID_ARGUMENT);
  CHECK(none.detail_kind == STINT_DETAIL_TARGET);
  CHECK(none.found == 2);
  CHECK(none.needed == 2);
  CHECK(fake.calls() == 0);
}

TEST_CASE("any device: the first GPU that the plan holds machine code for, else the CPU") {
  FakeCuda fake;
  const Opened both(test::with_cuda_twin(test::tiny_plan(), &fake)), cpu(test::tiny_plan());
  fake.devices = 3;
  TargetInfo info;
  REQUIRE(ok(both.plan.choose_target(STINT_DEVICE_ANY, 9, &info)));
  CHECK(info.index == 1);
  CHECK(info.device == 0);
  REQUIRE(ok(both.plan.choose_target(STINT_DEVICE_CUDA, 2, &info)));
  CHECK(info.device == 2);
  REQUIRE(ok(both.plan.choose_target(STINT_DEVICE_CPU, 2, &info)));
  CHECK(info.index == 0);
  CHECK(info.device == 0);
  REQUIRE(ok(cpu.plan.choose_target(STINT_DEVICE_ANY, 0, &info)));
  CHECK(info.kind == STINT_DEVICE_CPU);
  fake.sm = 90;
  REQUIRE(ok(both.plan.choose_target(STINT_DEVICE_ANY, 0, &info)));
  CHECK(info.kind == STINT_DEVICE_CPU);
  const stint_status status = both.plan.choose_target(STINT_DEVICE_CUDA, 1, &info);
  CHECK(status.code == STINT_NO_SUCH_TARGET);
  CHECK(status.found == 90);
}

TEST_CASE("a plan for GPUs alone says what is wrong with the device there is") {
  FakeCuda fake;
  const Opened gpu(only_cuda(test::with_cuda_twin(test::tiny_plan(), &fake)));
  TargetInfo info;
  CHECK(gpu.plan.choose_target(STINT_DEVICE_CPU, 0, &info).code == STINT_NO_SUCH_TARGET);
  fake.sm = 90;
  const stint_status other = gpu.plan.choose_target(STINT_DEVICE_ANY, 0, &info);
  CHECK(other.code == STINT_NO_SUCH_TARGET);
  CHECK(other.found == 90);
  fake.devices = 0;
  CHECK(gpu.plan.choose_target(STINT_DEVICE_ANY, 0, &info).code == STINT_CUDA_UNAVAILABLE);
  CHECK(gpu.plan.choose_target(STINT_DEVICE_CUDA, 0, &info).code == STINT_CUDA_UNAVAILABLE);
}

TEST_CASE("a kind of device that is none is refused") {
  const Opened open(test::tiny_plan());
  TargetInfo info;
  CHECK(open.plan.choose_target(static_cast<stint_device_kind>(3), 0, &info).code ==
        STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_choose_target(nullptr, STINT_DEVICE_CPU, 0, &info).code ==
        STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_choose_target(open.plan.get(), STINT_DEVICE_CPU, 0, nullptr).code ==
        STINT_INVALID_ARGUMENT);
}

TEST_CASE("devices as people name them") {
  DeviceName device;
  for (const char* text : {"auto", "cpu", "cuda:0", "cuda:7", "cuda:999"}) {
    REQUIRE(device.parse(text));
    CHECK(device.text() == text);
  }
  REQUIRE(device.parse("cuda"));
  CHECK(device.text() == "cuda:0");
  for (const char* text : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "CPU", "cuda:1 "})
    CHECK_FALSE(device.parse(text));
  CHECK(device.text() == "cuda:0");  // as before
}
