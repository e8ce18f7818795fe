#include "host_builder/tune/tuner.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/schedule/launch_edges.h"
#include "host_builder/support/error.h"
#include "host_builder/tune/build_tactics.h"
#include "host_builder/tune/probe.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/host_builder/schedule/graph_maker.h"

using namespace stint;
using namespace stint::builder;

namespace {

// A family whose tactics differ in their kernels' names, which is what the fake agent goes by.
std::vector<Tactic> fake_tactics(const Graph&, const Node&, const Target&) {
  return {{"alpha", 1}, {"beta", 2}, {"gamma", 3}};
}

StepSpec fake_lower(Graph& graph, const Node& node, const Target&, const Tactic& tactic) {
  StepSpec step;
  step.inputs = node.inputs;
  step.inputs.push_back(graph.add_constant(graph.unique_name("packed"), DType::kF32, {1024},
                                           std::vector<float>(1024, 0.5f)));
  step.outputs = node.outputs;
  step.workspace_bytes = 256;
  step.state_bytes = 4;
  GpuLaunch launch;
  launch.symbol = "k_" + tactic.id + "_" + op_name(node.op);
  launch.source = "extern \"C\" __global__ void " + launch.symbol + "() {}\n";
  step.launch = std::move(launch);
  return step;
}

const Family kFake = {"fake", fake_tactics, fake_lower};

std::vector<Candidate> fake_candidates(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Candidate> candidates;
  for (Tactic& tactic : fake_tactics(graph, node, target))
    candidates.push_back({&kFake, std::move(tactic)});
  return candidates;
}

/// y = abs(exp(x) + exp(exp(x))): three kinds of layers, of which exp is there twice.
Graph small_graph() {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 8});
  const ValueId a = m.unary(EltOp::kExp, x, "a");
  const ValueId b = m.unary(EltOp::kExp, a, "b");
  const ValueId c = m.binary(EltOp::kAdd, a, b, "c");
  m.output(m.unary(EltOp::kAbs, c, "y"));
  return m.graph;
}

const Target& target() { return find_target("sm_90"); }

bool can_compile() {
  if (!nvrtc_version(target().gpu.nvrtc).empty()) return true;
  MESSAGE("skipped: the CUDA compiler library of this family is not installed");
  return false;
}

std::string fake_agent(const std::string& arguments) {
  return std::string(STINT_FAKE_AGENT) + " " + arguments;
}

struct Tuned {
  TacticFile file;
  TuneReport report;
};

Tuned tuned_by(const std::string& agent_arguments, TacticFile file = {}) {
  Tuned tuned;
  tuned.file = std::move(file);
  AgentLink agent(fake_agent(agent_arguments));
  const TacticChooser chooser(target(), tuned.file, fake_candidates);
  const Graph graph = small_graph();
  tuned.report = Tuner(agent, chooser, tuned.file, {}).tune({&graph});
  return tuned;
}

/// Chosen tactics in the order of the steps.
std::vector<std::string> choices(const TacticFile& file, TacticCounts* counts = nullptr) {
  const TacticChooser chooser(target(), file, fake_candidates);
  const Graph graph = small_graph();
  std::vector<std::string> ids;
  for (const NodeId id : graph.order())
    ids.push_back(chooser.choose(graph, graph.node(id), counts).candidate.tactic.id);
  return ids;
}

