// The harness itself: a right kernel passes, and each kind of wrong one is found.
#include <doctest/doctest.h>

#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using builder::Family;
using builder::Graph;
using builder::Node;
using builder::StepSpec;
using builder::Tactic;
using builder::Target;

namespace {

// y = max(x, 0) over [rows, 5] with baked row strides; `mistake` spoils one thing.
StepSpec relu_step(const Graph& graph, const Node& node, const std::string& mistake) {
  const auto& x = graph.value(node.inputs[0]);
  const auto& y = graph.value(node.outputs[0]);
  const auto stride = [](const builder::Value& v) {
    return std::to_string(v.strides.empty() ? v.shape[1] : v.strides[0]);
  };
  const std::string rows = std::to_string(x.shape[0] - (mistake == "misses a row"));
  StepSpec step;
  step.inputs = node.inputs;
  step.outputs = node.outputs;
  step.state_bytes = 4;
  step.launch.emplace();
  step.launch->symbol = "relu";
  step.launch->block = {static_cast<uint32_t>(x.shape[0]), 1, 1};
  step.launch->source = R"(
#include "stint.cuh"
struct Args { const half_t* x; float* y; int* state; };
extern "C" __global__ void relu(const __grid_constant__ Args args) {
  STINT_LAUNCH_DEPENDENTS();
  STINT_WAIT();
  const int row = threadIdx.x;
  if (row >= )" + rows + R"() return;
  for (int i = 0; i < )" +
                        (mistake == "writes the gap" ? "6" : "5") + R"(; ++i)
    args.y[row * )" + stride(y) +
                        R"( + i] = )" +
                        (mistake == "wrong value" ? "to_float" : "larger_or_nan(0.0f, to_float") +
                        "(args.x[row * " + stride(x) + " + i])" +
                        (mistake == "wrong value" ? ";" : ");") +
                        (mistake == "leaves state" ? "\n  *args.state = 1;" : "") + "\n}\n";
  return step;
}

Family relu_family() {
  return {"relu",
          [](const Graph&, const Node&, const Target&) {
            return std::vector<Tactic>{{"relu", 1.0}};
          },
          [](Graph& graph, const Node& node, const Target&, const Tactic&) {
            return relu_step(graph, node, "");
          }};
}

StepCase relu_case() {
  StepCase c;
  const auto x = c.input("x", DType::kF16, {7, 5}, {.inner = 3, .offset = 8});
  const auto y = c.output("y", DType::kF32, {7, 5}, {.inner = 1});
  c.node.op = builder::Op::kUnary;
  c.node.attributes = builder::UnaryAttributes{EltOp::kRelu};
  c.node.inputs = {x};
  c.node.outputs = {y};
  return c;
}

}  // namespace

TEST_CASE("a right kernel passes on strided operands") {
  if (cannot_check()) return;
  check_family(relu_case(), relu_family());
}

TEST_CASE("every kind of wrong kernel is found") {
  if (cannot_check()) return;
  const StepCase c = relu_case();
  const Graph graph = c.complete();
  const Tensors expected = builder::test::evaluate_reference(graph, c.inputs());
  const Target target = test_target();
  for (const std::string mistake :
       {"", "misses a row", "writes the gap", "wrong value", "leaves state"}) {
    CAPTURE(mistake);
    const StepSpec spec = relu_step(graph, graph.node(graph.order().back()), mistake);
    DeviceStep step(c, graph, spec, *compile_launches({*spec.launch}, target)[0]);
    const std::string wrong = step.run_and_compare(expected, {});
    CAPTURE(wrong);
    CHECK(wrong.empty() == mistake.empty());
  }
}

TEST_CASE("a step is timed in a chain") {
  if (on_host() || no_device()) return;
  TimingOptions few;
  few.repetitions = 3;
  const auto timed = time_family("relu 7x5", relu_case(), relu_family(), 1, few);
  REQUIRE(timed.size() == 1);
  CHECK(timed[0].us > 0.1);
  CHECK(timed[0].us < 1000);
}
