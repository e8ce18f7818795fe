// A model exported for one sample, built for a batch: the result is that of every sample alone, or
// there is none.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

using Ints = std::vector<int64_t>;

ImportOptions batch_of(int64_t batch) {
  ImportOptions options;
  options.batch = batch;
  return options;
}

HostTensor random_floats(const Shape& shape, std::mt19937& random) {
  std::vector<float> values(static_cast<size_t>(*checked_elements(shape)));
  for (float& v : values) v = std::uniform_real_distribution<float>(-2, 2)(random);
  HostTensor t{DType::kF32, shape, std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

/// Elements of one sample out of a result whose samples lie along `axis`, `inner` apart.
std::vector<std::byte> sample_of(const HostTensor& all, const Shape& one, int64_t batch, size_t b,
                                 size_t axis, int64_t inner) {
  int64_t after = inner;
  for (size_t i = axis + 1; i < one.size(); ++i) after *= one[i];
  const size_t run = static_cast<size_t>(after) * dtype_bytes(all.dtype);
  std::vector<std::byte> sample;
  for (size_t at = b * run; at < all.data.size(); at += run * static_cast<size_t>(batch))
    sample.insert(sample.end(), all.data.begin() + static_cast<int64_t>(at),
                  all.data.begin() + static_cast<int64_t>(at + run));
  return sample;
}

/// Every output of the model built for `batch` holds what the model gives for each sample alone.
void check_follows(const ModelBuilder& m, int64_t batch = 3) {
  const Graph one = m.import(batch_of(1)), all = m.import(batch_of(batch));
  verify(all);
  std::mt19937 random(7);
  std::vector<HostTensors> samples(static_cast<size_t>(batch));
  HostTensors together;
  for (ValueId id : one.inputs) {
    const Value& input = one.value(id);
    HostTensor joined{input.dtype, input.shape, {}};
    joined.shape[0] *= batch;
    for (auto& sample : samples) {
      sample[input.name] = random_floats(input.shape, random);
      const auto& bytes = sample[input.name].data;
      joined.data.insert(joined.data.end(), bytes.begin(), bytes.end());
    }
    together[input.name] = joined;
  }
  const HostTensors result = evaluate_graph(all, together);
  for (size_t b = 0; b < samples.size(); ++b) {
    const HostTensors expected = evaluate_graph(one, samples[b]);
    for (const auto& [name, own] : expected) {
      CAPTURE(name);
      CAPTURE(b);
      const HostTensor& found = result.at(name);
      size_t axis = 0;
      while (axis < own.shape.size() && own.shape[axis] == found.shape[axis]) ++axis;
      REQUIRE(axis < own.shape.size());
      REQUIRE(found.shape[axis] == own.shape[axis] * batch);
      const auto bytes = sample_of(found, own.shape, batch, b, axis, own.shape[axis]);
      REQUIRE(bytes.size() == own.data.size());
      const auto* f = reinterpret_cast<const float*>(bytes.data());
      for (size_t i = 0; i < bytes.size() / sizeof(float); ++i)
        REQUIRE(f[i] == doctest::Approx(own.as<float>()[i]).epsilon(1e-5));
    }
  }
}

std::vector<float> ramp(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(0.25f * static_cast<float>(i % 13) - 1.0f);
  return values;
}

void check_refused(const ModelBuilder& m, const std::string& part) {
  CHECK(m.refusal(batch_of(1)).empty());
  const std::string text = m.refusal(batch_of(3));
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  CHECK(text.find("a batch of 3") != std::string::npos);
  CHECK(text.find("--batch 1") != std::string::npos);
}

}  // namespace

TEST_CASE("a constant class token and position are of every sample") {
  ModelBuilder m;
  m.input("x", {1, 4, 6}).output("y");
  m.floats("token", {1, 1, 6}, ramp(6)).floats("position", {1, 5, 6}, ramp(30));
  m.node("Concat", {"token", "x"}, {"a"}).attribute("axis", int64_t{1});
  m.node("Add", {"a", "position"}, {"b"});
  m.node("Softmax", {"b"}, {"y"}).attribute("axis", int64_t{-1});
  check_follows(m);
}

TEST_CASE("the class token of an expanded constant, with and without the model's own batch") {
  for (bool computed : {false, true}) {
    ModelBuilder m;
    m.input("x", {1, 4, 6}).output("y").floats("token", {1, 1, 6}, ramp(6));
    m.integers("zero", {0}).integers("rest", {1, 6}).integers("literal", {1, 1, 6});
    m.node("Shape", {"x"}, {"s"});
    m.node("Gather", {"s", "zero"}, {"n"}).attribute("axis", int64_t{0});
    m.node("Concat", {"n", "rest"}, {"own"}).attribute("axis", int64_t{0});
    m.node("Expand", {"token", computed ? "own" : "literal"}, {"tokens"});
    m.node("Concat", {"tokens", "x"}, {"a"}).attribute("axis", int64_t{1});
    m.node("Softmax", {"a"}, {"y"}).attribute("axis", int64_t{-1});
    check_follows(m);
  }
}

TEST_CASE("windows beside the batch, with a mask for each window") {
  // [1, 4, 6, 5] in windows of 2x3: 4 of them, as a shifted window transformer writes it.
  ModelBuilder m;
  m.input("x", {1, 4, 6, 5}).output("y").floats("mask", {4, 1, 6, 6}, ramp(144));
  m.integers("split", {1, 2, 2, 2, 3, 5}).integers("windows", {4, 6, 5});
  m.integers("heads", {4, 6, 1, 5}).integers("joined", {1, 4, 1, 6, 6});
  m.integers("apart", {-1, 1, 6, 6})
      .integers("back", {1, 2, 2, 2, 3, 5})
      .integers("map", {1, 4, 6, 5});
  m.integers("tokens", {4, 6, 5});
  m.floats("mask5", {1, 4, 1, 6, 6}, ramp(144));
  m.node("Reshape", {"x", "split"}, {"a"});
  m.node("Transpose", {"a"}, {"b"}).attribute("perm", Ints{0, 1, 3, 2, 4, 5});
  m.node("Reshape", {"b", "windows"}, {"w"});
  m.node("Reshape", {"w", "heads"}, {"q"});
  m.node("Transpose", {"q"}, {"q2"}).attribute("perm", Ints{0, 2, 1, 3});
  m.node("Transpose", {"q"}, {"k2"}).attribute("perm", Ints{0, 2, 3, 1});
  m.node("MatMul", {"q2", "k2"}, {"dots"});
  m.node("Add", {"dots", "mask"}, {"masked"});
  m.node("Reshape", {"masked", "joined"}, {"m5"});
  m.node("Add", {"m5", "mask5"}, {"m6"});
  m.node("Reshape", {"m6", "apart"}, {"m7"});
  m.node("Softmax", {"m7"}, {"p"}).attribute("axis", int64_t{-1});
  m.node("MatMul", {"p", "q2"}, {"o"});
  m.node("Reshape", {"o", "tokens"}, {"o1"});
  m.node("Reshape", {"o1", "back"}, {"o2"});
  m.node("Transpose", {"o2"}, {"o3"}).attribute("perm", Ints{0, 1, 3, 2, 4, 5});
  m.node("Reshape", {"o3", "map"}, {"y"});
  check_follows(m);
}

TEST_CASE("attention with the sequence first, heads beside the batch") {
  ModelBuilder m;
  m.input("x", {1, 7, 8}).output("y").floats("w", {8, 8}, ramp(64));
  m.integers("heads", {7, 2, 4}).integers("rows", {7, 8}).integers("seq", {7, 1, 8});
  m.node("Transpose", {"x"}, {"t"}).attribute("perm", Ints{1, 0, 2});  // [7, 1, 8]
  m.node("MatMul", {"t", "w"}, {"p"});
  m.node("Reshape", {"p", "heads"}, {"h"});  // [7, heads, 4]
  m.node("Transpose", {"h"}, {"q"}).attribute("perm", Ints{1, 0, 2});
  m.node("Transpose", {"h"}, {"k"}).attribute("perm", Ints{1, 2, 0});
  m.node("MatMul", {"q", "k"}, {"d"});
  m.node("Softmax", {"d"}, {"s"}).attribute("axis", int64_t{-1});
  m.node("MatMul", {"s", "q"}, {"o"});
  m.node("Transpose", {"o"}, {"o1"}).attribute("perm", Ints{1, 0, 2});
  m.node("Reshape", {"o1", "rows"}, {"o2"});
  m.node("Gemm", {"o2", "w"}, {"o3"});
  m.node("Reshape", {"o3", "seq"}, {"o4"});
  m.node("Transpose", {"o4"}, {"y"}).attribute("perm", Ints{1, 0, 2});
  check_follows(m);
}

TEST_CASE("a detection head: reshapes, slices, constants and assignments to slices") {
  ModelBuilder m;
  m.input("x", {1, 12, 2, 3}).output("y");
  m.integers("split", {1, 2, 6, 2, 3}).integers("rows", {1, -1, 6});
  m.integers("b0", {0}).integers("b2", {2}).integers("last", {2}).integers("one", {1});
  m.floats("grid", {1, 12, 2}, ramp(24)).floats("stride", {1, 12, 1}, ramp(12));
  // y[..., 0:2]: rows of (0, row, column) for every row
  Ints places;
  for (int64_t row = 0; row < 12; ++row)
    for (int64_t column = 0; column < 2; ++column) places.insert(places.end(), {0, row, column});
  m.integers("places", places).integers("tuple", {1, 12, 2, 3});
  m.node("Reshape", {"places", "tuple"}, {"indices"});
  m.node("Reshape", {"x", "split"}, {"a"});
  m.node("Transpose", {"a"}, {"b"}).attribute("perm", Ints{0, 1, 3, 4, 2});
  m.node("Reshape", {"b", "rows"}, {"c"});
  m.node("Sigmoid", {"c"}, {"d"});
  m.node("Slice", {"d", "b0", "b2", "last", "one"}, {"xy"});
  m.node("Add", {"xy", "grid"}, {"xy1"});
  m.node("Mul", {"xy1", "stride"}, {"xy2"});
  m.node("ScatterND", {"d", "indices", "xy2"}, {"y"});
  check_follows(m);
}

TEST_CASE("the best rows of every sample, by GatherElements") {
  ModelBuilder m;
  m.input("x", {1, 9, 4}).input("scores", {1, 9}).output("y");
  m.integers("k", {5}).integers("last", {-1}).integers("target", {1, 5, 4});
  m.node("TopK", {"scores", "k"}, {"values", "index"}).attribute("axis", int64_t{1});
  m.node("Unsqueeze", {"index", "last"}, {"i1"});
  m.node("Expand", {"i1", "target"}, {"i2"});
  m.node("GatherElements", {"x", "i2"}, {"y"}).attribute("axis", int64_t{1});
  check_follows(m);
}

TEST_CASE("constant indices into every sample") {
  ModelBuilder m;
  m.input("x", {1, 4, 3}).output("y").output("z");
  m.integers("flat", {3, 0, 1, 1, 2, 3}).integers("shape", {1, 2, 3});
  m.integers("tuples", {0, 3, 0, 1}).integers("pairs", {1, 2, 2});
  m.node("Reshape", {"flat", "shape"}, {"indices"});
  m.node("GatherElements", {"x", "indices"}, {"a"}).attribute("axis", int64_t{1});
  m.node("Relu", {"a"}, {"y"});
  m.node("Reshape", {"tuples", "pairs"}, {"t"});
  m.node("GatherND", {"x", "t"}, {"z"});
  check_follows(m);
}

TEST_CASE("running sums beside the batch follow it, along the batch they do not") {
  const auto model = [](int64_t axis) {
    ModelBuilder m(14);
    m.input("x", {1, 4, 3}).output("y").integers("axis", {axis});
    m.node("CumSum", {"x", "axis"}, {"y"}).attribute("reverse", int64_t{1});
    return m;
  };
  check_follows(model(1));
  check_follows(model(-1));
  check_refused(model(0), "it works along axis 0, which holds the samples");
}

TEST_CASE("usual tails follow the batch") {
  {
    ModelBuilder m;  // global pooling, flatten, fully connected
    m.input("x", {1, 3, 4, 4})
        .output("y")
        .floats("w", {5, 3}, ramp(15))
        .floats("c", {1, 5}, ramp(5));
    m.node("GlobalAveragePool", {"x"}, {"p"}).node("Flatten", {"p"}, {"f"});
    m.node("Gemm", {"f", "w", "c"}, {"g"}).attribute("transB", int64_t{1});
    m.node("Softmax", {"g"}, {"y"}).attribute("axis", int64_t{1});
    check_follows(m);
  }
  {
    ModelBuilder m;  // channel shuffle, squeeze and excitation, literals throughout
    m.input("x", {1, 4, 3, 3}).output("y");
    m.integers("groups", {1, 2, 2, 3, 3}).integers("back", {1, 4, 3, 3}).integers("flat", {-1, 4});
    m.integers("plane", {-1, 4, 1, 1}).floats("w", {4, 4}, ramp(16));
    m.node("Reshape", {"x", "groups"}, {"a"});
    m.node("Transpose", {"a"}, {"b"}).attribute("perm", Ints{0, 2, 1, 3, 4});
    m.node("Reshape", {"b", "back"}, {"c"});
    m.node("GlobalAveragePool", {"c"}, {"d"}).node("Reshape", {"d", "flat"}, {"e"});
    m.node("MatMul", {"e", "w"}, {"f"}).node("Sigmoid", {"f"}, {"g"});
    m.node("Reshape", {"g", "plane"}, {"h"}).node("Mul", {"c", "h"}, {"y"});
    check_follows(m);
  }
  {
    ModelBuilder m;  // targets made of the model's own extents, with -1 in the middle
    m.input("x", {1, 6, 2, 4}).output("y");
    m.integers("zero", {0}).integers("two", {2}).integers("open", {-1}).integers("four", {4});
    m.node("Shape", {"x"}, {"s"});
    m.node("Gather", {"s", "zero"}, {"n"}).attribute("axis", int64_t{0});
    m.node("Concat", {"n", "two", "open", "four"}, {"t"}).attribute("axis", int64_t{0});
    m.node("Reshape", {"x", "t"}, {"a"});
    m.node("ReduceMean", {"a"}, {"y"}).attribute("axes", Ints{2}).attribute("keepdims", int64_t{0});
    check_follows(m);
  }
  {
    ModelBuilder m;  // products of every sample with itself
    m.input("x", {1, 3, 4}).output("y");
    m.node("Transpose", {"x"}, {"t"}).attribute("perm", Ints{0, 2, 1});
    m.node("MatMul", {"x", "t"}, {"y"});
    check_follows(m);
  }
  {
    ModelBuilder m;  // relative positions
    m.input("x", {1, 2, 3, 4}).output("y").floats("r", {2, 3, 4}, ramp(24));
    m.node("Einsum", {"x", "r"}, {"y"}).attribute("equation", std::string("bhwc,hkc->bhwk"));
    check_follows(m);
  }
}

TEST_CASE("queries, keys and values of one product, and the first token's class") {
  ModelBuilder m;
  m.input("x", {1, 5, 6}).output("y").floats("w", {6, 18}, ramp(108)).floats("c", {6, 4}, ramp(24));
  m.integers("split", {1, 5, 3, 2, 3}).integers("joined", {1, 5, 6}).integers("rows", {5, 18});
  m.node("MatMul", {"x", "w"}, {"p"});
  m.node("Reshape", {"p", "rows"}, {"p2"});  // as for a Gemm over tokens
  m.node("Reshape", {"p2", "split"}, {"s"});
  m.node("Transpose", {"s"}, {"t"}).attribute("perm", Ints{2, 0, 3, 1, 4});
  for (int64_t i = 0; i < 3; ++i) {
    const std::string name = std::string(1, "qkv"[i]);
    m.integers("i" + name, {i});
    m.node("Gather", {"t", "i" + name}, {name + "1"}).attribute("axis", int64_t{0});
    m.integers("a" + name, {0}).node("Squeeze", {name + "1", "a" + name}, {name});
  }
  m.node("Transpose", {"k"}, {"kt"}).attribute("perm", Ints{0, 1, 3, 2});
  m.node("MatMul", {"q", "kt"}, {"d"});
  m.node("Softmax", {"d"}, {"a"}).attribute("axis", int64_t{-1});
  m.node("MatMul", {"a", "v"}, {"o"});
  m.node("Transpose", {"o"}, {"o2"}).attribute("perm", Ints{0, 2, 1, 3});
  m.node("Reshape", {"o2", "joined"}, {"o3"}).node("Add", {"o3", "x"}, {"r"});
  m.node("Gather", {"r", "aq"}, {"cls"}).attribute("axis", int64_t{1});
  m.node("Flatten", {"cls"}, {"f"}).node("MatMul", {"f", "c"}, {"y"});
  check_follows(m);
}

TEST_CASE("patches unfolded with channels and rows beside the batch") {
  // [1, 4, 4, 6] as [4 * 2, 2, 3, 2]: MobileViT's way to sequences of patches
  ModelBuilder m;
  m.input("x", {1, 4, 4, 6}).output("y");
  m.integers("fold", {8, 2, 3, 2})
      .integers("sequences", {1, 4, 6, 4})
      .integers("back", {8, 3, 2, 2});
  m.integers("image", {1, 4, 4, 6});
  m.node("Reshape", {"x", "fold"}, {"a"});
  m.node("Transpose", {"a"}, {"b"}).attribute("perm", Ints{0, 2, 1, 3});
  m.node("Reshape", {"b", "sequences"}, {"c"});
  m.node("Transpose", {"c"}, {"d"}).attribute("perm", Ints{0, 3, 2, 1});
  m.node("Softmax", {"d"}, {"e"}).attribute("axis", int64_t{2});
  m.node("Transpose", {"e"}, {"f"}).attribute("perm", Ints{0, 3, 2, 1});
  m.node("Reshape", {"f", "back"}, {"g"});
  m.node("Transpose", {"g"}, {"h"}).attribute("perm", Ints{0, 2, 1, 3});
  m.node("Reshape", {"h", "image"}, {"y"});
  check_follows(m);
}

TEST_CASE("sizes that hold the batch of 1 are of every sample") {
  ModelBuilder m;
  m.input("x", {1, 2, 3, 3}).output("y").integers("sizes", {1, 2, 6, 6});
  m.integers("target", {1, 2, 6, 6});
  m.node("Resize", {"x", "", "", "sizes"}, {"a"}).attribute("mode", std::string("linear"));
  m.node("Expand", {"a", "target"}, {"b"}).node("Relu", {"b"}, {"y"});
  check_follows(m);
}

TEST_CASE("what mixes or drops samples of a model exported for one is refused") {
  const auto one = [] {
    ModelBuilder m;
    m.input("x", {1, 4}).output("y").integers("zero", {0}).integers("one", {1});
    m.floats("row", {1, 4}, ramp(4));
    return m;
  };
  const auto refused = [&](const char* op, const std::vector<std::string>& inputs, int64_t axis,
                           const char* part) {
    ModelBuilder m = one();
    m.node(op, inputs, {"y"});
    m.attribute("axis", axis);
    CAPTURE(op);
    check_refused(m, part);
  };
  refused("Softmax", {"x"}, 0, "it works along axis 0, which holds the samples");
  refused("LogSoftmax", {"x"}, 0, "axis 0");
  refused("Gather", {"x", "zero"}, 0, "it takes elements along axis 0");
  refused("ArgMax", {"x"}, 0, "axis 0");
  refused("Concat", {"x", "row"}, 0, "belongs to no sample");
  {
    ModelBuilder m = one();
    m.node("Slice", {"x", "zero", "one", "zero"}, {"y"});
    check_refused(m, "it takes a part of axis 0");
  }
  {
    ModelBuilder m = one();
    m.node("ReduceMean", {"x"}, {"y"}).attribute("axes", Ints{0});
    check_refused(m, "node 'ReduceMean_1' (ReduceMean)");
  }
  {
    ModelBuilder m = one();
    m.node("ReduceMax", {"x"}, {"y"});  // of all axes
    check_refused(m, "axis 0");
  }
  {
    ModelBuilder m = one();
    m.node("Squeeze", {"x", "zero"}, {"y"});
    const std::string text = m.refusal(batch_of(3));
    CHECK(text.find("holds the samples of the batch") != std::string::npos);
  }
  {
    ModelBuilder m = one();
    m.node("Transpose", {"x"}, {"t"}).attribute("perm", Ints{1, 0});
    m.node("MatMul", {"t", "x"}, {"y"});
    check_refused(m, "it works along axis 1");
  }
  {
    ModelBuilder m = one();
    m.node("Transpose", {"x"}, {"t"}).attribute("perm", Ints{1, 0});
    m.node("MatMul", {"x", "t"}, {"y"});
    check_refused(m, "every sample");
  }
  {
    ModelBuilder m;
    m.input("x", {1, 1}).output("y");
    m.node("Transpose", {"x"}, {"t"}).attribute("perm", Ints{1, 0});
    m.node("Add", {"x", "t"}, {"y"});
    check_refused(m, "every sample meets every other");
  }
  {
    ModelBuilder m = one();
    m.integers("flat", {4});
    m.node("Reshape", {"x", "flat"}, {"f"});
    m.node("Softmax", {"f"}, {"y"}).attribute("axis", int64_t{0});
    check_refused(m, "axis 0");
  }
  {
    ModelBuilder m;  // the boxes that one sample keeps are rows of a list of all samples
    m.input("boxes", {1, 6, 4}).input("scores", {1, 1, 6}).output("y");
    m.integers("most", {2}).integers("column", {2});
    m.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"rows"});
    m.node("Gather", {"rows", "column"}, {"i"}).attribute("axis", int64_t{1});
    m.node("Identity", {"i"}, {"y"});
    check_refused(m, "NonMaxSuppression");
  }
}

