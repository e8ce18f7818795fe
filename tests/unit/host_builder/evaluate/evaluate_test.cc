// One node at a time through lowering and the kernels, as constant folding does.
#include "host_builder/evaluate/evaluate.h"

#include <doctest/doctest.h>

#include "host_builder/support/error.h"

using namespace stint;
using namespace stint::builder;

namespace {

template <typename T>
HostTensor tensor(DType dtype, Shape shape, const std::vector<T>& values) {
  HostTensor t;
  t.dtype = dtype;
  t.shape = std::move(shape);
  const auto* p = reinterpret_cast<const std::byte*>(values.data());
  t.data.assign(p, p + values.size() * sizeof(T));
  return t;
}

/// Builds a graph with the one node and evaluates it on the operands.
template <typename T>
std::vector<T> evaluate(Op op, Attributes attributes, const std::vector<HostTensor>& operands,
                        DType dtype, Shape shape, bool channels_last = false) {
  Graph graph;
  graph.channels_last = channels_last;
  Node node;
  node.name = "n";
  node.op = op;
  node.attributes = std::move(attributes);
  std::vector<const HostTensor*> pointers;
  for (const HostTensor& t : operands) {
    node.inputs.push_back(graph.add_value("x" + std::to_string(pointers.size()), t.dtype, t.shape));
    pointers.push_back(&t);
  }
  node.outputs = {graph.add_value("y", dtype, std::move(shape))};
  const std::vector<HostTensor> results = evaluate_node(graph, node, pointers);
  REQUIRE(results.size() == 1);
  const T* p = results[0].as<T>();
  return std::vector<T>(p, p + results[0].data.size() / sizeof(T));
}

HostTensor i64(Shape shape, const std::vector<int64_t>& v) {
  return tensor(DType::kI64, std::move(shape), v);
}

std::vector<float> counting(int64_t n) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<float>(i));
  return v;
}

}  // namespace

TEST_CASE("shape arithmetic is evaluated exactly") {
  const HostTensor a = i64({4}, {1, 3, 224, 256}), two = i64({}, {2});
  CHECK(evaluate<int64_t>(Op::kBinary, BinaryAttributes{EltOp::kDiv}, {a, two}, DType::kI64, {4}) ==
        std::vector<int64_t>{0, 1, 112, 128});
  CHECK(evaluate<int64_t>(Op::kGather, AxisAttributes{0}, {a, i64({2}, {-1, 0})}, DType::kI64,
                          {2}) == std::vector<int64_t>{256, 1});
  CHECK(evaluate<int64_t>(Op::kConcat, AxisAttributes{0}, {a, i64({1}, {9})}, DType::kI64, {5}) ==
        std::vector<int64_t>{1, 3, 224, 256, 9});
  CHECK(evaluate<int64_t>(Op::kSlice, SliceAttributes{{3}, {-2}}, {a}, DType::kI64, {2}) ==
        std::vector<int64_t>{256, 3});
  CHECK(evaluate<int64_t>(Op::kReduce, ReduceAttributes{ReduceOp::kProd, {0}, false}, {a},
                          DType::kI64, {}) == std::vector<int64_t>{3 * 224 * 256});
  CHECK(evaluate<int64_t>(Op::kExpand, {}, {two}, DType::kI64, {3}) ==
        std::vector<int64_t>{2, 2, 2});
  CHECK(evaluate<int64_t>(Op::kTile, {}, {i64({2}, {1, 2})}, DType::kI64, {6}) ==
        std::vector<int64_t>{1, 2, 1, 2, 1, 2});
  CHECK(evaluate<int64_t>(Op::kReshape, {}, {a}, DType::kI64, {2, 2}) ==
        std::vector<int64_t>{1, 3, 224, 256});
  CHECK(evaluate<float>(Op::kCast, {}, {two}, DType::kF32, {}) == std::vector<float>{2.0f});
}

TEST_CASE("depth to space and back, in both layouts and both orders") {
  // The ONNX definition on N, C, H, W with block 2: DCR reads channel (by, bx, c), CRD reads (c,
  // by, bx).
  const HostTensor x = tensor(DType::kF32, {1, 8, 2, 3}, counting(48));
  for (const bool crd : {false, true}) {
    const std::vector<float> y = evaluate<float>(Op::kDepthToSpace, DepthToSpaceAttributes{2, crd},
                                                 {x}, DType::kF32, {1, 2, 4, 6});
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t h = 0; h < 4; ++h)
        for (int64_t w = 0; w < 6; ++w) {
          const int64_t by = h % 2, bx = w % 2;
          const int64_t deep = crd ? (c * 2 + by) * 2 + bx : (by * 2 + bx) * 2 + c;
          CHECK(y[static_cast<size_t>((c * 4 + h) * 6 + w)] ==
                static_cast<float>((deep * 2 + h / 2) * 3 + w / 2));
        }
  }
  const HostTensor last = tensor(DType::kF32, {1, 2, 3, 8}, counting(48));
  const std::vector<float> flat = evaluate<float>(
      Op::kDepthToSpace, DepthToSpaceAttributes{2, true}, {last}, DType::kF32, {1, 4, 6, 2}, true);
  for (int64_t h = 0; h < 4; ++h)
    for (int64_t w = 0; w < 6; ++w)
      for (int64_t c = 0; c < 2; ++c)
        CHECK(flat[static_cast<size_t>((h * 6 + w) * 2 + c)] ==
              static_cast<float>((h / 2 * 3 + w / 2) * 8 + (c * 2 + h % 2) * 2 + w % 2));
  const HostTensor big = tensor(DType::kF32, {1, 4, 6, 2}, counting(48));
  const std::vector<float> deep = evaluate<float>(
      Op::kSpaceToDepth, DepthToSpaceAttributes{2, false}, {big}, DType::kF32, {1, 2, 3, 8}, true);
  for (int64_t h = 0; h < 4; ++h)
    for (int64_t w = 0; w < 6; ++w)
      for (int64_t c = 0; c < 2; ++c)
        CHECK(deep[static_cast<size_t>((h / 2 * 3 + w / 2) * 8 + (h % 2 * 2 + w % 2) * 2 + c)] ==
              static_cast<float>((h * 6 + w) * 2 + c));
}

TEST_CASE("a node that cannot be evaluated says which and why") {
  CHECK_THROWS_WITH_AS(evaluate<int64_t>(Op::kGather, AxisAttributes{0},
                                         {i64({2}, {5, 6}), i64({1}, {2})}, DType::kI64, {1}),
                       doctest::Contains("index 2 is outside an axis of extent 2"), BuildError);
  CHECK_THROWS_WITH_AS(evaluate<int64_t>(Op::kUnary, UnaryAttributes{EltOp::kExp},
                                         {i64({2}, {5, 6})}, DType::kI64, {2}),
                       doctest::Contains("'n'"), BuildError);
  CHECK_THROWS_WITH_AS(evaluate<int64_t>(Op::kReshape, {}, {i64({2}, {5, 6})}, DType::kI64, {3}),
                       doctest::Contains("reshape"), BuildError);
}
