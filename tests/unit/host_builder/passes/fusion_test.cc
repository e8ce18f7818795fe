#include <doctest/doctest.h>

#include <cmath>

#include "host_builder/passes/linear.h"
#include "pass_check.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

ValueId transposed_conv(GraphMaker& m, ValueId x) {
  ConvTransposeAttributes a{{2, 3}, {2, 1}, {1, 1}, {0, 1}, {0, 1}, {0, 0}, 2, {}};
  return m.op(Op::kConvTranspose, a, {x, m.constant({4, 3, 2, 3})});
}

}  // namespace

TEST_CASE("batch normalisation and per-channel constants fold into weights and bias") {
  GraphMaker m;
  ValueId x = m.input("x", {2, 4, 5, 5});
  SUBCASE("convolution") { x = m.conv(x, 6, 3); }
  SUBCASE("convolution without a bias") { x = m.conv(x, 6, 3, 1, false); }
  SUBCASE("depthwise") { x = m.conv(x, 4, 3, 4); }
  SUBCASE("grouped, transposed") { x = transposed_conv(m, x); }
  const int64_t c = m.graph.value(x).shape[1];
  x = m.batch_norm(x);
  x = m.mul(x, m.constant({c, 1, 1}));
  x = m.binary(EltOp::kSub, m.constant({1, c, 1, 1}), x);
  x = m.binary(EltOp::kDiv, x, m.filled({}, 3.0f));
  m.output(m.add(x, m.constant({1})));
  CHECK(run_pass(m.graph, kFoldScalesPass) == 5);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("scales fold into a product by columns") {
  GraphMaker m;
  ValueId x = m.matmul(m.input("x", {3, 4}), m.constant({4, 5}));
  x = m.batch_norm(x);
  m.output(m.mul(m.add(x, m.constant({5})), m.constant({1, 5})));
  CHECK(run_pass(m.graph, kFoldScalesPass) == 3);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("what is not a scale per channel does not fold") {
  GraphMaker m;
  const ValueId x = m.conv(m.input("x", {1, 2, 3, 3}), 3);
  SUBCASE("per pixel") { m.output(m.mul(x, m.constant({3, 3}))); }
  SUBCASE("enlarging") { m.output(m.mul(x, m.constant({2, 3, 1, 1}))); }
  SUBCASE("not constant") { m.output(m.mul(x, m.input("s", {3, 1, 1}))); }
  SUBCASE("read by others") {
    m.output(m.mul(x, m.constant({3, 1, 1})));
    m.output(m.unary(EltOp::kExp, x));
  }
  SUBCASE("divided by") { m.output(m.binary(EltOp::kDiv, m.filled({1}, 2.0f), x)); }
  CHECK(run_pass(m.graph, kFoldScalesPass) == 0);
}

TEST_CASE("batch normalisation elsewhere becomes element-wise") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3, 4});
  SUBCASE("constant statistics") { m.output(m.batch_norm(x)); }
  SUBCASE("computed statistics") {
    const ValueId s = m.input("s", {3});
    m.output(m.op(
        Op::kBatchNorm, NormAttributes{},
        {x, s, m.input("b", {3}), m.input("m", {3}), m.unary(EltOp::kExp, m.input("v", {3}))}));
  }
  CHECK(run_pass(m.graph, kExpandBatchNormPass) == 1);
  CHECK(count(m.graph, Op::kBatchNorm) == 0);
}

TEST_CASE("neutral padding becomes the window's own") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 2, 6, 6});
  const auto pad = [&](double value) {
    return m.op(Op::kPad, PadAttributes{PadMode::kConstant, {0, 0, 1, 0}, {0, 0, 2, 1}, value},
                {x});
  };
  PoolAttributes average{PoolKind::kAverage, {2, 2}, {1, 1}, {1, 1}, {0, 0}, {0, 0}};
  SUBCASE("convolution") { m.output(m.conv(pad(0), 3)); }
  SUBCASE("average") { m.output(m.op(Op::kPool, average, {pad(0)})); }
  SUBCASE("average that counts its padding") {
    average.count_include_pad = true;
    average.pads_begin = {1, 1};
    m.output(m.op(Op::kPool, average, {pad(0)}));
  }
  SUBCASE("maximum") { m.output(m.max_pool(pad(-INFINITY), 2, 2)); }
  CHECK(run_pass(m.graph, kFoldPadsPass) == 1);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("padding that the window does not make stays") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 2, 6, 6});
  const auto pad = [&](PadMode mode, double value, int64_t channels) {
    return m.op(Op::kPad, PadAttributes{mode, {0, channels, 1, 0}, {0, 0, 2, 1}, value}, {x});
  };
  SUBCASE("another value") { m.output(m.conv(pad(PadMode::kConstant, 1, 0), 3)); }
  SUBCASE("reflection") { m.output(m.conv(pad(PadMode::kReflect, 0, 0), 3)); }
  SUBCASE("channels") { m.output(m.conv(pad(PadMode::kConstant, 0, 1), 3)); }
  SUBCASE("zero for a maximum") { m.output(m.max_pool(pad(PadMode::kConstant, 0, 0), 2, 2)); }
  SUBCASE("average with padding of its own") {
    PoolAttributes average{PoolKind::kAverage, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
    m.output(m.op(Op::kPool, average, {pad(PadMode::kConstant, 0, 0)}));
  }
  CHECK(run_pass(m.graph, kFoldPadsPass) == 0);
}

