#include <doctest/doctest.h>

#include <filesystem>

#include "host_builder/builder/pass_list.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/error.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;

namespace {

Graph one_used_and_one_dead_node() {
  Graph graph;
  graph.inputs = {graph.add_value("x", DType::kF32, {1, 4})};
  for (const char* name : {"y", "dead"}) {
    Node node;
    node.name = name;
    node.op = Op::kUnary;
    node.attributes = UnaryAttributes{EltOp::kExp};
    node.inputs = {0};
    node.outputs = {graph.add_value(name, DType::kF32, {1, 4})};
    graph.add_node(node);
  }
  graph.outputs = {1};
  return graph;
}

}  // namespace

TEST_CASE("an unknown pass name is refused and the known ones are listed") {
  Graph graph = one_used_and_one_dead_node();
  PassOptions options;
  options.disabled = {"no-such-pass"};
  try {
    run_passes(graph, all_passes(), test::on_cpu(), options);
    FAIL("accepted");
  } catch (const BuildError& e) {
    CHECK(std::string(e.what()).find("no-such-pass") != std::string::npos);
    CHECK(std::string(e.what()).find("dead-code") != std::string::npos);
  }
}

TEST_CASE("passes report changes, dumps are numbered, a disabled pass does not run") {
  const auto dir = std::filesystem::temp_directory_path() / "stint_run_passes_test";
  std::filesystem::remove_all(dir);
  Graph graph = one_used_and_one_dead_node();
  PassOptions options;
  options.dump_dir = dir;
  const std::vector<PassReport> reports = run_passes(graph, all_passes(), test::on_cpu(), options);
  CHECK(graph.live_node_count() == 1);
  size_t changes = 0;
  for (const PassReport& r : reports)
    if (r.name == "dead-code") changes += r.changes;
  CHECK(changes == 1);
  CHECK(std::filesystem::exists(dir / "00_import.txt"));
  CHECK(std::distance(std::filesystem::directory_iterator(dir), {}) ==
        static_cast<long>(reports.size() + 1));
  std::filesystem::remove_all(dir);
}
