// GatherElements, GatherND, ScatterND, ScatterElements and Einsum against loops over their
// definitions, with operands of run time.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

template <typename T>
HostTensor tensor(DType dtype, const Shape& shape, const std::vector<T>& values) {
  HostTensor t{dtype, shape, std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

std::vector<float> random_floats(int64_t count, std::mt19937& random) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = std::uniform_real_distribution<float>(-2, 2)(random);
  return values;
}

std::vector<int64_t> random_indices(int64_t count, int64_t extent, std::mt19937& random) {
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (int64_t& v : values) v = static_cast<int64_t>(random() % (2 * extent)) - extent;
  return values;
}

const float* result(const ModelBuilder& m, const HostTensors& inputs, HostTensors& keep) {
  const Graph graph = m.import();
  verify(graph);
  keep = evaluate_graph(graph, inputs);
  return keep.at("y").as<float>();
}

}  // namespace

TEST_CASE("GatherElements with indices of run time, some negative") {
  std::mt19937 random(3);
  for (int64_t axis = 0; axis < 3; ++axis) {
    const Shape x{3, 4, 5};
    Shape i{2, 3, 4};
    i[static_cast<size_t>(axis)] = 6;
    const auto data = random_floats(60, random);
    const auto index = random_indices(i[0] * i[1] * i[2], x[static_cast<size_t>(axis)], random);
    ModelBuilder m;
    m.input("x", x).input("i", i, onnx::TensorProto::INT64).output("y");
    m.node("GatherElements", {"x", "i"}, {"y"}).attribute("axis", axis);
    HostTensors keep;
    const float* y = result(
        m, {{"x", tensor(DType::kF32, x, data)}, {"i", tensor(DType::kI64, i, index)}}, keep);
    for (int64_t a = 0, k = 0; a < i[0]; ++a) {
      for (int64_t b = 0; b < i[1]; ++b) {
        for (int64_t c = 0; c < i[2]; ++c, ++k) {
          int64_t at[] = {a, b, c};
          const int64_t v = index[static_cast<size_t>(k)];
          at[axis] = v < 0 ? v + x[static_cast<size_t>(axis)] : v;
          CHECK(y[k] == data[static_cast<size_t>((at[0] * 4 + at[1]) * 5 + at[2])]);
        }
      }
    }
  }
}

TEST_CASE("GatherND with indices of run time, with and without batch axes") {
  std::mt19937 random(4);
  for (int64_t batch_dims : {0, 1}) {
    const Shape x{3, 4, 5};
    const Shape i = batch_dims ? Shape{3, 6, 1} : Shape{6, 2};
    const auto data = random_floats(60, random);
    const auto index = random_indices(batch_dims ? 18 : 12, 3, random);
    ModelBuilder m;
    m.input("x", x).input("i", i, onnx::TensorProto::INT64).output("y");
    m.node("GatherND", {"x", "i"}, {"y"}).attribute("batch_dims", batch_dims);
    HostTensors keep;
    const float* y = result(
        m, {{"x", tensor(DType::kF32, x, data)}, {"i", tensor(DType::kI64, i, index)}}, keep);
    const auto from_start = [](int64_t v, int64_t extent) { return v < 0 ? v + extent : v; };
    for (int64_t k = 0; k < (batch_dims ? 18 : 6); ++k) {
      const int64_t row = batch_dims ? k / 6 : from_start(index[static_cast<size_t>(2 * k)], 3);
      const int64_t column = from_start(index[static_cast<size_t>(batch_dims ? k : 2 * k + 1)], 4);
      for (int64_t c = 0; c < 5; ++c)
        CHECK(y[k * 5 + c] == data[static_cast<size_t>((row * 4 + column) * 5 + c)]);
    }
  }
}