TEST_CASE("activation and residual become the epilogue") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 4, 5, 5});
  size_t nodes = 1;
  SUBCASE("residual, then activation") { m.output(m.unary(EltOp::kRelu, m.add(m.conv(x, 4), x))); }
  SUBCASE("activation, then residual") { m.output(m.add(x, m.unary(EltOp::kSilu, m.conv(x, 4)))); }
  SUBCASE("parameters") { m.output(m.unary(EltOp::kClip, m.conv(x, 4), -0.25f, 0.5f)); }
  SUBCASE("transposed convolution") { m.output(m.unary(EltOp::kElu, transposed_conv(m, x), 0.5f)); }
  SUBCASE("product") { m.output(m.unary(EltOp::kGelu, m.add(m.matmul(x, m.constant({5, 5})), x))); }
  SUBCASE("two convolutions added: the later takes it") {
    nodes = 2;
    m.output(m.unary(EltOp::kRelu, m.add(m.conv(x, 3), m.conv(x, 3, 1))));
  }
  SUBCASE("the residual is computed after the convolution") {
    nodes = 2;
    const ValueId y = m.conv(x, 4);
    m.output(m.add(y, m.unary(EltOp::kExp, x)));
  }
  SUBCASE("a second activation stays") {
    nodes = 2;
    m.output(m.unary(EltOp::kTanh, m.unary(EltOp::kRelu, m.conv(x, 4))));
  }
  SUBCASE("nothing after activation and residual") {
    nodes = 2;
    m.output(m.unary(EltOp::kRelu, m.add(m.unary(EltOp::kRelu, m.conv(x, 4)), x)));
  }
  SUBCASE("a residual that broadcasts stays") {
    nodes = 2;
    m.output(m.add(m.conv(x, 4), m.input("r", {4, 1, 1})));
  }
  SUBCASE("a result that is read twice stays") {
    nodes = 2;
    const ValueId y = m.conv(x, 4);
    m.output(y);
    m.output(m.unary(EltOp::kRelu, y));
  }
  SUBCASE("added to itself") {
    nodes = 2;
    const ValueId y = m.conv(x, 4);
    m.output(m.add(y, y));
  }
  run_pass(m.graph, kFuseVerticalPass);
  CHECK(m.graph.live_node_count() == nodes);
}

TEST_CASE("a convolution of blocks becomes a convolution of pixels") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 3, 8, 12});
  ValueId blocks = kNoValue;
  SUBCASE("focus, two slices each") {
    std::vector<ValueId> parts;
    for (const auto& [row, column] : {std::pair{0, 0}, {1, 0}, {0, 1}, {1, 1}}) {
      const ValueId rows =
          m.op(Op::kSlice, SliceAttributes{{0, 0, row, 0}, {1, 1, 2, 1}}, {x}, {2, 3, 4, 12});
      parts.push_back(
          m.op(Op::kSlice, SliceAttributes{{0, 0, 0, column}, {1, 1, 1, 2}}, {rows}, {2, 3, 4, 6}));
    }
    blocks = m.concat(parts, 1);
  }
  SUBCASE("space to depth") { blocks = m.op(Op::kSpaceToDepth, DepthToSpaceAttributes{2}, {x}); }
  m.output(m.conv(blocks, 5));
  CHECK(run_pass(m.graph, kFoldSpaceToDepthPass) == 1);
  CHECK(m.graph.live_node_count() == 1);
}

TEST_CASE("slices that do not make blocks are left alone") {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 3, 8, 8});
  const auto grid = [&](int64_t row, int64_t column) {
    return m.op(Op::kSlice, SliceAttributes{{0, 0, row, column}, {1, 1, 2, 2}}, {x}, {1, 3, 4, 4});
  };
  m.output(m.conv(m.concat({grid(0, 0), grid(1, 0), grid(0, 1), grid(0, 0)}, 1), 5));
  CHECK(run_pass(m.graph, kFoldSpaceToDepthPass) == 0);
}

