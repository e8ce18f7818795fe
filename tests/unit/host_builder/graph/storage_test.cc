// How values are stored: what operations allow once that is decided, and quantisation.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "host_builder/graph/graph.h"
#include "host_builder/passes/pass.h"
#include "host_builder/support/error.h"

using namespace stint;
using namespace stint::builder;

namespace {

/// x -> relu -> a -> relu -> y
struct Chain {
  Graph graph;
  ValueId x = graph.add_value("x", DType::kF32, {1, 4});
  ValueId a = graph.add_value("a", DType::kF32, {1, 4});
  ValueId y = graph.add_value("y", DType::kF32, {1, 4});

  Chain() {
    graph.inputs = {x};
    graph.outputs = {y};
    relu(x, a);
    relu(a, y);
  }
  void relu(ValueId from, ValueId to) {
    Node node;
    node.name = "relu of " + graph.value(from).name;
    node.op = Op::kUnary;
    node.attributes = UnaryAttributes{EltOp::kRelu};
    node.inputs = {from};
    node.outputs = {to};
    graph.add_node(std::move(node));
  }
  Value& middle() { return graph.value(a); }
  std::string complaint() const {
    try {
      verify(graph);
    } catch (const BuildError& e) {
      return e.what();
    }
    return "";
  }
  void must_complain(const std::string& words) const {
    const std::string found = complaint();
    INFO(found);
    CHECK(found.find(words) != std::string::npos);
  }
};

Quantisation per_tensor() { return {{0.5f}, -1, {3}}; }

}  // namespace

TEST_CASE("f32 values may be stored as f16 once storage is decided, not before") {
  Chain c;
  c.middle().dtype = DType::kF16;
  c.must_complain("its result 'a' is f16[1,4], inference says f32[1,4]");
  c.graph.mixed_precision = true;
  CHECK(c.complaint() == "");
}

TEST_CASE("an operation refuses a storage that no kernel of it reads") {
  Chain c;
  c.graph.mixed_precision = true;
  c.middle().dtype = DType::kI8;
  c.middle().quant = per_tensor();
  CHECK(c.complaint() == "");
  Node& node = c.graph.node(c.graph.order().back());
  node.op = Op::kSoftmax;
  node.attributes = SoftmaxAttributes{1};
  c.must_complain("operand 0 'a' is stored as i8, it may be as f32 or f16");
}

TEST_CASE("what an operation moves stands for the same numbers before and after") {
  Chain c;
  c.graph.mixed_precision = true;
  Node& node = c.graph.node(c.graph.order().back());
  node.op = Op::kIdentity;
  node.attributes = {};
  for (Value* v : {&c.middle(), &c.graph.value(c.y)}) {
    v->dtype = DType::kU8;
    v->quant = per_tensor();
  }
  CHECK(c.complaint() == "");
  const std::string words = "moves 'a' to 'y', whose elements stand for other numbers";
  Quantisation& q = *c.graph.value(c.y).quant;
  SUBCASE("another scale") { q.scales = {0.25f}; }
  SUBCASE("another zero point") { q.zero_points = {}; }
  SUBCASE("another type") { c.graph.value(c.y).dtype = DType::kI8; }
  SUBCASE("scales along an axis") { q = *(c.middle().quant = Quantisation{{1, 2, 3, 4}, 1, {}}); }
  SUBCASE("a result that is not quantised") {
    c.graph.value(c.y).dtype = DType::kF32;
    c.graph.value(c.y).quant.reset();
  }
  c.must_complain(words);
}

TEST_CASE("a view stands for the numbers of what it views") {
  Chain c;
  c.graph.mixed_precision = true;
  for (Value* v : {&c.middle(), &c.graph.value(c.y)}) {
    v->dtype = DType::kU8;
    v->quant = per_tensor();
  }
  c.middle().view = View{c.y, 0};
  c.graph.value(c.y).quant->scales = {0.25f};
  c.must_complain("views 'y', whose integers stand for other numbers");
}

TEST_CASE("before storage is decided quantised values are integers") {
  Chain c;
  for (const ValueId id : {c.x, c.a, c.y}) c.graph.value(id).dtype = DType::kI8;
  c.middle().quant = per_tensor();
  CHECK(c.complaint() == "");
}

TEST_CASE("constants are stored as families like to pack them") {
  Chain c;
  const ValueId weights = c.graph.add_constant("w", DType::kI8, {4, 4}, std::vector<int8_t>(16, 1));
  c.graph.value(weights).quant = Quantisation{{1, 2, 3, 4}, 1, {}};
  const ValueId product = c.graph.add_value("p", DType::kF32, {1, 4});
  Node node;
  node.name = "product";
  node.op = Op::kMatMul;
  node.attributes = MatMulAttributes{};
  node.inputs = {c.y, weights};
  node.outputs = {product};
  c.graph.add_node(std::move(node));
  c.graph.outputs = {product};
  c.must_complain("operand 0 is f32 but operand 1 is i8");
  c.graph.mixed_precision = true;
  CHECK(c.complaint() == "");
}

TEST_CASE("quantisation fits its value") {
  Chain c;
  for (const ValueId id : {c.x, c.a, c.y}) c.graph.value(id).dtype = DType::kU8;
  Quantisation& q = c.middle().quant.emplace(per_tensor());
  CHECK(c.complaint() == "");
  SUBCASE("along an axis") {
    q = {{1, 2, 3, 4}, 1, {0, 128, 255, 1}};
    CHECK(c.complaint() == "");
  }
  SUBCASE("without zero points") {
    q.zero_points = {};
    CHECK(c.complaint() == "");
  }
  SUBCASE("type") {
    for (const ValueId id : {c.x, c.a, c.y}) c.graph.value(id).dtype = DType::kF32;
    c.must_complain("value 'a': is quantised, but f32; it must be i8 or u8");
  }
  SUBCASE("axis") {
    q.axis = 2;
    c.must_complain("is quantised along axis 2, it has 2");
  }
  SUBCASE("axis below none") {
    q.axis = -2;
    c.must_complain("is quantised along axis -2");
  }
  SUBCASE("scales") {
    q.axis = 1;
    c.must_complain("has 1 scales, needs 4");
  }
  SUBCASE("zero points") {
    q = {{1, 2, 3, 4}, 1, {0}};
    c.must_complain("has 1 zero points, needs 4");
  }
  SUBCASE("zero point outside the type") {
    q.zero_points = {256};
    c.must_complain("has the zero point 256, which is no u8");
    q.zero_points = {-1};
    c.must_complain("has the zero point -1, which is no u8");
  }
  SUBCASE("scale") {
    for (const float scale : {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
      q.scales = {scale};
      c.must_complain("has a scale that is not positive and finite");
    }
  }
}

TEST_CASE("text of a graph shows how a value is quantised") {
  Chain c;
  for (const ValueId id : {c.x, c.a, c.y}) c.graph.value(id).dtype = DType::kI8;
  c.middle().quant = Quantisation{{0.5f, 1, 2, 4}, 1, {1, 2, 3, -4}};
  CHECK(to_text(c.graph).find("%a: i8[1,4] scale=0.5,1,2,4 axis=1 zero_point=1,2,3,-4 = ") !=
        std::string::npos);
  c.middle().quant = Quantisation{{0.5f}, -1, {}};
  CHECK(to_text(c.graph).find("%a: i8[1,4] scale=0.5 = ") != std::string::npos);
}
