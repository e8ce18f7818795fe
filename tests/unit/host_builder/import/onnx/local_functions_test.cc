// Functions of the model are inlined where they are called.
#include "host_builder/import/onnx/local_functions.h"

#include <doctest/doctest.h>

#include "host_builder/support/refusal.h"
#include "tests/support/evaluated.h"
#include "tests/support/mentions.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

using Floats = std::vector<float>;

/// leaky(u; slope) = LeakyRelu(u, alpha=slope)
ModelBuilder leaky() {
  ModelBuilder body;
  body.input("u", {}).output("v").node("LeakyRelu", {"u"}, {"v"}).refer("alpha", "slope");
  return body;
}

// Fields that the schema of distributions does not have yet, as their bytes stand in a file.
void add_late_text(google::protobuf::Message& message, int number, const std::string& text) {
  auto* unknown = message.GetReflection()->MutableUnknownFields(&message);
  *unknown->AddLengthDelimited(number) = text;
}

void add_default(onnx::FunctionProto& function, const std::string& name, float value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
  add_late_text(function, 11, attribute.SerializeAsString());
}

TEST_CASE("a call's attributes reach the body, also through a function that calls another") {
  ModelBuilder outer;
  outer.input("a", {}).output("b").node("leaky", {"a"}, {"t"}).domain("my");
  outer.refer("slope", "by").node("Neg", {"t"}, {"b"});
  ModelBuilder m;
  m.input("x", {2}).output("y").function("leaky", leaky(), {"slope"});
  m.function("outer", outer, {"by"});
  m.node("outer", {"x"}, {"h"}).domain("my").attribute("by", 0.5f);
  m.node("leaky", {"h"}, {"y"}).domain("my").attribute("slope", 0.25f);
  const Graph graph = m.import();
  verify(graph);
  CHECK(graph.value(graph.outputs.at(0)).name == "y");
  CHECK(graph.live_node_count() == 3);
  CHECK(evaluated(graph, {8, -8}) == Floats{-2, 4});
}

TEST_CASE("an attribute that nobody gives is the function's default, else the operator's") {
  ModelBuilder m;
  m.input("x", {1}).output("y").function("leaky", leaky(), {"slope"});
  m.node("leaky", {"x"}, {"y"}).domain("my");
  CHECK(evaluated(m.import(), {-100})[0] == doctest::Approx(-1));  // LeakyRelu's 0.01
  add_default(*m.model().mutable_functions(0), "slope", 0.75f);
  CHECK(evaluated(m.import(), {-100}) == Floats{-75});
  m.attribute("slope", 0.5f);
  CHECK(evaluated(m.import(), {-100}) == Floats{-50});
}

TEST_CASE("operands may be left out; a body sees nothing of its caller; results may be many") {
  ModelBuilder clip;
  clip.input("u", {}).input("low", {}).input("high", {}).output("v").output("w");
  clip.node("Clip", {"u", "low", "high"}, {"v"}).node("Neg", {"u"}, {"w"});
  ModelBuilder m;
  m.input("x", {3}).output("y").output("z").floats("two", {}, {2}).function("clip", clip);
  m.node("clip", {"x", "", "two"}, {"y", "z"}).domain("my");
  const Graph graph = m.import();
  CHECK(evaluated(graph, {-5, 1, 7}) == Floats{-5, 1, 2});
  CHECK(evaluated(graph, {-5, 1, 7}, "z") == Floats{5, -1, -7});

  ModelBuilder looks_out;
  looks_out.input("u", {}).output("v").node("Add", {"u", "two"}, {"v"});
  ModelBuilder bad;
  bad.input("x", {3}).output("y").floats("two", {}, {2}).function("looks_out", looks_out);
  bad.node("looks_out", {"x"}, {"y"}).domain("my");
  mentions(bad.refusal(), "(Add of function my.looks_out): its operand 'two' is no input");
}

TEST_CASE("branches in a function know its call") {
  ModelBuilder scaled, other, body;
  scaled.output("s").node("LeakyRelu", {"u"}, {"s"}).refer("alpha", "slope");
  other.output("o").node("Neg", {"u"}, {"o"});
  body.input("u", {}).input("yes", {}).output("v").node("If", {"yes"}, {"v"});
  body.subgraph("then_branch", scaled).subgraph("else_branch", other);
  ModelBuilder m;
  m.input("x", {1}).output("y").function("branching", body, {"slope"});
  auto* yes = m.model().mutable_graph()->add_initializer();
  yes->set_name("true");
  yes->set_data_type(onnx::TensorProto::BOOL);
  yes->add_int32_data(1);
  m.node("branching", {"x", "true"}, {"y"}).domain("my").attribute("slope", 0.5f);
  CHECK(evaluated(m.import(), {-4}) == Floats{-2});
}

