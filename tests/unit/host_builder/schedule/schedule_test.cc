#include "host_builder/schedule/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "graph_maker.h"
#include "host_builder/graph/views.h"
#include "host_builder/support/error.h"

using namespace stint;
using namespace stint::builder;

namespace {

const ScheduledTensor& tensor_named(const Schedule& schedule, const std::string& name) {
  for (const ScheduledTensor& tensor : schedule.tensors) {
    if (tensor.name == name) return tensor;
  }
  FAIL("no tensor " << name);
  return schedule.tensors.at(0);
}

size_t arena_storages(const Schedule& schedule) {
  return static_cast<size_t>(
      std::count_if(schedule.storages.begin(), schedule.storages.end(),
                    [](const Storage& s) { return s.kind == StorageKind::kArena; }));
}

}  // namespace

TEST_CASE(
    "a chain of element-wise steps computes in place, the last one into the output's buffer") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 100});
  const ValueId a = m.unary(EltOp::kNeg, x, "a");
  const ValueId b = m.unary(EltOp::kAbs, a, "b");
  m.output(m.unary(EltOp::kSqrt, b, "y"));
  const Schedule s = make_schedule(m.graph);
  CHECK(s.steps.size() == 3);
  CHECK(arena_storages(s) == 0);
  CHECK(s.arena_bytes == 0);
  CHECK(tensor_named(s, "a").storage == tensor_named(s, "y").storage);
  CHECK(tensor_named(s, "x").storage != tensor_named(s, "y").storage);
}

TEST_CASE("an input that is read again later is not overwritten") {
  GraphMaker m;
  const ValueId x = m.input("x", {64});
  const ValueId a = m.unary(EltOp::kNeg, x, "a");
  const ValueId b = m.unary(EltOp::kAbs, a, "b");
  const ValueId c = m.unary(EltOp::kExp, b, "c");
  m.output(m.binary(EltOp::kAdd, a, c, "y"));  // residual
  const Schedule s = make_schedule(m.graph);
  CHECK(tensor_named(s, "a").storage != tensor_named(s, "b").storage);
  CHECK(tensor_named(s, "b").storage == tensor_named(s, "c").storage);
  CHECK_NOTHROW(verify_schedule(s));
  CHECK(s.arena_bytes == s.lower_bound);
}

TEST_CASE(
    "the parts of a concatenation share the result's storage and do not depend on each other") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3});
  const ValueId whole = m.graph.add_value("whole", DType::kF32, {2, 6});
  const ValueId left = m.part(whole, 0, 3, "left"), right = m.part(whole, 3, 3, "right");
  m.unary_into(EltOp::kNeg, x, left);
  m.unary_into(EltOp::kAbs, x, right);
  const ValueId y = m.unary(EltOp::kExp, whole, "y");
  const ValueId z = m.unary(EltOp::kExp, left, "z");
  m.output(y);
  m.output(z);
  const Schedule s = make_schedule(m.graph);
  const auto &l = tensor_named(s, "left"), &r = tensor_named(s, "right"),
             &w = tensor_named(s, "whole");
  CHECK(l.storage == w.storage);
  CHECK(r.storage == w.storage);
  CHECK(r.offset == 12);
  CHECK(r.strides == std::vector<int64_t>{6, 1});
  const auto index_of = [&](const std::string& name) {
    for (uint32_t i = 0; i < s.steps.size(); ++i) {
      if (s.steps[i].spec.name == name) return i;
    }
    return kNone;
  };
  const auto depends = [&](const std::string& from, const std::string& to) {
    return std::count(s.dependences.begin(), s.dependences.end(),
                      Dependence{index_of(from), index_of(to)}) == 1;
  };
  CHECK(depends("left_node", "y_node"));
  CHECK(depends("right_node", "y_node"));
  CHECK(depends("left_node", "z_node"));
  CHECK_FALSE(depends("right_node", "z_node"));
  CHECK_FALSE(depends("left_node", "right_node"));
}

TEST_CASE("overlap of views is exact for parts and careful otherwise") {
  GraphMaker m;
  const ValueId base = m.graph.add_value("base", DType::kF32, {4, 8});
  const auto at = [&](ValueId id) -> const Value& { return m.graph.value(id); };
  const ValueId a = m.part(base, 0, 3, "a"), b = m.part(base, 3, 5, "b"),
                c = m.part(base, 2, 2, "c");
  CHECK_FALSE(may_overlap(at(a), at(b)));
  CHECK_FALSE(may_overlap(at(b), at(a)));
  CHECK(may_overlap(at(a), at(c)));
  CHECK(may_overlap(at(c), at(b)));
  CHECK(may_overlap(at(a), at(base)));
}

