// Published networks through the CPU kernels, as imported and after all passes: the same results.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "host_builder/builder/pass_list.h"
#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/import/importer.h"
#include "host_builder/passes/pass.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;

namespace {

HostTensors random_floats(const Graph& graph) {
  HostTensors inputs;
  std::mt19937 random(11);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  for (ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    HostTensor t{value.dtype, value.shape,
                 std::vector<std::byte>(static_cast<size_t>(value.bytes()))};
    for (int64_t i = 0; i < value.elements(); ++i) t.as<float>()[i] = uniform(random);
    inputs[value.name] = std::move(t);
  }
  return inputs;
}

double difference(const HostTensor& a, const HostTensor& b) {
  if (a.shape != b.shape || a.dtype != DType::kF32 || b.dtype != DType::kF32) return INFINITY;
  double worst = 0, range = 1e-6;
  for (size_t i = 0; i < a.data.size() / sizeof(float); ++i) {
    const double p = a.as<float>()[i], q = b.as<float>()[i];
    if (!std::isfinite(p) || !std::isfinite(q)) return INFINITY;
    range = std::max(range, std::fabs(p));
    worst = std::max(worst, std::fabs(p - q));
  }
  return worst / range;
}

}  // namespace

TEST_CASE("kernels compute the same before and after the passes") {
  const char* data = std::getenv("STINT_DATA");
  if (!data) {
    MESSAGE("skipped: set STINT_DATA to the folder of models");
    return;
  }
  for (const std::string model :
       {"yolox_nano/yolox_nano.onnx", "face_rfb320/version-RFB-320.onnx",
        "deeplab_v3/deeplab_v3_1_default_1.onnx", "superres_espcn/super_resolution.onnx",
        "mnist/cntk_mnist.onnx", "acasxu/ACASXU_run2a_1_1_batch_2000.onnx"}) {
    CAPTURE(model);
    Graph graph = import_model(std::filesystem::path(data) / model, {});
    const HostTensors inputs = random_floats(graph);
    const HostTensors before = evaluate_graph(graph, inputs);
    run_passes(graph, all_passes(), test::on_cpu(), {});
    const HostTensors after = evaluate_graph(graph, inputs);
    REQUIRE(before.size() == after.size());
    for (const auto& [name, tensor] : before) {
      CAPTURE(name);
      CHECK(difference(tensor, after.at(name)) <= 1e-4);
    }
  }
}