TEST_CASE("ScatterElements and ScatterND with constant indices, updates of run time") {
  std::mt19937 random(5);
  const auto data = random_floats(12, random), updates = random_floats(6, random);
  const std::vector<int64_t> index{1, -1, 1, 1, 1, -2};  // columns 0 and 2 of row 1 twice
  for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
    for (bool nd : {false, true}) {
      ModelBuilder m(18);
      m.input("x", {3, 4}).input("u", {2, 3}).output("y").integers("flat", index);
      m.integers("shape", {2, 3});
      std::vector<int64_t> pairs;
      for (int64_t k = 0; k < 6; ++k)
        pairs.insert(pairs.end(), {index[static_cast<size_t>(k)], k % 3});
      m.integers("pairs", pairs).integers("tuples", {2, 3, 2});
      m.node("Reshape", {nd ? "pairs" : "flat", nd ? "tuples" : "shape"}, {"i"});
      m.node(nd ? "ScatterND" : "ScatterElements", {"x", "i", "u"}, {"y"});
      m.attribute("reduction", std::string(reduction));
      HostTensors keep;
      const float* y = result(
          m,
          {{"x", tensor(DType::kF32, {3, 4}, data)}, {"u", tensor(DType::kF32, {2, 3}, updates)}},
          keep);
      auto expected = data;
      for (int64_t k = 0; k < 6; ++k) {
        const int64_t row = (index[static_cast<size_t>(k)] + 3) % 3;
        float& e = expected[static_cast<size_t>(row * 4 + k % 3)];
        const float u = updates[static_cast<size_t>(k)];
        const std::string r = reduction;
        e = r == "add"   ? e + u
            : r == "mul" ? e * u
            : r == "max" ? std::max(e, u)
            : r == "min" ? std::min(e, u)
                         : u;
      }
      CAPTURE(reduction);
      for (size_t k = 0; k < 12; ++k) CHECK(y[k] == doctest::Approx(expected[k]).epsilon(1e-6));
    }
  }
}

TEST_CASE("assignments to slices are concatenations, in every shape of box") {
  // y[b0:e0, b1:e1, b2:e2] = u, by ScatterND and by ScatterElements; a box of all is the updates.
  std::mt19937 random(8);
  const auto data = random_floats(60, random);
  const Shape boxes[][2] = {{{0, 0, 1}, {3, 4, 3}},
                            {{0, 1, 0}, {3, 2, 5}},
                            {{1, 1, 2}, {2, 4, 5}},
                            {{2, 0, 0}, {3, 4, 5}},
                            {{0, 0, 0}, {3, 4, 5}}};
  for (const auto& [begin, end] : boxes) {
    for (const char* reduction : {"none", "add"}) {
      std::vector<int64_t> tuples;
      auto expected = data;
      Shape size;
      for (size_t i = 0; i < 3; ++i) size.push_back(end[i] - begin[i]);
      const auto updates = random_floats(size[0] * size[1] * size[2], random);
      size_t k = 0;
      for (int64_t a = begin[0]; a < end[0]; ++a) {
        for (int64_t b = begin[1]; b < end[1]; ++b) {
          for (int64_t c = begin[2]; c < end[2]; ++c, ++k) {
            tuples.insert(tuples.end(), {a, b - 4, c});  // negative ones count from the end
            float& e = expected[static_cast<size_t>((a * 4 + b) * 5 + c)];
            e = updates[k] + (reduction == std::string("add") ? e : 0.0f);
          }
        }
      }
      ModelBuilder m(18);
      m.input("x", {3, 4, 5}).input("u", size).output("y").integers("flat", tuples);
      m.integers("shape", {size[0], size[1], size[2], 3});
      m.node("Reshape", {"flat", "shape"}, {"i"}).node("ScatterND", {"x", "i", "u"}, {"y"});
      m.attribute("reduction", std::string(reduction));
      const Graph graph = m.import();
      for (NodeId id : graph.order()) CHECK(graph.node(id).op != Op::kGather);
      HostTensors keep;
      const float* y = result(
          m,
          {{"x", tensor(DType::kF32, {3, 4, 5}, data)}, {"u", tensor(DType::kF32, size, updates)}},
          keep);
      for (size_t i = 0; i < 60; ++i) CHECK(y[i] == expected[i]);
    }
  }
}

