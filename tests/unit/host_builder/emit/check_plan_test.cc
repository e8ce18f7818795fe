#include "host_builder/emit/check_plan.h"

#include <doctest/doctest.h>

#include <string>

#include "host_builder/support/error.h"
#include "tests/support/tiny_plan.h"

using namespace stint;

namespace {

std::string refusal(const test::AlignedBytes& file) {
  try {
    builder::check_plan({file.data(), file.size()});
  } catch (const builder::BuildError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a plan that the runtime takes passes, wherever its bytes lie") {
  const test::AlignedBytes file = test::write_plan(test::tiny_plan({1, 3}));
  CHECK(refusal(file) == "");
  test::AlignedBytes shifted(file.size() + 8);
  std::memcpy(shifted.data() + 8, file.data(), file.size());
  CHECK_NOTHROW(builder::check_plan({shifted.data() + 8, file.size()}));
}

TEST_CASE("a plan that the runtime would refuse is a bug of the builder, to be reported") {
  test::PlanSpec spec = test::tiny_plan();
  test::ProgramSpec& program = spec.variants[0].programs[0];
  std::string cause;
  SUBCASE("a step whose output overlaps its input") {
    program.steps[1].outputs = program.steps[1].inputs;
    program.tensors.push_back(program.tensors[2]);
    program.tensors[4].shape.back() -= 1;
    program.tensors[4].offset += 4;
    program.steps[1].outputs = {4};
    cause = "overlaps an input";
  }
  SUBCASE("what only a kernel's own check finds") {
    program.steps[0].params.resize(3);
    cause = "parameter block";
  }
  SUBCASE("memory that no session can have") {
    for (int i = 0; i < 2; ++i) program.arenas.push_back({~uint64_t{0} - 8192});
    cause = "does not fit";
  }
  SUBCASE("machine code that is none") {
    spec.segments.push_back({{1, 2, 3}, SegmentKind::kCubin});
    cause = "machine code";
  }
  const std::string text = refusal(test::write_plan(spec));
  CAPTURE(text);
  CHECK(text.find(cause) != std::string::npos);
  CHECK(text.find("bug of the builder") != std::string::npos);
  CHECK(text.find("please report it with the model") != std::string::npos);
}
