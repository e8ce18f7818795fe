// A network made by hand, without any model file: what importers use, and programs can.
#include "host_builder/network/network_builder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "host_builder/builder/builder.h"
#include "host_builder/emit/describe.h"
#include "host_builder/evaluate/plan_layers.h"
#include "tests/support/aligned_bytes.h"
#include "tests/support/mentions.h"

namespace stint::builder {
namespace {

constexpr int kIn = 2, kOut = 4, kHeight = 7, kWidth = 6;  // of the input
constexpr int kRows = 4, kColumns = 3;                     // of the convolution, SAME, stride 2
constexpr int kPooledRows = 2, kPooledColumns = 2;         // rounded up, stride 2

std::vector<float> noise(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

const std::vector<float> kWeights = noise(kOut * kIn * 9, 1), kBias = noise(kOut, 2),
                         kShift = noise(kOut, 3);

/// y = relu(pool(conv(x)) + shift)
Graph network(const NetworkOptions& options) {
  NetworkBuilder net(options);
  net.set_name("by hand");
  const ValueId x = net.add_input({"x", DType::kF32, {-1, kIn, kHeight, kWidth}});
  const ValueId weights = net.add_constant("weights", DType::kF32, {kOut, kIn, 3, 3}, kWeights);
  const ValueId bias = net.add_constant("bias", DType::kF32, {kOut}, kBias);
  const ValueId shift = net.add_constant("shift", DType::kF32, {kOut, 1, 1}, kShift);
  Window same;
  same.strides = {2, 2};
  same.padding = Padding::kSameUpper;
  net.begin_node("conv");
  const ValueId conv = net.conv(x, weights, bias, same);
  Window pairs;
  pairs.kernel = pairs.strides = {2, 2};
  pairs.round_up = true;
  net.begin_node("pool");
  const ValueId pooled = net.pool(PoolKind::kMax, conv, pairs);
  net.begin_node("shifted");
  const ValueId sum = net.binary(EltOp::kAdd, pooled, shift);
  net.begin_node("relu");
  net.mark_output(net.unary(EltOp::kRelu, sum), "y");
  return net.finish();
}

/// Of one sample, from the definitions.
std::vector<double> reference(const float* x) {
  double conv[kOut][kRows][kColumns];
  for (int m = 0; m < kOut; ++m)
    for (int r = 0; r < kRows; ++r)
      for (int c = 0; c < kColumns; ++c) {
        double sum = kBias[static_cast<size_t>(m)];
        for (int k = 0; k < kIn; ++k)
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) {
              // Two rows of padding, one on each side; one column, at the end.
              const int row = 2 * r + i - 1, column = 2 * c + j;
              if (row < 0 || row >= kHeight || column >= kWidth) continue;
              const auto w = static_cast<size_t>(((m * kIn + k) * 3 + i) * 3 + j);
              sum += static_cast<double>(kWeights[w]) *
                     static_cast<double>(x[(k * kHeight + row) * kWidth + column]);
            }
        conv[m][r][c] = sum;
      }
  std::vector<double> y;
  for (int m = 0; m < kOut; ++m)
    for (int r = 0; r < kPooledRows; ++r)
      for (int c = 0; c < kPooledColumns; ++c) {
        double most = -INFINITY;
        for (int row = 2 * r; row < std::min(2 * r + 2, kRows); ++row)
          for (int column = 2 * c; column < std::min(2 * c + 2, kColumns); ++column)
            most = std::max(most, conv[m][row][column]);
        y.push_back(std::max(0.0, most + static_cast<double>(kShift[static_cast<size_t>(m)])));
      }
  return y;
}

std::string error_of(NetworkBuilder& net) {
  try {
    net.finish();
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

NetworkOptions with_batch(int64_t batch) {
  NetworkOptions options;
  options.batch = batch;
  return options;
}

}  // namespace

TEST_CASE("a network made by hand becomes a plan that computes it, for every batch") {
  BuildOptions options;
  options.batches = {1, 4};
  const std::vector<std::byte> bytes = build_plan(network, options, nullptr);
  CHECK(bytes == build_plan(network, options, nullptr));
  const test::AlignedBytes aligned(bytes.data(), bytes.size());
  Plan plan;
  REQUIRE(ok(plan.open(aligned.data(), aligned.size())));
  CHECK(std::string(plan.name()) == "by hand");
  constexpr size_t kSample = size_t{kIn} * kHeight * kWidth;
  for (const uint32_t batch : {1u, 4u}) {
    CAPTURE(batch);
    const std::vector<float> x = noise(kSample * batch, 4);
    std::map<std::string, HostTensor> results;
    observe_layers(
        plan, "cpu", batch, STINT_OPTIONS_INIT,
        [&](Session& session) {
          std::copy(x.begin(), x.end(), static_cast<float*>(session.input_data(0)));
        },
        [&](const std::string& name, const HostTensor& tensor) { results[name] = tensor; });
    REQUIRE(results.count("y") == 1);
    const HostTensor& y = results.at("y");
    CHECK(y.shape == Shape{batch, kOut, kPooledRows, kPooledColumns});
    size_t at = 0;
    for (uint32_t sample = 0; sample < batch; ++sample)
      for (const double want : reference(x.data() + sample * kSample))
        CHECK(static_cast<double>(y.as<float>()[at++]) == doctest::Approx(want).epsilon(1e-5));
  }
}

TEST_CASE("other constants, another source") {
  const auto plan_with = [](float factor) {
    return build_plan(
        [factor](const NetworkOptions& options) {
          NetworkBuilder net(options);
          const ValueId x = net.add_input({"x", DType::kF32, {1, 4}});
          net.mark_output(net.binary(EltOp::kMul, x, net.scalar(DType::kF32, factor)), "y");
          return net.finish();
        },
        BuildOptions(), nullptr);
  };
  const auto source_of = [](const std::vector<std::byte>& bytes) {
    return describe_json(bytes).at("source_sha256").get<std::string>();
  };
  CHECK(source_of(plan_with(2.0f)) == source_of(plan_with(2.0f)));
  CHECK(source_of(plan_with(2.0f)) != source_of(plan_with(3.0f)));
}

TEST_CASE("what is computed of constants is a constant") {
  NetworkBuilder net({});
  const ValueId a = net.add_constant("a", DType::kF32, {2}, std::vector<float>{1, 2});
  const ValueId sum = net.binary(EltOp::kAdd, a, net.scalar(DType::kF32, 1.0));
  REQUIRE(net.graph().value(sum).is_constant());
  const auto* values = reinterpret_cast<const float*>(net.graph().value(sum).constant->data());
  CHECK(values[0] == 2.0f);
  CHECK(values[1] == 3.0f);
}

TEST_CASE("names that were asked for are kept, made-up ones make room, and none is given twice") {
  NetworkBuilder net({});
  const ValueId x = net.add_input({"x", DType::kF32, {1, 4}});
  net.begin_node("a");
  const ValueId first = net.unary(EltOp::kRelu, x);
  const std::string made_up = net.graph().value(first).name;
  net.mark_output(net.unary(EltOp::kNeg, first), made_up);
  CHECK(net.graph().value(net.graph().outputs.at(0)).name == made_up);
  CHECK(net.graph().value(first).name != made_up);
  CHECK_THROWS_WITH_AS(net.add_input({"x", DType::kF32, {1, 4}}),
                       doctest::Contains("another value has this name"), Refusal);
  CHECK_THROWS_AS(net.add_constant("x", DType::kF32, {1}, std::vector<float>{1}), Refusal);
  CHECK_THROWS_AS(net.mark_output(net.unary(EltOp::kAbs, x), "x"), Refusal);
  verify(net.finish());
}

TEST_CASE("inputs, constants and second names of a value are outputs by a copy") {
  NetworkBuilder net({});
  const ValueId x = net.add_input({"x", DType::kF32, {1, 4}});
  const ValueId c = net.add_constant("c", DType::kF32, {1}, std::vector<float>{7});
  const ValueId y = net.unary(EltOp::kRelu, x);
  net.mark_output(y, "y");
  net.mark_output(y, "z");
  net.mark_output(x, "x");
  net.mark_output(c, "c");
  const Graph graph = net.finish();
  verify(graph);
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  CHECK(names == std::vector<std::string>{"y", "z", "x/output", "c"});
  CHECK(graph.value(graph.inputs.at(0)).name == "x");
}

TEST_CASE("everything that is wrong is said at once, in the words of the source") {
  NetworkOptions options = with_batch(2);
  options.shapes["image"] = {1, 4};
  NetworkBuilder net(options, {"the sketch cannot be built:", "check the sketch", {}});
  const ValueId x = net.add_input({"x", DType::kF32, {2, 4}});
  net.findings().attempt("layer 'sum'", [&] {
    net.binary(EltOp::kAdd, x, net.constant(DType::kF32, {3}, std::vector<float>{1, 2, 3}));
  });
  net.findings().attempt("layer 'none'", [&] {
    throw Refusal("is of a kind that nobody knows", "replace the layer");
  });
  try {
    net.add_input({"v", DType::kF32, {1, -1}});
  } catch (const BuildError& error) {
    net.refuse_input("v", error);
  }
  const std::string error = error_of(net);
  mentions(error, "the sketch cannot be built:");
  mentions(error, "layer 'sum': ");
  mentions(error, "layer 'none': is of a kind that nobody knows; replace the layer");
  mentions(error, "input 'v': is [1,?]: axis 1 is open");
  mentions(error,
           "--shape image: the model has no input 'image'; name one of its inputs: 'x', 'v'");
  CHECK(std::count(error.begin(), error.end(), '\n') == 4);
}

TEST_CASE("a batch that no input can have, and a network without output, are refused") {
  NetworkBuilder fixed(with_batch(3));
  fixed.mark_output(fixed.add_input({"x", DType::kF32, {2, 4}}), "y");
  mentions(error_of(fixed), "batch 3: no input of the model has a first axis that is 1 or open");
  NetworkBuilder empty({});
  empty.add_input({"x", DType::kF32, {2, 4}});
  mentions(error_of(empty), "the network cannot be built:\n  - the model: has no output");
  CHECK_THROWS_AS(NetworkBuilder(with_batch(0)), Refusal);
}

}  // namespace stint::builder
