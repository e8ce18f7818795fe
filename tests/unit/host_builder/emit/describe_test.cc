#include "host_builder/emit/describe.h"

#include <doctest/doctest.h>

#include <cstring>

#include "../schedule/graph_maker.h"
#include "host_builder/emit/plan_writer.h"
#include "host_builder/support/error.h"
#include "plan_schema/file_format.h"

using namespace stint;
using namespace stint::builder;

namespace {

// Two branches of which both live until they are added, so that the arena holds something.
std::vector<std::byte> plan_of_two_branches(const std::string& layer) {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 64});
  const ValueId a = m.unary(EltOp::kNeg, x, layer);
  const ValueId b = m.unary(EltOp::kExp, a, "b");
  const ValueId c = m.binary(EltOp::kAdd, b, m.constant("w", {1, 64}, 2.0f), "c");
  const ValueId d = m.binary(EltOp::kMul, a, c, "d");
  const ValueId y = m.graph.add_value("y", DType::kF32, {1, 1});
  Node sum;
  sum.name = "sum";
  sum.op = Op::kReduce;
  sum.attributes = ReduceAttributes{ReduceOp::kSum, {1}, true};
  sum.inputs = {d};
  sum.outputs = {y};
  m.graph.add_node(sum);
  m.output(y);
  const Schedule schedule = make_schedule(m.graph);
  PlanContents contents;
  contents.name = "two <branches>";
  contents.labels = {"zero", "one"};
  contents.variants = {{find_target("cpu"), {{&m.graph, &schedule}}}};
  return write_plan(contents);
}

}  // namespace

TEST_CASE("a description tells sizes, bindings, steps and the memory map") {
  const nlohmann::json description = describe_json(plan_of_two_branches("a"));
  CHECK(description["name"] == "two <branches>");
  CHECK(description["labels"].size() == 2);
  CHECK(description["segments"][0]["bytes"] == 256);
  const auto& program = description["targets"][0]["programs"][0];
  CHECK(program["inputs"][0]["shape"] == std::vector<int>{1, 64});
  CHECK(program["outputs"][0]["bytes"] == 4);
  REQUIRE(program["steps"].size() == 5);
  CHECK(program["steps"][4]["kernel"] == "reduce");
  CHECK(program["steps"][4]["name"] == "sum");
  CHECK_FALSE(program["steps"][4]["tactic"].get<std::string>().empty());
  CHECK(program["steps"][1]["provenance"] == "predicted");
  CHECK(program["peak_bytes"] == 512);
  REQUIRE(program["memory_map"].size() == 2);
  const auto& a = program["memory_map"][0];
  CHECK(a["tensors"] == std::vector<std::string>{"a", "d"});  // in place
  CHECK(a["first_step"] == 0);
  CHECK(a["last_step"] == 4);
  CHECK(program["memory_map"][1]["tensors"] == std::vector<std::string>{"b", "c"});
}

TEST_CASE("text and page come from the same facts") {
  const std::vector<std::byte> plan = plan_of_two_branches("a");
  const std::string text = describe_text(plan);
  for (const char* expected : {"target cpu", "batch 1: 5 steps", "f32[1x64]",
                               "peak / lower bound 1.000", "memory map", "2 labels: zero, one"}) {
    CAPTURE(expected);
    CHECK(text.find(expected) != std::string::npos);
  }
  const std::string page = describe_html(plan);
  CHECK(page.find("two &lt;branches&gt;") != std::string::npos);
  CHECK(page.find("<branches>") == std::string::npos);
  CHECK(page.find("<rect") != std::string::npos);
  CHECK(page.find("http") == std::string::npos);  // nothing is fetched
}

TEST_CASE("names that are no text cannot break a description") {
  const std::vector<std::byte> plan = plan_of_two_branches("bad\x1b[31m\xff\xed\xa0\x80");
  const std::string json = describe_json(plan).dump();
  CHECK(json.find("bad?[31m??") != std::string::npos);
  CHECK(describe_text(plan).find('\x1b') == std::string::npos);
}

TEST_CASE("what is no sound plan is refused with the reason") {
  CHECK_THROWS_AS(describe_json({}), BuildError);
  std::vector<std::byte> plan = plan_of_two_branches("a");
  plan[sizeof(FileHeader) + 100] ^= std::byte{1};
  CHECK_THROWS_WITH_AS(describe_text(plan), doctest::Contains("not a sound plan"), BuildError);
  plan.resize(plan.size() / 2);
  CHECK_THROWS_WITH_AS(describe_text(plan), doctest::Contains("truncated-plan"), BuildError);
}
