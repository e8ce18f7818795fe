#include <doctest/doctest.h>

#include <algorithm>

#include "pass_check.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

/// Transposes that move data, apart from those that read a graph input or make a graph output.
size_t inner_transposes(const Graph& graph) {
  size_t n = 0;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.op != Op::kTranspose) continue;
    const bool at_input =
        std::find(graph.inputs.begin(), graph.inputs.end(), node.inputs[0]) != graph.inputs.end();
    n += !at_input && !graph.is_output(node.outputs[0]);
  }
  return n;
}

}  // namespace

TEST_CASE("a chain of spatial nodes keeps one transpose at each end") {
  GraphMaker m;
  ValueId x = m.input("x", {2, 3, 8, 9});
  x = m.unary(EltOp::kRelu, m.conv(x, 6));
  x = m.max_pool(x, 2, 2);
  x = m.conv(x, 4);
  m.output(x);
  run_pass(m.graph, kLayoutPass);
  CHECK(m.graph.channels_last);
  CHECK(count(m.graph, Op::kTranspose) == 2);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("one and three spatial axes are laid out as two are") {
  for (const Shape& sides : {Shape{7}, Shape{5, 4, 3}}) {
    GraphMaker m;
    Shape shape = {2, 3};
    shape.insert(shape.end(), sides.begin(), sides.end());
    ConvAttributes a;
    a.kernel.assign(sides.size(), 3);
    a.strides.assign(sides.size(), 1);
    a.dilations.assign(sides.size(), 1);
    a.pads_begin.assign(sides.size(), 1);
    a.pads_end.assign(sides.size(), 1);
    const auto conv = [&](ValueId x, int64_t from, int64_t to) {
      Shape weights = {to, from};
      weights.insert(weights.end(), sides.size(), 3);
      return m.op(Op::kConv, a, {x, m.constant(weights), m.constant({to})});
    };
    m.output(conv(m.unary(EltOp::kRelu, conv(m.input("x", shape), 3, 6)), 6, 4));
    run_pass(m.graph, kLayoutPass);
    CHECK(m.graph.channels_last);
    CHECK(count(m.graph, Op::kTranspose) == 2);
    CHECK(inner_transposes(m.graph) == 0);
  }
}

TEST_CASE("an input of one channel needs no transpose") {
  GraphMaker m;
  m.output(m.conv(m.input("x", {1, 1, 6, 6}), 1));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 0);
  CHECK(count(m.graph, Op::kReshape) == 2);
}

TEST_CASE("residual additions, concatenation on channels and slices stay channels-last") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {1, 3, 6, 6}), 8);
  const ValueId y = m.add(m.conv(x, 8), x);
  const ValueId a = m.slice(y, {0, 0, 0, 0}, {1, 3, 6, 6}),
                b = m.slice(y, {0, 3, 0, 0}, {1, 5, 6, 6});
  x = m.concat({m.conv(a, 4), b, m.unary(EltOp::kSigmoid, x)}, 1);
  m.output(m.conv(x, 2));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 2);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("broadcast constants are permuted") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {1, 3, 4, 5}), 6);
  x = m.mul(x, m.constant({6, 1, 1}));
  x = m.add(m.constant({1, 1, 4, 5}), x);
  x = m.mul(x, m.constant({4, 1}));
  x = m.mul(x, m.constant({1}));
  m.output(m.conv(x, 3));
  run_pass(m.graph, kLayoutPass);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("squeeze and excitation") {
  GraphMaker m;
  const ValueId x = m.conv(m.input("x", {2, 3, 6, 6}), 8);
  const auto mean = [&](ValueId v, bool keep) {
    return m.op(Op::kReduce, ReduceAttributes{ReduceOp::kMean, {2, 3}, keep}, {v});
  };
  ValueId s = kNoValue;
  SUBCASE("with convolutions") { s = m.conv(m.conv(mean(x, true), 4, 1), 8, 1); }
  SUBCASE("with products") {
    s = m.matmul(mean(x, false), m.constant({8, 4}));
    s = m.reshape(m.matmul(s, m.constant({4, 8})), {2, 8, 1, 1});
  }
  m.output(m.conv(m.mul(x, m.unary(EltOp::kSigmoid, s)), 4));
  run_pass(m.graph, kLayoutPass);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("detection heads: transpose, reshape, concatenate") {
  GraphMaker m;
  const ValueId x = m.conv(m.input("x", {1, 3, 8, 8}), 8);
  std::vector<ValueId> parts;
  for (const ValueId level : {x, m.max_pool(x, 2, 2)}) {
    const Shape s = m.graph.value(level).shape;
    const ValueId head = m.transpose(m.conv(level, 6), {0, 2, 3, 1});
    parts.push_back(m.reshape(head, {1, s[2] * s[3] * 3, 2}));
  }
  m.output(m.op(Op::kSoftmax, SoftmaxAttributes{2}, {m.concat(parts, 1)}));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 1);
}

