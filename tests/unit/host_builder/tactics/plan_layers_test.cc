// What a plan's steps wrote is read from the plan's own run: another plan, other values, whatever
// model it is compared with.
#include "host_builder/tactics/plan_layers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "host_builder/builder.h"
#include "tests/support/aligned_bytes.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

/// y1 = relu(first * x), then two branches of it that are added: 1x1 convolutions of one channel.
std::vector<std::byte> plan_of(float first) {
  ModelBuilder model;
  model.input("x", {1, 1, 4, 5})
      .floats("w1", {1, 1, 1, 1}, {first})
      .floats("w2", {1, 1, 1, 1}, {3.0f})
      .floats("w3", {1, 1, 1, 1}, {-5.0f})
      .node("Conv", {"x", "w1"}, {"c1"})
      .node("Relu", {"c1"}, {"y1"})
      .node("Conv", {"y1", "w2"}, {"y2"})
      .node("Conv", {"y1", "w3"}, {"y3"})
      .node("Add", {"y2", "y3"}, {"y4"})
      .node("Softmax", {"y4"}, {"y"})
      .output("y");
  const test::TemporaryFolder folder;
  const std::string bytes = model.bytes();
  return build_plan(folder.write("model.onnx", bytes.data(), bytes.size()), BuildOptions(),
                    nullptr);
}

std::map<std::string, HostTensor> layers_of(const std::vector<std::byte>& bytes, float x) {
  const test::AlignedBytes aligned(bytes.data(), bytes.size());
  Plan plan;
  REQUIRE(ok(plan.open(aligned.data(), aligned.size())));
  stint_options options = {};
  options.threads = 1;
  std::map<std::string, HostTensor> layers;
  observe_layers(
      plan, "cpu", 1, options,
      [&](Session& session) {
        for (int i = 0; i < 20; ++i)
          static_cast<float*>(session.input_data(0))[i] = x * static_cast<float>(i);
      },
      [&](const std::string& name, const HostTensor& tensor) {
        layers[name.substr(0, name.find('_'))] = tensor;  // y1_nhwc
      });
  return layers;
}

}  // namespace

TEST_CASE("every named result of a plan's steps is what that plan computes") {
  for (const float first : {2.0f, 7.0f}) {
    const auto layers = layers_of(plan_of(first), 0.5f);
    REQUIRE(layers.count("y1") == 1);
    REQUIRE(layers.count("y") == 1);
    for (int i = 0; i < 20; ++i)
      CHECK(layers.at("y1").as<float>()[i] ==
            doctest::Approx(static_cast<double>(first) * 0.5 * i).epsilon(1e-6));
    size_t between = 0;
    for (const char* name : {"y2", "y3", "y4"}) between += layers.count(name);
    CHECK(between > 0);
    if (layers.count("y4") == 1)
      CHECK(layers.at("y4").as<float>()[3] ==
            doctest::Approx(-2.0 * static_cast<double>(first) * 1.5).epsilon(1e-6));
  }
}

}  // namespace stint::builder
