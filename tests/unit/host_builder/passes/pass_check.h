// Runs one pass on a graph and checks that the graph stays valid and means the same.
#pragma once

#include <doctest/doctest.h>

#include "graph_maker.h"
#include "host_builder/passes/passes.h"
#include "tests/support/pass_context.h"
#include "tests/support/reference_evaluator.h"

namespace stint::builder::test {

inline size_t run_pass(Graph& graph, const Pass& pass, double tolerance = 1e-5) {
  const Tensors inputs = random_inputs(graph, 7);
  verify(graph);
  const Tensors before = evaluate_reference(graph, inputs);
  const size_t changes = pass.run(graph, on_cpu());
  INFO(to_text(graph));
  CHECK_NOTHROW(verify(graph));
  CHECK(difference(before, evaluate_reference(graph, inputs)) <= tolerance);
  return changes;
}

}  // namespace stint::builder::test
