// Every operation's definition is complete and agrees with itself.
#include "host_builder/graph/op_def.h"

#include <doctest/doctest.h>

#include <set>
#include <type_traits>

#include "all_attributes.h"
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/shape_inference.h"
#include "host_builder/support/error.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

// What a definition leaves out does not compile.
static_assert(!std::is_default_constructible_v<OpDef>);
static_assert(!std::is_default_constructible_v<Arity>);
static_assert(!std::is_default_constructible_v<TypeRule>);
static_assert(!std::is_default_constructible_v<LayoutRule>);
static_assert(!std::is_default_constructible_v<TransposeRule>);
static_assert(!std::is_default_constructible_v<BatchRule>);
static_assert(!std::is_default_constructible_v<Required<Doubles>>);
static_assert(!std::is_default_constructible_v<Required<const char*>>);
static_assert(!std::is_constructible_v<Required<const char*>, std::nullptr_t>);

namespace {

/// The operation's attributes with contents that all matter.
std::vector<Attributes> examples_of(Op op) {
  std::vector<Attributes> fitting;
  for (const Attributes& a : example_attributes())
    if (op_def(op).has_its_attributes(a)) fitting.push_back(a);
  return fitting;
}

std::string text_of(Op op, const Attributes& attributes) {
  Node node;
  node.op = op;
  node.attributes = attributes;
  return attributes_text(node);
}

}  // namespace

TEST_CASE("every operation has a name of its own") {
  std::set<std::string> names;
  for (const Op op : all_operations()) {
    CHECK(std::string(op_name(op)).size() > 1);
    CHECK(names.insert(op_name(op)).second);
  }
  CHECK(names.size() >= 37);
  CHECK_THROWS_AS(op_def(static_cast<Op>(all_operations().size())), BuildError);
}

TEST_CASE("type and layout rules speak of operands and results that the operation can have") {
  for (const Op op : all_operations()) {
    INFO(op_name(op));
    const OpDef& def = op_def(op);
    CHECK(def.arity.min_inputs <= def.arity.max_inputs);
    CHECK(def.arity.min_outputs <= def.arity.max_outputs);
    CHECK(def.arity.min_outputs >= 1);
    CHECK((def.types.operands.count() == 0) == (def.arity.max_inputs == 0));
    CHECK(def.types.operands.count() <= def.arity.max_inputs);
    CHECK(def.types.results.count() >= 1);
    CHECK(def.types.results.count() <= def.arity.max_outputs);
    for (size_t i = def.arity.max_inputs; i < 32; ++i) CHECK(!def.layout.moves(i));
    if (!def.layout.is_spatial()) CHECK(!def.layout.moves(0));
  }
}

TEST_CASE("an operation has one kind of attributes, and every kind belongs to one") {
  std::set<size_t> kinds;
  for (const Op op : all_operations()) {
    INFO(op_name(op));
    std::set<size_t> own;
    for (const Attributes& a : examples_of(op)) own.insert(a.index());
    CHECK(own.size() == 1);
    kinds.insert(own.begin(), own.end());
  }
  CHECK(kinds.size() == std::variant_size_v<Attributes>);
}

TEST_CASE("inference refuses too few and too many operands") {
  for (const Op op : all_operations()) {
    INFO(op_name(op));
    Graph graph;
    const Arity& arity = op_def(op).arity;
    const auto infer = [&](size_t operands) {
      std::vector<ValueId> inputs;
      for (size_t i = 0; i < operands; ++i)
        inputs.push_back(graph.add_value(graph.unique_name("x"), DType::kF32, {1, 4, 4, 4}));
      infer_types(graph, op, examples_of(op).at(0), inputs, {{DType::kF32, {1, 4, 4, 4}}});
    };
    if (arity.min_inputs > 0) CHECK_THROWS_AS(infer(arity.min_inputs - 1), BuildError);
    if (arity.max_inputs != Arity::kAny)
      CHECK_THROWS_WITH_AS(infer(arity.max_inputs + 1), doctest::Contains(" operands, needs "),
                           BuildError);
  }
}

TEST_CASE("attributes that mean something different have different texts") {
  // Passes take nodes of equal texts for equal (common-code, fuse-horizontal).
  for (const Op op : all_operations()) {
    INFO(op_name(op));
    for (Attributes attributes : examples_of(op)) {
      std::set<std::string> texts = {text_of(op, attributes)};
      vary(attributes, [&] {
        const std::string text = text_of(op, attributes);
        INFO(text);
        CHECK(texts.insert(text).second);
      });
    }
  }
}

TEST_CASE("large numbers are printed to the last digit") {
  SliceAttributes a{{1234567891}, {1}}, b{{1234567892}, {1}};
  CHECK(text_of(Op::kSlice, a) == "starts=1234567891");
  CHECK(text_of(Op::kSlice, b) == "starts=1234567892");
}