TEST_CASE("outputs that cannot be bound where they are computed are copied") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 4});
  m.output(x);                           // a graph input
  m.output(m.constant("c", {5}, 2.0f));  // a constant
  const ValueId a = m.unary(EltOp::kNeg, x, "a");
  m.output(a);
  m.output(m.part(a, 0, 2, "half"));  // a part of another output
  const Schedule s = make_schedule(m.graph);
  REQUIRE(s.bindings.size() == 5);
  CHECK(s.steps.size() == 4);
  CHECK(s.bindings[2].name == "c");
  CHECK(s.bindings[3].name == "a");
  CHECK(s.bindings[4].name == "half");
  CHECK(s.bindings[4].io_bytes == 2 * 2 * 4);
  for (const ScheduledBinding& binding : s.bindings) CHECK(binding.io_offset % 64 == 0);
}

TEST_CASE("branches are executed one after the other where that needs less memory") {
  // Eight branches widen and shrink again; breadth first keeps eight wide tensors.
  GraphMaker m;
  const ValueId x = m.input("x", {1, 1000});
  std::vector<ValueId> wide, narrow;
  for (int i = 0; i < 8; ++i) {
    const ValueId w = m.graph.add_value("wide" + std::to_string(i), DType::kF32, {50, 1000});
    Node node;
    node.name = "expand" + std::to_string(i);
    node.op = Op::kExpand;
    node.inputs = {x};
    node.outputs = {w};
    m.graph.add_node(node);
    wide.push_back(w);
  }
  for (int i = 0; i < 8; ++i) {
    const ValueId n = m.graph.add_value("narrow" + std::to_string(i), DType::kF32, {1, 1000});
    Node node;
    node.name = "reduce" + std::to_string(i);
    node.op = Op::kReduce;
    node.attributes = ReduceAttributes{ReduceOp::kSum, {0}, true};
    node.inputs = {wide[static_cast<size_t>(i)]};
    node.outputs = {n};
    m.graph.add_node(node);
    narrow.push_back(n);
  }
  ValueId sum = narrow[0];
  for (size_t i = 1; i < narrow.size(); ++i)
    sum = m.binary(EltOp::kAdd, sum, narrow[i], "sum" + std::to_string(i));
  m.output(sum);
  const Schedule s = make_schedule(m.graph);
  CHECK(s.arena_bytes < 2 * 50 * 1000 * 4);
  CHECK(s.arena_bytes == s.lower_bound);
  CHECK_NOTHROW(verify_schedule(s));
}

TEST_CASE(
    "the check of a schedule finds an overlap, a read before the write and a tensor outside its "
    "storage") {
  GraphMaker m;
  const ValueId x = m.input("x", {64});
  const ValueId a = m.unary(EltOp::kNeg, x, "a");
  const ValueId b = m.unary(EltOp::kAbs, x, "b");
  const ValueId c = m.binary(EltOp::kAdd, a, b, "c");
  const ValueId d = m.binary(EltOp::kAdd, c, a, "d");
  m.output(m.binary(EltOp::kMul, d, b, "y"));
  const Schedule good = make_schedule(m.graph);
  REQUIRE(arena_storages(good) >= 2);
  Schedule bad = good;
  for (Storage& storage : bad.storages) storage.offset = 0;
  CHECK_THROWS_AS(verify_schedule(bad), BuildError);
  bad = good;
  std::reverse(bad.steps.begin(), bad.steps.end());
  CHECK_THROWS_AS(verify_schedule(bad), BuildError);
  bad = good;
  bad.tensors[0].shape[0] *= 2;
  CHECK_THROWS_AS(verify_schedule(bad), BuildError);
}

TEST_CASE(
    "random graphs: every schedule passes the check and needs no more than the lower bound and "
    "five percent") {
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    GraphMaker m;
    std::vector<ValueId> values = {m.input("x", {1, 256})};
    for (int i = 0; i < 30; ++i) {
      const ValueId a = values[random() % values.size()], b = values[random() % values.size()];
      const std::string name = "v" + std::to_string(i);
      values.push_back(random() % 2 == 0 ? m.unary(EltOp::kNeg, a, name)
                                         : m.binary(EltOp::kAdd, a, b, name));
    }
    m.output(values.back());
    m.output(values[values.size() / 2]);
    const Schedule s = make_schedule(m.graph);
    CHECK_NOTHROW(verify_schedule(s));
    CHECK(static_cast<double>(s.arena_bytes) <= 1.05 * static_cast<double>(s.lower_bound));
  }
}