TEST_CASE("grid heads: channels concatenated, flattened, transposed at the end") {
  GraphMaker m;
  const ValueId x = m.conv(m.input("x", {1, 3, 8, 8}), 8);
  std::vector<ValueId> levels;
  for (const ValueId level : {x, m.max_pool(x, 2, 2)}) {
    const Shape s = m.graph.value(level).shape;
    const ValueId box = m.conv(level, 4, 1), score = m.unary(EltOp::kSigmoid, m.conv(level, 3, 1));
    levels.push_back(m.reshape(m.concat({box, score}, 1), {1, 7, s[2] * s[3]}));
  }
  m.output(m.transpose(m.concat(levels, 2), {0, 2, 1}));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 1);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("flatten before a product permutes the weights instead of the activations") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {2, 1, 4, 6}), 5);
  x = m.matmul(m.reshape(x, {2, 120}), m.constant({120, 7}));
  m.output(x);
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 0);
}

TEST_CASE("global pooling then flatten is free") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {1, 1, 4, 4}), 5);
  PoolAttributes a{PoolKind::kAverage, {4, 4}, {1, 1}, {1, 1}, {0, 0}, {0, 0}};
  m.output(m.reshape(m.op(Op::kPool, a, {x}), {1, 5}));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 0);
}

TEST_CASE("channel shuffle needs one transpose") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {1, 1, 4, 4}), 6);
  x = m.reshape(m.transpose(m.reshape(x, {1, 2, 3, 4, 4}), {0, 2, 1, 3, 4}), {1, 6, 4, 4});
  x = m.conv(x, 1);
  m.output(x);
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 1);
}

TEST_CASE("a model that is channels-last outside loses its transposes") {
  GraphMaker m;
  ValueId x = m.transpose(m.input("x", {1, 8, 8, 3}), {0, 3, 1, 2});
  x = m.transpose(m.conv(x, 4), {0, 2, 3, 1});
  x = m.unary(EltOp::kRelu, m.add(x, m.constant({4})));
  x = m.conv(m.transpose(x, {0, 3, 1, 2}), 5);
  m.output(m.transpose(x, {0, 2, 3, 1}));
  run_pass(m.graph, kLayoutPass);
  CHECK(count(m.graph, Op::kTranspose) == 0);
}

