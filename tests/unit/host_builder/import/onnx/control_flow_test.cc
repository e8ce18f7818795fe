// If, Loop and Scan become straight nodes where their conditions and counts are known.
#include "host_builder/import/onnx/control_flow.h"

#include <doctest/doctest.h>

#include <set>

#include "host_builder/graph/shape.h"
#include "host_builder/support/refusal.h"
#include "tests/support/evaluated.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

using Floats = std::vector<float>;

ModelBuilder& flag(ModelBuilder& m, const std::string& name, bool value) {
  auto* tensor = m.model().mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::BOOL);
  tensor->add_int32_data(value);
  return m;
}

ModelBuilder& count(ModelBuilder& m, const std::string& name, int64_t value) {
  m.integers(name, {value});
  m.model().mutable_graph()->mutable_initializer()->rbegin()->clear_dims();
  return m;
}

ModelBuilder unary_branch(const std::string& op, const std::string& result) {
  ModelBuilder branch;
  branch.output(result).node(op, {"x"}, {result});
  return branch;
}

TEST_CASE("If takes the branch that arithmetic of shapes chooses, of any rank and type") {
  for (const int64_t extent : {1, 2}) {
    CAPTURE(extent);
    ModelBuilder squeeze, cast;
    squeeze.integers("axis", {1}).output("s").node("Squeeze", {"x", "axis"}, {"s"});
    cast.output("c").node("Cast", {"x"}, {"c"}).attribute("to", int64_t{onnx::TensorProto::INT32});
    ModelBuilder m;
    m.input("x", {2, extent, 3}).output("y").integers("one", {1});
    m.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "one"}, {"extent"});
    m.node("Equal", {"extent", "one"}, {"is_one"});
    m.node("If", {"is_one"}, {"y"}).subgraph("then_branch", squeeze).subgraph("else_branch", cast);
    const Graph graph = m.import();
    verify(graph);
    const Value& y = graph.value(graph.outputs.at(0));
    CHECK(y.name == "y");
    CHECK(y.shape == (extent == 1 ? Shape{2, 3} : Shape{2, 2, 3}));
    CHECK(y.dtype == (extent == 1 ? DType::kF32 : DType::kI32));
    CHECK(graph.live_node_count() == 1);  // a branch adds no copy of its result
  }
}

TEST_CASE("branches nest, read names of the bodies around them and have constants of their own") {
  ModelBuilder inner, outer, other;
  inner.floats("k", {1}, {10}).output("i").node("Add", {"t", "k"}, {"i"});
  outer.output("o").node("Neg", {"x"}, {"t"});
  outer.node("If", {"no"}, {"o"})
      .subgraph("then_branch", unary_branch("Abs", "a"))
      .subgraph("else_branch", inner);
  other.output("z").node("Relu", {"x"}, {"z"});
  ModelBuilder m;
  m.input("x", {2}).output("y");
  flag(flag(m, "yes", true), "no", false);
  m.node("If", {"yes"}, {"r"}).subgraph("then_branch", outer).subgraph("else_branch", other);
  m.node("Mul", {"r", "x"}, {"y"});
  CHECK(evaluated(m.import(), {2, -3}) == Floats{(10 - 2) * 2, (10 + 3) * -3});
}

TEST_CASE("a branch may hand on a value of the graph around it, also twice") {
  ModelBuilder same;
  same.output("x").output("x");
  ModelBuilder m;
  m.input("x", {2}).output("y").output("z");
  flag(m, "yes", true)
      .node("If", {"yes"}, {"y", "z"})
      .subgraph("then_branch", same)
      .subgraph("else_branch", same);
  const Graph graph = m.import();
  verify(graph);
  CHECK(evaluated(graph, {5, 6}, "y") == Floats{5, 6});
  CHECK(evaluated(graph, {5, 6}, "z") == Floats{5, 6});
}

TEST_CASE("only the branch that is taken is looked at") {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  flag(m, "no", false);
  m.node("If", {"no"}, {"y"})
      .subgraph("then_branch", unary_branch("NoSuchOperator", "a"))
      .subgraph("else_branch", unary_branch("Neg", "b"));
  CHECK(evaluated(m.import(), {1, -2}) == Floats{-1, 2});
}

TEST_CASE("a condition that depends on the input is refused by name, with what to do") {
  ModelBuilder m;
  m.input("x", {2}).output("y").floats("zero", {1}, {0}).integers("axis", {0});
  m.node("ReduceMax", {"x"}, {"most"}).attribute("axes", std::vector<int64_t>{0});
  m.node("Greater", {"most", "zero"}, {"positive"});
  m.node("If", {"positive"}, {"y"})
      .subgraph("then_branch", unary_branch("Neg", "a"))
      .subgraph("else_branch", unary_branch("Abs", "b"));
  const std::string error = m.refusal();
  mentions(error, "node 'If_3' (If): its condition ('positive', which node 'Greater_2' computes");
  mentions(error, "unknown at build time");
  mentions(error, "torch.export");
  CHECK(ends_with_action(error));

  ModelBuilder input;
  input.input("x", {1}, onnx::TensorProto::BOOL).output("y");
  input.node("If", {"x"}, {"y"})
      .subgraph("then_branch", unary_branch("Not", "a"))
      .subgraph("else_branch", unary_branch("Not", "b"));
  mentions(input.refusal(), "'x', an input of the model");
}