TEST_CASE("sibling convolutions merge") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 4, 5, 5});
  const ValueId a = m.conv(x, 6, 1), b = m.conv(x, 3, 1, 1, false), c = m.conv(x, 2, 3);
  m.output(m.conv(a, 2));
  m.output(m.conv(b, 2));
  m.output(m.conv(c, 2));
  CHECK(run_pass(m.graph, kFuseHorizontalPass) == 1);
  CHECK(count(m.graph, Op::kSlice) == 2);
}

TEST_CASE("siblings stay apart where merging would cost a copy or mix epilogues") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 4, 5, 5});
  const ValueId a = m.conv(x, 6, 1), b = m.conv(x, 3, 1);
  SUBCASE("concatenated") { m.output(m.concat({a, b}, 1)); }
  SUBCASE("detection heads") {
    const ValueId heads[] = {m.transpose(a, {0, 2, 3, 1}), m.transpose(b, {0, 2, 3, 1})};
    m.output(m.concat({m.reshape(heads[0], {2, 50, 3}), m.reshape(heads[1], {2, 25, 3})}, 1));
  }
  SUBCASE("outputs") {
    m.output(a);
    m.output(b);
  }
  SUBCASE("different activations") {
    m.graph.node(m.graph.order()[0]).as<ConvAttributes>().epilogue.act = Activation::kRelu;
    m.output(m.conv(a, 2));
    m.output(m.conv(b, 3));
  }
  run_pass(m.graph, kFuseHorizontalPass);
  CHECK(count(m.graph, Op::kSlice) == 0);
}

TEST_CASE("attention's scale vanishes into the queries' weights") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 5, 12});
  const auto heads = [&](std::vector<int64_t> perm) {
    const ValueId y = m.add(m.matmul(x, m.constant({12, 12})), m.constant({12}));
    return m.transpose(m.reshape(y, {2, 5, 3, 4}), std::move(perm));
  };
  const ValueId q = heads({0, 2, 1, 3}), k = heads({0, 2, 3, 1});
  bool folds = true;
  ValueId y = kNoValue;
  SUBCASE("divided") { y = m.binary(EltOp::kDiv, m.matmul(q, k), m.filled({}, 2.0f)); }
  SUBCASE("multiplied, constant first") { y = m.mul(m.filled({1}, 0.5f), m.matmul(q, k)); }
  SUBCASE("both operands") {
    const ValueId half = m.filled({}, 0.70710678f);
    y = m.matmul(m.mul(q, half), m.mul(k, half));
  }
  SUBCASE("something in between") {
    folds = false;
    y = m.mul(m.unary(EltOp::kRelu, m.matmul(q, k)), m.filled({}, 0.5f));
  }
  SUBCASE("others read the product") {
    folds = false;
    const ValueId scores = m.matmul(q, k);
    m.output(scores);
    y = m.mul(scores, m.filled({}, 0.5f));
  }
  m.output(y);
  run_pass(m.graph, kFoldScalesPass);
  CHECK(count(m.graph, Op::kBinary) == (folds ? 0 : 1));
}

TEST_CASE("products that make heads of attention merge") {
  GraphMaker m;
  const ValueId x = m.input("x", {2, 5, 12});
  const auto heads = [&](ValueId of, std::vector<int64_t> perm, bool bias) {
    ValueId y = m.op(Op::kMatMul, MatMulAttributes{}, {of, m.constant({12, 12})});
    if (bias) y = m.add(y, m.constant({12}));
    return m.transpose(m.reshape(y, {2, 5, 3, 4}), std::move(perm));
  };
  size_t products = 3;
  bool other_reader = false;
  SUBCASE("three") {}
  SUBCASE("keys of another value") { products = 4; }
  SUBCASE("one that others read") {
    products = 4;
    other_reader = true;
  }
  const ValueId source = products == 4 && !other_reader ? m.input("z", {2, 5, 12}) : x;
  const ValueId q = heads(x, {0, 2, 1, 3}, true);
  const ValueId k = heads(source, {0, 2, 3, 1}, true), v = heads(x, {0, 2, 1, 3}, false);
  m.output(m.matmul(m.matmul(q, k), v));
  if (other_reader) m.output(m.unary(EltOp::kExp, k));
  kFoldScalesPass.run(m.graph, on_cpu());
  run_pass(m.graph, kFuseHorizontalPass);
  CHECK(count(m.graph, Op::kMatMul) == products);
  CHECK(count(m.graph, Op::kSlice) == (products == 3 ? 3 : 2));
}
