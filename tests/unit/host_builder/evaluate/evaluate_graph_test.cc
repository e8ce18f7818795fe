#include "host_builder/evaluate/evaluate_graph.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "../passes/graph_maker.h"
#include "host_builder/passes/passes.h"
#include "host_builder/support/error.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

HostTensor floats(Shape shape, const std::vector<float>& data) {
  HostTensor t{DType::kF32, std::move(shape), std::vector<std::byte>(data.size() * sizeof(float))};
  std::memcpy(t.data.data(), data.data(), t.data.size());
  return t;
}

}  // namespace

TEST_CASE("a graph is evaluated by name, and every value can be observed") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 2});
  const ValueId e = m.unary(EltOp::kExp, x), n = m.unary(EltOp::kNeg, e);
  const ValueId y = m.concat({e, n}, 1);
  m.output(y);
  const std::string name = m.graph.value(y).name;
  for (bool aliased : {false, true}) {
    CAPTURE(aliased);
    if (aliased) {
      m.graph.channels_last = true;
      CHECK(kAliasPass.run(m.graph, on_cpu()) == 1);
    }
    std::set<ValueId> seen;
    const HostTensors results =
        evaluate_graph(m.graph, {{"x", floats({2, 2}, {0, 1, 2, 3})}},
                       [&](ValueId id, const HostTensor&) { seen.insert(id); });
    CHECK(seen.count(e) == 1);
    CHECK(seen.count(n) == 1);
    const HostTensor& result = results.at(name);
    REQUIRE(result.shape == Shape{2, 4});
    for (int row = 0; row < 2; ++row) {
      for (int column = 0; column < 2; ++column) {
        const double expected = std::exp(2 * row + column);
        CHECK(result.as<float>()[row * 4 + column] == doctest::Approx(expected).epsilon(1e-5));
        CHECK(result.as<float>()[row * 4 + 2 + column] == doctest::Approx(-expected).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a missing or wrong input is named") {
  GraphMaker m;
  m.output(m.unary(EltOp::kExp, m.input("picture", {2, 2})));
  for (const HostTensors& inputs :
       {HostTensors{}, HostTensors{{"picture", floats({4}, {1, 2, 3, 4})}}}) {
    try {
      evaluate_graph(m.graph, inputs);
      FAIL("accepted");
    } catch (const BuildError& error) {
      CHECK(std::string(error.what()).find("picture") != std::string::npos);
    }
  }
}