/// v <- v + x * (i + 1), and the scan output v before it.
ModelBuilder summing_body(int64_t last) {
  ModelBuilder body;
  body.input("i", {}, onnx::TensorProto::INT64)
      .input("go", {}, onnx::TensorProto::BOOL)
      .input("v", {2});
  body.output("go_on").output("w").output("before");
  count(count(body, "one", 1), "last", last);
  body.node("Add", {"i", "one"}, {"n"}).node("Less", {"n", "last"}, {"go_on"});
  body.node("Cast", {"n"}, {"factor"}).attribute("to", int64_t{1});
  body.node("Mul", {"x", "factor"}, {"p"}).node("Add", {"v", "p"}, {"w"});
  body.node("Identity", {"v"}, {"before"});
  return body;
}

TEST_CASE("Loop is unrolled by its count or its condition; carried values and scan outputs") {
  for (const bool by_count : {true, false}) {
    CAPTURE(by_count);
    ModelBuilder m;
    m.input("x", {2}).output("y").output("s");
    count(m, "three", 3);
    m.node("Loop", {by_count ? "three" : "", "", "x"}, {"y", "s"})
        .subgraph("body", summing_body(by_count ? 100 : 3));
    const Graph graph = m.import();
    verify(graph);
    CHECK(evaluated(graph, {1, 2}) == Floats{7, 14});  // 1 + 1 + 2 + 3
    CHECK(evaluated(graph, {1, 2}, "s") == Floats{1, 2, 2, 4, 4, 8});
    CHECK(graph.value(graph.outputs.at(1)).shape == Shape{3, 2});
  }
}

TEST_CASE("Loop without an iteration hands its values on; a scan output is then empty") {
  ModelBuilder body = summing_body(100);
  auto* type =
      body.model().mutable_graph()->mutable_output(2)->mutable_type()->mutable_tensor_type();
  ModelBuilder m;
  m.input("x", {2}).output("y").output("s");
  count(m, "none", 0);
  m.node("Loop", {"none", "", "x"}, {"y", "s"}).subgraph("body", body);
  mentions(m.refusal(), "the model does not say the shape of its result 'before'");
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_value(2);
  *m.model().mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g() =
      body.model().graph();
  const Graph graph = m.import();
  CHECK(graph.value(graph.outputs.at(1)).shape == Shape{0, 2});
  CHECK(evaluated(graph, {1, 2}) == Floats{1, 2});
}

TEST_CASE("Loops nest, and an If inside reads the iteration's number") {
  // Each of 2 x 2 iterations doubles in the first inner one and adds x in the second.
  ModelBuilder doubled, added, inner, outer;
  doubled.output("d").node("Add", {"v", "v"}, {"d"});
  added.output("a").node("Add", {"v", "x"}, {"a"});
  inner.input("i", {}, onnx::TensorProto::INT64)
      .input("go", {}, onnx::TensorProto::BOOL)
      .input("v", {2});
  inner.output("go").output("w");
  count(inner, "zero", 0).node("Equal", {"i", "zero"}, {"first"});
  inner.node("If", {"first"}, {"w"})
      .subgraph("then_branch", doubled)
      .subgraph("else_branch", added);
  outer.input("j", {}, onnx::TensorProto::INT64)
      .input("go2", {}, onnx::TensorProto::BOOL)
      .input("u", {2});
  outer.output("go2").output("r");
  outer.node("Loop", {"two", "", "u"}, {"r"}).subgraph("body", inner);
  ModelBuilder m;
  m.input("x", {2}).output("y");
  count(m, "two", 2).node("Loop", {"two", "", "x"}, {"y"}).subgraph("body", outer);
  CHECK(evaluated(m.import(), {1, -2}) == Floats{7, -14});  // ((1 * 2 + 1) * 2) + 1
}