std::vector<std::byte> plan_with(const TacticFile& file) {
  const TacticChooser chooser(target(), file, fake_candidates);
  Graph graph = small_graph();
  ScheduleOptions options;
  options.lowering = [&](Graph& g, const Node& node) { return chooser.lower(g, node); };
  Schedule schedule = make_schedule(graph, options);
  link_launches(schedule, {true, false});
  CodeStore code(target(), 1);
  PlanProgram program = {&graph, &schedule, {}};
  for (const ScheduledStep& step : schedule.steps) {
    code.compile({step.spec.launch->source});
    program.code.push_back(code.at(step.spec.launch->source));
  }
  PlanContents contents;
  contents.name = "small";
  contents.variants = {{target(), {program}}};
  return write_plan(contents);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("without measurements the best predicted tactic is taken") {
  TacticCounts counts;
  CHECK(choices({}, &counts) == Names{"alpha", "alpha", "alpha", "alpha"});
  CHECK(counts.predicted == 4);
}

TEST_CASE("the measured best is taken over the predicted best") {
  if (!can_compile()) return;
  const Tuned tuned = tuned_by("k_alpha=5 k_beta=2 k_gamma=7 k_gamma_Binary=1");
  TacticCounts counts;
  CHECK(choices(tuned.file, &counts) == Names{"beta", "beta", "gamma", "beta"});
  CHECK(counts.measured == 4);
  CHECK(tuned.report.layers == 3);
  CHECK(tuned.report.measured == 3);
  CHECK(tuned.report.timings == 9);
  CHECK(tuned.report.trials.trials == 0);  // nothing is close
  for (const auto& [key, record] : tuned.file.records) {
    CHECK(record.device == TacticDevice{"Fake", 90, 13000});
    CHECK(record.candidates.size() == 3);
    CHECK(!record.in_graph);
    CHECK(!record.pinned);
  }
}

TEST_CASE("a plan says what was measured and what was pinned") {
  if (!can_compile()) return;
  Tuned tuned = tuned_by("k_alpha=5 k_beta=2 k_gamma=7");
  TacticRecord& record = tuned.file.records.begin()->second;
  record.pinned = true;
  record.chosen = "gamma";
  const TacticChooser chooser(target(), tuned.file, fake_candidates);
  Graph graph = small_graph();
  size_t pinned = 0;
  for (const NodeId id : std::vector<NodeId>(graph.order())) {
    const StepSpec step = chooser.lower(graph, Node(graph.node(id)));
    CHECK(step.measured_us == (step.pinned ? 7 : 2));
    CHECK(step.tactic == (step.pinned ? "gamma" : "beta"));
    pinned += step.pinned;
  }
  CHECK(pinned > 0);
}

TEST_CASE("close tactics are decided by the time of the whole program") {
  if (!can_compile()) return;
  // By itself beta wins by a tenth; in the program alpha is faster. Binary's are not close.
  const Tuned tuned =
      tuned_by("k_alpha=2.2 k_beta=2 k_gamma=9 k_alpha_Binary=4 trial:k_alpha_Unary=1");
  CHECK(choices(tuned.file) == Names{"alpha", "alpha", "beta", "alpha"});
  CHECK(tuned.report.trials.trials == 2);
  CHECK(tuned.report.trials.swaps == 2);
  CHECK(tuned.report.trials.before_us == doctest::Approx(8));
  CHECK(tuned.report.trials.after_us == doctest::Approx(5));
  size_t in_graph = 0;
  for (const auto& [key, record] : tuned.file.records) in_graph += record.in_graph;
  CHECK(in_graph == 2);
}

TEST_CASE("not only the second best may win in the program") {
  if (!can_compile()) return;
  const Tuned tuned = tuned_by(
      "k_alpha=2.1 k_beta=2 k_gamma=2.2 k_alpha_Binary=4 k_gamma_Binary=4 trial:k_gamma_Unary=1");
  CHECK(choices(tuned.file) == Names{"gamma", "gamma", "beta", "gamma"});
  CHECK(tuned.report.trials.trials == 4);
  CHECK(tuned.report.trials.swaps == 2);
}

TEST_CASE("the same file gives the same plan, with the agent and without") {
  if (!can_compile()) return;
  const Tuned tuned = tuned_by("k_alpha=1.23456 k_beta=1.2 k_gamma=0.0333");
  const TacticFile read = parse_tactics(tactics_text(tuned.file), "t.json");
  CHECK(read.records == tuned.file.records);
  CHECK(plan_with(read) == plan_with(tuned.file));
  CHECK(plan_with(read) != plan_with({}));
}

TEST_CASE("what a file decides is not measured again; what it names wrongly is") {
  if (!can_compile()) return;
  const test::TemporaryFolder folder;
  const std::string log = folder.path("log");
  const Tuned first = tuned_by("k_alpha=5 k_beta=2 k_gamma=7");
  const Tuned again = tuned_by("--log " + log + " k_alpha=1 k_beta=9", first.file);
  CHECK(again.file.records == first.file.records);
  CHECK(again.report.measured == 0);
  CHECK(again.report.layers == 3);
  std::ifstream stream(log);
  CHECK(std::string(std::istreambuf_iterator<char>(stream), {}).empty());

  TacticFile outdated = first.file;
  TacticRecord& record = outdated.records.begin()->second;
  record.chosen = record.candidates[0].tactic = "a tactic of old";
  TacticCounts counts;
  choices(outdated, &counts);
  CHECK(counts.outdated > 0);
  CHECK(counts.predicted == counts.outdated);
  const Tuned mended = tuned_by("k_alpha=5 k_beta=2 k_gamma=7", outdated);
  CHECK(mended.report.measured == 1);
  CHECK(mended.file.records == first.file.records);
}

TEST_CASE("a candidate that the device refuses is left out; a layer with none is an error") {
  if (!can_compile()) return;
  const Tuned tuned = tuned_by("k_alpha=5 k_beta=0 k_gamma=7");
  CHECK(choices(tuned.file) == Names{"alpha", "alpha", "alpha", "alpha"});
  CHECK(tuned.report.refused == 3);
  CHECK(tuned.report.refusal == "beta: too many resources");
  CHECK_THROWS_WITH_AS(tuned_by("k_=0"),
                       doctest::Contains("runs none of the tactics of Unary(f32[1,8])"),
                       BuildError);
}

TEST_CASE("a device that is not the target's is refused before anything is timed") {
  CHECK_THROWS_WITH_AS(tuned_by("--sm 87"),
                       doctest::Contains("sm_87, the target sm_90 needs sm_90"), BuildError);
  CHECK_THROWS_WITH_AS(tuned_by("--sm 0"), doctest::Contains("no CUDA device, the target sm_90"),
                       BuildError);
  CHECK_THROWS_WITH_AS(tuned_by("--driver 12040"),
                       doctest::Contains("driver for CUDA 12.4, the target sm_90 needs 13.0"),
                       BuildError);
  if (!can_compile()) return;
  const Tuned first = tuned_by("k_alpha=5 k_beta=2 k_gamma=7");
  CHECK_THROWS_WITH_AS(tuned_by("--name Other k_alpha=5", first.file),
                       doctest::Contains("measured on Fake, the agent's device is Other"),
                       BuildError);
}

TEST_CASE("a build writes the file it was given, and needs one agent for one target at least") {
  if (!can_compile()) return;
  const test::TemporaryFolder folder;
  const std::string path = folder.path("tactics.json");
  {
    BuildTactics tactics({path}, fake_agent("k_alpha=5 k_beta=2 k_gamma=7"),
                         {find_target("cpu"), target(), find_target("orin")});
    CHECK(tactics.can_tune(target()));
    CHECK(!tactics.can_tune(find_target("orin")));
    const Graph graph = small_graph();
    const TacticChooser chooser(target(), tactics.file(), fake_candidates);
    CHECK(tactics.tune(chooser, {&graph}, {}).measured == 3);
  }
  CHECK(read_tactics(path).records.size() == 3);
  CHECK(BuildTactics({path}, "", {target()}).file().records.size() == 3);
  CHECK_THROWS_WITH_AS(BuildTactics({path}, fake_agent(""), {find_target("orin")}),
                       doctest::Contains("the target orin needs sm_87"), BuildError);
  CHECK_THROWS_AS(BuildTactics({folder.path("absent")}, "", {target()}), BuildError);
  CHECK_THROWS_AS(BuildTactics({path, path}, fake_agent(""), {target()}), BuildError);
}

TEST_CASE("a probe repeats the layer in a chain, with its constants once") {
  GraphMaker m;
  const ValueId x = m.input("x", {4, 8});
  const ValueId wide = m.graph.add_value("wide", DType::kF32, {4, 16});
  m.unary_into(EltOp::kAbs, x, m.part(wide, 0, 8, "left"));
  m.unary_into(EltOp::kExp, m.part(wide, 0, 8, "left2"), m.part(wide, 8, 8, "right"));
  m.output(wide);
  for (const NodeId id : m.graph.order()) {
    const Node& node = m.graph.node(id);
    const std::optional<Probe> probe =
        make_probe(m.graph, node, target(), fake_candidates(m.graph, node, target()).back());
    REQUIRE(probe);
    REQUIRE(probe->schedule.steps.size() == kProbeCopies);
    REQUIRE(probe->schedule.edges.size() == kProbeCopies - 1);
    for (size_t i = 0; i + 1 < kProbeCopies; ++i) {
      CHECK(probe->schedule.edges[i].from == i);
      CHECK(probe->schedule.edges[i].to == i + 1);
      CHECK(probe->schedule.edges[i].programmatic);
    }
    CHECK(probe->constant_bytes == 4096);
    for (const ScheduledStep& step : probe->schedule.steps) {
      CHECK(step.spec.tactic == "gamma");
      const ScheduledTensor& y = probe->schedule.tensors[step.outputs[0]];
      CHECK(y.shape == Shape{4, 8});
      CHECK(y.strides == Shape{16, 1});
      CHECK(y.offset == (node.name == "right_node" ? 32 : 0));
    }
  }
}
