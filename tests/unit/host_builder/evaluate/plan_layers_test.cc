// What a plan's steps wrote is read from the plan's own run: another plan, other values, whatever
// model it is compared with.
#include "host_builder/evaluate/plan_layers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "host_builder/builder/builder.h"
#include "tests/support/aligned_bytes.h"
#include "tests/support/cuda_twin.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_plan.h"

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
  Options options;
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

TEST_CASE("the results of a device's steps are read from the device") {
  test::FakeCuda fake;
  test::PlanSpec spec = test::with_cuda_twin(test::tiny_plan(), &fake);
  for (test::VariantSpec& variant : spec.variants)
    for (test::ProgramSpec& program : variant.programs) {
      program.tensors[2].name = "joined";
      program.tensors[3].name = "turned";
    }
  const test::AlignedBytes file = test::write_plan(spec);
  Plan plan;
  REQUIRE(ok(plan.open(file.data(), file.size())));
  constexpr size_t kCount = test::kTinyRows * test::kTinyColumns;
  std::vector<float> x(kCount);
  for (size_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i) + 0.5f;
  std::map<std::string, std::vector<std::byte>> results[2];
  for (const bool on_device : {false, true}) {
    observe_layers(
        plan, on_device ? test::kTwinTarget : "cpu", 1, Options(),
        [&](Session& session) {
          std::memcpy(session.input_data(0), x.data(), x.size() * sizeof(float));
        },
        [&](const std::string& name, const HostTensor& tensor) {
          results[on_device ? 1 : 0][name] = tensor.data;
        });
  }
  CHECK(results[0].size() == 2);
  CHECK(results[0] == results[1]);
  CHECK(std::memcmp(results[1]["joined"].data(), x.data(), x.size() * sizeof(float)) == 0);
  CHECK_MESSAGE(fake.misuse().empty(), fake.misuse());
  CHECK(fake.live() == 0);
}

}  // namespace stint::builder
