#include "host_builder/emit/weight_orders.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "host_builder/emit/describe.h"
#include "tests/support/tiny_plan.h"

namespace stint::builder {
namespace {

/// Two batch sizes whose only constant has these names; the second program's lies at `offset`.
std::vector<std::byte> plan_of(const std::string& first, const std::string& second,
                               uint64_t offset) {
  test::PlanSpec spec = test::tiny_plan({1, 2});
  spec.segments[0].bytes.resize(256);
  std::vector<test::ProgramSpec>& programs = spec.variants[0].programs;
  programs[0].tensors[1].name = first;
  programs[1].tensors[1].name = second;
  programs[1].tensors[1].offset = offset;
  const test::AlignedBytes file = test::write_plan(spec);
  return {file.data(), file.data() + file.size()};
}

nlohmann::json weights_of(const std::vector<std::byte>& plan) {
  return describe_json(plan).at("targets")[0].at("weights");
}

}  // namespace

TEST_CASE("weights that two batch sizes want in two orders are counted apart") {
  // 12 bytes for batch 1, 24 for batch 2.
  const auto shared = weights_of(plan_of("w.gemm", "w.gemm", 0));
  CHECK(shared.at("bytes") == 24);
  CHECK(shared.at("other_order_bytes") == 0);
  const auto two = weights_of(plan_of("w.gemm", "w.wgmma", 64));
  CHECK(two.at("bytes") == 36);
  CHECK(two.at("other_order_bytes") == 24);
  const auto overlapping = weights_of(plan_of("w.gemm", "w.wgmma", 8));
  CHECK(overlapping.at("bytes") == 32);
  CHECK(overlapping.at("other_order_bytes") == 20);
  // The same order with other values: a constant that depends on the batch.
  const auto other_values = weights_of(plan_of("w.gemm", "w.gemm", 64));
  CHECK(other_values.at("bytes") == 36);
  CHECK(other_values.at("other_order_bytes") == 0);
}

TEST_CASE("the description says so in words, where there is something to say") {
  const std::string two = describe_text(plan_of("w.gemm", "w.wgmma", 64));
  CHECK(two.find("of which 24 B a second order of the same weights") != std::string::npos);
  const std::string one = describe_text(plan_of("w.gemm", "w.gemm", 0));
  CHECK(one.find("weights: ") != std::string::npos);
  CHECK(one.find("second order") == std::string::npos);
}

}  // namespace stint::builder