TEST_CASE("attributes of every axis-wise node move with the axes") {
  GraphMaker m;
  const ValueId x = m.conv(m.input("x", {1, 3, 5, 6}), 4);
  ValueId y = kNoValue;
  SUBCASE("softmax") { y = m.op(Op::kSoftmax, SoftmaxAttributes{1}, {x}); }
  SUBCASE("softmax, negative axis") { y = m.op(Op::kSoftmax, SoftmaxAttributes{-1}, {x}); }
  SUBCASE("running sum") {
    y = m.op(Op::kCumulative, CumulativeAttributes{false, -2, true, true}, {x});
  }
  SUBCASE("pad") {
    y = m.op(Op::kPad, PadAttributes{PadMode::kReflect, {0, 1, 2, 0}, {0, 0, 1, 3}}, {x});
  }
  SUBCASE("arg reduce") { y = m.op(Op::kArgReduce, ArgReduceAttributes{true, 1, true}, {x}); }
  SUBCASE("arg reduce, axis dropped") {
    y = m.op(Op::kArgReduce, ArgReduceAttributes{false, 2, false}, {x});
  }
  SUBCASE("mask") { y = m.op(Op::kArgmaxMask, AxisAttributes{1}, {x}, {1, 5, 6}, DType::kU8); }
  SUBCASE("reduce without keeping") {
    y = m.op(Op::kReduce, ReduceAttributes{ReduceOp::kMax, {1}, false}, {x});
  }
  SUBCASE("reduce over everything") {
    y = m.op(Op::kReduce, ReduceAttributes{ReduceOp::kSum, {0, 1, 2, 3}, false}, {x});
  }
  SUBCASE("tile") { y = m.op(Op::kTile, std::monostate(), {x}, {2, 4, 5, 18}); }
  SUBCASE("gather") {
    const ValueId i = m.graph.add_constant("i", DType::kI64, {2}, std::vector<int64_t>{3, 1});
    y = m.op(Op::kGather, AxisAttributes{1}, {x, i});
  }
  SUBCASE("gather one") {
    const ValueId i = m.graph.add_constant("i", DType::kI64, {}, std::vector<int64_t>{2});
    y = m.op(Op::kGather, AxisAttributes{2}, {x, i});
  }
  SUBCASE("slice with a step") {
    y = m.op(Op::kSlice, SliceAttributes{{0, 3, 0, 5}, {1, -1, 2, -2}}, {x}, {1, 4, 3, 3});
  }
  SUBCASE("resize") {
    ResizeAttributes a;
    a.mode = ResizeMode::kLinear;
    a.scales = {1, 1, 2, 3};
    y = m.op(Op::kResize, a, {x}, {1, 4, 10, 18});
  }
  SUBCASE("depth to space") { y = m.op(Op::kDepthToSpace, DepthToSpaceAttributes{2, true}, {x}); }
  SUBCASE("lrn") { y = m.op(Op::kLrn, LrnAttributes{3, 0.5f, 0.75f, 1.0f, 1}, {x}); }
  SUBCASE("instance norm") {
    y = m.op(Op::kInstanceNorm, NormAttributes{}, {x, m.constant({4}), m.constant({4})});
  }
  SUBCASE("transposed convolution, groups") {
    ConvTransposeAttributes a{{3, 2}, {2, 1}, {1, 1}, {1, 0}, {0, 1}, {1, 0}, 2, {}};
    y = m.op(Op::kConvTranspose, a, {x, m.constant({4, 3, 3, 2}), m.constant({6})});
  }
  m.output(y);
  run_pass(m.graph, kLayoutPass);
  CHECK(inner_transposes(m.graph) == 0);
}

TEST_CASE("a stride of reshapes that splits channels across a merge keeps its meaning") {
  GraphMaker m;
  ValueId x = m.conv(m.input("x", {1, 3, 4, 6}), 4);
  x = m.reshape(x, {1, 6, 16});  // merges across channels: the transpose must stay
  m.output(m.unary(EltOp::kTanh, x));
  run_pass(m.graph, kLayoutPass);
}

TEST_CASE("a frame enters channels-last whichever way the model declares it") {
  for (const Shape& shape : {Shape{1, 3, 4, 6}, Shape{1, 4, 6, 3}}) {
    GraphMaker m;
    PreprocessAttributes a;
    a.width = 6;
    a.height = 4;
    ValueId x = m.op(Op::kPreprocess, a, {}, shape);
    m.output(m.unary(EltOp::kRelu, x));
    verify(m.graph);
    kLayoutPass.run(m.graph, on_cpu());
    verify(m.graph);
    const Node& frame = m.graph.node(m.graph.order()[0]);
    REQUIRE(frame.op == Op::kPreprocess);
    CHECK(m.graph.value(frame.outputs[0]).shape == Shape{1, 4, 6, 3});
  }
}