TEST_CASE("a shape with the batch in it is followed like the batch alone") {
  ModelBuilder m;
  m.input("x", {1, 2, 6}).output("y").integers("shape", {1, 12});
  m.node("Reshape", {"x", "shape"}, {"y"});
  ImportOptions options = batch_of(3);
  options.shapes["x"] = {3, 2, 6};
  const Graph graph = m.import(options);
  CHECK(graph.value(graph.outputs[0]).shape == Shape{3, 12});
}

TEST_CASE("an open batch means what the model says") {
  ModelBuilder m;
  m.input("x", {-1, 4}).output("y").output("z").integers("two", {2, -1});
  m.node("Softmax", {"x"}, {"y"}).attribute("axis", int64_t{0});
  m.node("Reshape", {"x", "two"}, {"z"});
  const Graph graph = m.import(batch_of(4));
  CHECK(graph.value(graph.outputs[0]).shape == Shape{4, 4});
  CHECK(graph.value(graph.outputs[1]).shape == Shape{2, 8});
}

TEST_CASE("what cannot follow the batch names it as the cause") {
  ModelBuilder m;
  m.input("x", {1, 4, 6}).output("y").floats("token", {2, 1, 6}, ramp(12));
  m.integers("two", {2, 4, 6});
  m.node("Expand", {"x", "two"}, {"e"});
  m.node("Concat", {"token", "e"}, {"y"}).attribute("axis", int64_t{1});
  CHECK(m.refusal(batch_of(1)).empty());
  const std::string text = m.refusal(batch_of(3));
  CAPTURE(text);
  CHECK(text.find("Expand") != std::string::npos);
  CHECK(text.find("another batch than 3") != std::string::npos);
}

}  // namespace stint::builder