TEST_CASE("a count or a condition of a Loop that depends on the input is refused by name") {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Cast", {"x"}, {"n"}).attribute("to", int64_t{onnx::TensorProto::INT64});
  m.node("Loop", {"n", "", "x"}, {"y"}).subgraph("body", summing_body(3));
  mentions(m.refusal(), "its number of iterations ('n', which node 'Cast_1' computes");
  CHECK(ends_with_action(m.refusal()));

  ModelBuilder body;
  body.input("i", {}, onnx::TensorProto::INT64).input("go", {}, onnx::TensorProto::BOOL);
  body.input("v", {1}).output("go_on").output("w").floats("limit", {1}, {100});
  body.node("Add", {"v", "v"}, {"w"}).node("Less", {"w", "limit"}, {"go_on"});
  ModelBuilder while_loop;
  while_loop.input("x", {1}).output("y");
  while_loop.node("Loop", {"", "", "x"}, {"y"}).subgraph("body", body);
  mentions(while_loop.refusal(), "whether it goes on after iteration 0 ('go_on', which node");
  // What follows the last iteration does not matter.
  ModelBuilder once;
  once.input("x", {1}).output("y");
  count(once, "one", 1).node("Loop", {"one", "", "x"}, {"y"}).subgraph("body", body);
  CHECK(evaluated(once.import(), {3}) == Floats{6});
}

TEST_CASE("loops that unfold into too much are refused, those without nodes too") {
  ModelBuilder empty;
  empty.input("i", {}, onnx::TensorProto::INT64).input("go", {}, onnx::TensorProto::BOOL);
  empty.input("v", {2}).output("go").output("v");
  ModelBuilder m;
  m.input("x", {2}).output("y");
  m.node("Loop", {"", "", "x"}, {"y"}).subgraph("body", empty);
  ImportOptions options;
  options.unfolded_nodes_limit = 1000;
  const std::string error = m.refusal(options);
  mentions(error, "unfold into more than 1000 nodes (the limit is passed in 'Loop_1/1000/')");
  CHECK(ends_with_action(error));
}

TEST_CASE("constants of a body are stored once, not once an iteration") {
  ModelBuilder body;
  body.input("i", {}, onnx::TensorProto::INT64).input("go", {}, onnx::TensorProto::BOOL);
  body.input("v", {2}).output("go").output("w").floats("a", {2}, {1, 2});
  body.node("Constant", {}, {"b"}).attribute("value_float", 3.0f);
  body.node("Mul", {"v", "b"}, {"m"}).node("Add", {"m", "a"}, {"w"});
  ModelBuilder m;
  m.input("x", {2}).output("y");
  count(m, "two", 2).node("Loop", {"two", "", "x"}, {"y"}).subgraph("body", body);
  const Graph graph = m.import();
  CHECK(evaluated(graph, {1, -1}) == Floats{(3 + 1) * 3 + 1, (-3 + 2) * 3 + 2});
  std::set<ValueId> read;
  for (const NodeId n : graph.order())
    for (const ValueId id : graph.node(n).inputs)
      if (graph.value(id).is_constant()) read.insert(id);
  CHECK(read.size() == 2);
}

TEST_CASE("a finding of an unrolled body stands once, and its readers are not blamed") {
  ModelBuilder body;
  body.input("i", {}, onnx::TensorProto::INT64).input("go", {}, onnx::TensorProto::BOOL);
  body.input("v", {2}).output("go").output("w").node("NoSuchOperator", {"v"}, {"w"});
  ModelBuilder m;
  m.input("x", {2}).output("y");
  count(m, "many", 50).node("Loop", {"many", "", "x"}, {"l"}).subgraph("body", body);
  m.node("Relu", {"l"}, {"y"});
  const std::string error = m.refusal();
  mentions(error, "node 'Loop_1/0/NoSuchOperator_1' (NoSuchOperator): the operator is not");
  CHECK(error.find("\n  - ") == error.rfind("\n  - "));
}

TEST_CASE("Scan slices its operands and stacks its results, forwards and backwards") {
  ModelBuilder body;
  body.input("sum", {2}).input("part", {2}).output("next").output("out");
  body.node("Add", {"sum", "part"}, {"next"}).node("Identity", {"next"}, {"out"});
  for (const int64_t backwards : {0, 1}) {
    CAPTURE(backwards);
    ModelBuilder m;
    m.input("x", {2, 3}).output("y").output("s").floats("zero", {2}, {0, 0});
    m.node("Scan", {"zero", "x"}, {"y", "s"})
        .subgraph("body", body)
        .attribute("num_scan_inputs", int64_t{1})
        .attribute("scan_input_axes", std::vector<int64_t>{1})
        .attribute("scan_input_directions", std::vector<int64_t>{backwards})
        .attribute("scan_output_axes", std::vector<int64_t>{-1})
        .attribute("scan_output_directions", std::vector<int64_t>{backwards});
    const Graph graph = m.import();
    verify(graph);
    CHECK(graph.value(graph.outputs.at(1)).shape == Shape{2, 3});
    CHECK(evaluated(graph, {1, 2, 3, 4, 5, 6}) == Floats{6, 15});
    CHECK(evaluated(graph, {1, 2, 3, 4, 5, 6}, "s") ==
          (backwards ? Floats{6, 5, 3, 15, 11, 6} : Floats{1, 3, 6, 4, 9, 15}));
  }
}

}  // namespace
}  // namespace stint::builder
