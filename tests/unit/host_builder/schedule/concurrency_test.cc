#include "host_builder/schedule/concurrency.h"

#include <doctest/doctest.h>

#include <random>

#include "../passes/graph_maker.h"
#include "host_builder/schedule/launch_edges.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

TEST_CASE("a diamond's branches are concurrent, its ends are not") {
  // 0 -> 1 -> 3, 0 -> 2 -> 3, 0 -> 3 is implied, 3 -> 4
  const Concurrency c(5, {{0, 1}, {0, 2}, {0, 3}, {1, 3}, {2, 3}, {3, 4}});
  CHECK(c.precedes(0, 4));
  CHECK_FALSE(c.precedes(1, 2));
  CHECK(c.span({1}) == std::pair<int64_t, int64_t>{1, 2});
  CHECK(c.span({3}) == std::pair<int64_t, int64_t>{3, 3});
  CHECK(c.span({0, 1}) == std::pair<int64_t, int64_t>{0, 2});
  CHECK(c.reduced() == std::vector<Dependence>{{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}});
}

TEST_CASE("memory planned for concurrency is never shared by steps that no path orders") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    CAPTURE(round);
    GraphMaker m;
    m.graph.channels_last = true;
    std::vector<ValueId> values = {m.input("x", {1, 64})};
    for (int i = 0; i < 20; ++i) {
      const ValueId a = values[random() % values.size()], b = values[random() % values.size()];
      values.push_back(random() % 2 == 0 ? m.unary(EltOp::kExp, a) : m.binary(EltOp::kAdd, a, b));
    }
    m.output(values.back());
    m.output(values[values.size() - 2]);
    ScheduleOptions options;
    options.concurrent = true;
    Schedule s = make_schedule(m.graph, options);
    link_launches(s, {true, true});
    std::vector<Dependence> edges;
    for (const ScheduledEdge& e : s.edges) edges.push_back({e.from, e.to});
    const Concurrency order(s.steps.size(), edges);
    const auto touches = [&](uint32_t step, uint32_t storage) {
      for (const auto* list : {&s.steps[step].inputs, &s.steps[step].outputs})
        for (uint32_t t : *list)
          if (s.tensors[t].storage == storage) return true;
      return false;
    };
    for (uint32_t a = 0; a < s.storages.size(); ++a) {
      for (uint32_t b = 0; b < s.storages.size(); ++b) {
        const Storage &p = s.storages[a], &q = s.storages[b];
        if (a == b || p.kind != StorageKind::kArena || q.kind != StorageKind::kArena) continue;
        if (p.offset >= q.offset + q.bytes || q.offset >= p.offset + p.bytes) continue;
        for (uint32_t i = 0; i < s.steps.size(); ++i)
          for (uint32_t k = i + 1; k < s.steps.size(); ++k)
            if (touches(i, a) && touches(k, b)) CHECK(order.precedes(i, k));
      }
    }
  }
}