TEST_CASE("indices outside, and places that are not known, are refused") {
  ModelBuilder outside;
  outside.input("x", {3, 4}).output("y").integers("i", {3});
  outside.integers("shape", {1, 1}).node("Reshape", {"i", "shape"}, {"j"});
  outside.node("GatherElements", {"x", "j"}, {"y"});
  CHECK(outside.refusal().find("index 3 is outside an axis of extent 3") != std::string::npos);
  ModelBuilder unknown;
  unknown.input("x", {3, 4}).input("i", {1, 1}, onnx::TensorProto::INT64).input("u", {1, 1});
  unknown.output("y").node("ScatterElements", {"x", "i", "u"}, {"y"});
  CHECK(unknown.refusal().find("must be known at build time") != std::string::npos);
}

namespace {

/// Einsum by its definition, for labels a to e.
std::vector<float> einsum(const std::vector<std::string>& terms, const std::string& output,
                          const std::vector<std::vector<float>>& data, const int* extents) {
  const auto flat = [&](const std::string& labels, const int* at) {
    size_t k = 0;
    for (char c : labels)
      k = k * static_cast<size_t>(extents[c - 'a']) + static_cast<size_t>(at[c - 'a']);
    return k;
  };
  size_t count = 1;
  for (char c : output) count *= static_cast<size_t>(extents[c - 'a']);
  std::vector<float> y(count, 0.0f);
  std::string all = output;
  for (const auto& term : terms)
    for (char c : term)
      if (all.find(c) == std::string::npos) all += c;
  int at[5] = {};
  for (bool more = true; more;) {
    float product = 1;
    for (size_t i = 0; i < terms.size(); ++i) product *= data[i][flat(terms[i], at)];
    y[flat(output, at)] += product;
    more = false;
    for (char c : all) {
      if (++at[c - 'a'] < extents[c - 'a']) {
        more = true;
        break;
      }
      at[c - 'a'] = 0;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("Einsum of one to three operands") {
  std::mt19937 random(6);
  const int extents[] = {2, 3, 4, 5, 2};
  const std::vector<std::pair<std::vector<std::string>, std::string>> equations = {
      {{"abcd", "bed"}, "abce"},
      {{"abcd", "abed"}, "abce"},
      {{"abc", "cd"}, "abd"},
      {{"ab", "ac"}, "abc"},
      {{"ab", "cd"}, "dacb"},
      {{"abc"}, "cab"},
      {{"abc"}, "b"},
      {{"aa"}, "a"},
      {{"aba"}, "b"},
      {{"abb", "ac"}, "cb"},
      {{"ab", "ab"}, ""},
      {{"ab", "bc", "cd"}, "ad"},
      {{"ab", "bc", "bd"}, "acd"},
      {{"abd", "bd"}, "ad"},
      {{"abe", "cbe", "e"}, "ca"},
      {{"aaa", "ab"}, "ba"}};
  for (const auto& [terms, output] : equations) {
    ModelBuilder m;
    std::string equation;
    HostTensors inputs;
    std::vector<std::vector<float>> data;
    std::vector<std::string> names;
    for (const auto& term : terms) {
      Shape shape;
      for (char c : term) shape.push_back(extents[c - 'a']);
      data.push_back(random_floats(*checked_elements(shape), random));
      names.push_back("x" + std::to_string(names.size()));
      inputs[names.back()] = tensor(DType::kF32, shape, data.back());
      m.input(names.back(), shape);
      equation += (equation.empty() ? "" : ", ") + term;
    }
    equation += " -> " + output;
    CAPTURE(equation);
    m.output("y").node("Einsum", names, {"y"}).attribute("equation", equation);
    HostTensors keep;
    const float* y = result(m, inputs, keep);
    const auto expected = einsum(terms, output, data, extents);
    REQUIRE(keep.at("y").data.size() == expected.size() * sizeof(float));
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-5));
  }
}

TEST_CASE("equations that do not fit are refused") {
  for (const char* equation : {"ab,bc->ad", "abc->a", "ab->aa", "a b,bc,cd->ad", "a1->a", ""}) {
    ModelBuilder m;
    m.input("x", {2, 3}).input("z", {3, 2}).output("y");
    m.node("Einsum", {"x", "z"}, {"y"}).attribute("equation", std::string(equation));
    CAPTURE(equation);
    CHECK(m.refusal().find("the equation '") != std::string::npos);
  }
}

}  // namespace stint::builder