TEST_CASE("a function has an opset of its own, and overloads are told apart") {
  ModelBuilder old(11), plain;  // before opset 13 Squeeze took its axes as an attribute
  old.input("u", {}).output("v");
  old.node("Squeeze", {"u"}, {"v"}).attribute("axes", std::vector<int64_t>{0});
  plain.input("u", {}).output("v").node("Neg", {"u"}, {"v"});
  ModelBuilder m(17);
  m.input("x", {1, 2}).output("y").function("f", old).function("f", plain);
  mentions(m.refusal(), "function 'my.f': the model has two functions of this name");
  add_late_text(*m.model().mutable_functions(1), 13, "plain");
  m.node("f", {"x"}, {"h"}).domain("my");
  m.node("f", {"h"}, {"y"}).domain("my");
  add_late_text(*m.model().mutable_graph()->mutable_node(1), 8, "plain");
  const Graph graph = m.import();
  CHECK(graph.value(graph.outputs.at(0)).shape == Shape{2});
  CHECK(evaluated(graph, {1, -2}) == Floats{-1, 2});
}

TEST_CASE("a model of functions only needs no standard opset") {
  ModelBuilder body;
  body.input("u", {}).output("v").node("Neg", {"u"}, {"v"});
  ModelBuilder m;
  m.input("x", {1}).output("y").function("f", body).node("f", {"x"}, {"y"}).domain("my");
  m.model().mutable_opset_import(0)->set_domain("my");
  CHECK(evaluated(m.import(), {3}) == Floats{-3});
  m.node("Neg", {"x"}, {"z"});
  mentions(m.refusal(), "no opset of these is imported");
}

TEST_CASE("recursion, foreign references and functions that are not there are refused") {
  ModelBuilder a, b;
  a.input("u", {}).output("v").node("b", {"u"}, {"v"}).domain("my");
  b.input("u", {}).output("v").node("a", {"u"}, {"v"}).domain("my");
  ModelBuilder m;
  m.input("x", {1}).output("y").function("a", a).function("b", b);
  m.node("a", {"x"}, {"y"}).domain("my");
  mentions(m.refusal(), "function 'my.a' calls itself");
  CHECK(ends_with_action(m.refusal()));

  ModelBuilder reference;
  reference.input("x", {1}).output("y").node("LeakyRelu", {"x"}, {"y"}).refer("alpha", "slope");
  mentions(reference.refusal(), "refers to one of a function, but the node is in none");

  ModelBuilder missing;
  missing.input("x", {1}).output("y").node("f", {"x"}, {"y"}).domain("my");
  mentions(missing.refusal(), "the model brings no function of this name");
}

TEST_CASE("functions that call two others each do not blow up, nor do deep ones") {
  ModelBuilder m;
  m.input("x", {1}).output("y");
  ModelBuilder leaf;
  leaf.input("u", {}).output("v").node("Neg", {"u"}, {"v"});
  m.function("f0", leaf);
  for (int i = 1; i <= 40; ++i) {  // 2^40 nodes
    ModelBuilder twice;
    const std::string callee = "f" + std::to_string(i - 1);
    twice.input("u", {}).output("v");
    twice.node(callee, {"u"}, {"t"}).domain("my").node(callee, {"t"}, {"v"}).domain("my");
    m.function("f" + std::to_string(i), twice);
  }
  m.node("f40", {"x"}, {"y"}).domain("my");
  ImportOptions options;
  options.unfolded_nodes_limit = 2000;
  mentions(m.refusal(options), "unfold into more than 2000 nodes");

  for (int i = 41; i <= 120; ++i) {
    ModelBuilder once;
    once.input("u", {}).output("v");
    once.node("f" + std::to_string(i - 1), {"u"}, {"v"}).domain("my");
    m.function("f" + std::to_string(i), once);
  }
  m.node("f120", {"x"}, {"z"}).domain("my");
  m.model().mutable_graph()->mutable_node()->DeleteSubrange(0, 1);
  mentions(m.refusal(), "nested more than 64 deep");
}

}  // namespace
}  // namespace stint::builder
