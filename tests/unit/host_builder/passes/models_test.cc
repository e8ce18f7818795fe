// The passes on published networks: what must disappear has disappeared, and the meaning is the
// same.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "host_builder/builder/pass_list.h"
#include "host_builder/import/importer.h"
#include "pass_check.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;

namespace {

struct Expectation {
  const char* model;
  size_t convolutions;  // with matrix products
  size_t others;        // steps beside them, at most
  size_t transposes;    // of the network's input
  bool numerics;        // small enough for the naive reference
};

// Others: pools, resizes, softmax, what decodes boxes, casts of f16 inputs and outputs.
constexpr Expectation kExpectations[] = {
    {"yolox_nano/yolox_nano.onnx", 113, 6, 1, false},
    {"face_rfb320/version-RFB-320_simplified.onnx", 50, 2, 1, true},
    {"face_rfb320/version-RFB-320.onnx", 50, 6, 1, true},
    {"squeezenet_fp16/SqueezeNet_fp16.onnx", 26, 8, 1, false},
    {"onnx_light/light_squeezenet.onnx", 26, 6, 1, false},
    {"onnx_light/light_resnet50.onnx", 54, 4, 1, false},
    {"onnx_light/light_bvlc_alexnet.onnx", 8, 7, 1, false},
    {"deeplab_v3/deeplab_v3_1_default_1.onnx", 55, 3, 0, false},
    {"superres_espcn/super_resolution.onnx", 4, 1, 1, false},  // the pixel shuffle
    {"mnist/cntk_mnist.onnx", 3, 2, 0, true},
    {"acasxu/ACASXU_run2a_1_1_batch_2000.onnx", 7, 7, 0, true},
};

std::string summary(size_t imported, const std::vector<PassReport>& passes) {
  std::string text = std::to_string(imported) + " imported";
  for (const PassReport& p : passes)
    if (p.changes)
      text +=
          " -> " + p.name + "(" + std::to_string(p.changes) + ") " + std::to_string(p.nodes_after);
  return text;
}

}  // namespace

TEST_CASE("published networks end as convolutions and little else") {
  const char* data = std::getenv("STINT_DATA");
  if (!data) {
    MESSAGE("skipped: set STINT_DATA to the folder of models");
    return;
  }
  for (const Expectation& e : kExpectations) {
    CAPTURE(std::string(e.model));
    Graph graph = import_model(std::filesystem::path(data) / e.model, {});
    const size_t imported = graph.live_node_count();
    const Tensors inputs = random_inputs(graph, 3);
    Tensors before;
    if (e.numerics) before = evaluate_reference(graph, inputs);
    const std::vector<PassReport> passes = run_passes(graph, all_passes(), on_cpu(), {});
    CAPTURE(summary(imported, passes));
    CAPTURE(to_text(graph));
    CHECK(count(graph, Op::kConv) + count(graph, Op::kMatMul) == e.convolutions);
    CHECK(graph.live_node_count() <= e.convolutions + e.others);
    CHECK(count(graph, Op::kTranspose) == e.transposes);
    for (Op op : {Op::kConcat, Op::kSlice, Op::kReshape, Op::kIdentity})
      CHECK(count(graph, op) == 0);
    if (e.numerics) CHECK(difference(before, evaluate_reference(graph, inputs)) < 1e-5);
  }
}
