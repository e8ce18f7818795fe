// --as: on another GPU, exactly what a device gets.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/targets/target.h"

using namespace stint;
using namespace stint::builder;

namespace {

struct Layer {
  Graph graph;
  Node node;
};

Layer conv(Shape in, int64_t out, int64_t kernel, int64_t groups, DType type) {
  Layer l;
  l.graph.channels_last = true;
  const int64_t pad = kernel / 2;
  const ValueId x = l.graph.add_value("x", type, in);
  const Shape weights = {out, in[3] / groups, kernel, kernel};
  const auto count = static_cast<size_t>(out * in[3] / groups * kernel * kernel);
  const ValueId w =
      l.graph.add_constant("w", DType::kF32, weights, std::vector<float>(count, 0.5f));
  const ValueId y = l.graph.add_value("y", type, {in[0], in[1], in[2], out});
  ConvAttributes a;
  a.kernel = {kernel, kernel};
  a.strides = a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {pad, pad};
  a.groups = groups;
  l.node.name = "conv";
  l.node.op = Op::kConv;
  l.node.attributes = a;
  l.node.inputs = {x, w};
  l.node.outputs = {y};
  return l;
}

Layer pool(Shape in, int64_t kernel) {
  Layer l;
  l.graph.channels_last = true;
  const ValueId x = l.graph.add_value("x", DType::kF16, in);
  const ValueId y = l.graph.add_value("y", DType::kF16, in);
  PoolAttributes a;
  a.kernel = {kernel, kernel};
  a.strides = a.dilations = {1, 1};
  a.pads_begin = a.pads_end = {kernel / 2, kernel / 2};
  l.node.name = "pool";
  l.node.op = Op::kPool;
  l.node.attributes = a;
  l.node.inputs = {x};
  l.node.outputs = {y};
  return l;
}

}  // namespace

TEST_CASE("under --as every family offers, ranks and admits what the device itself gets") {
  const std::vector<Layer> layers = {conv({1, 14, 14, 256}, 256, 3, 1, DType::kF16),
                                     conv({8, 56, 56, 64}, 64, 3, 1, DType::kF16),
                                     conv({1, 7, 7, 512}, 2048, 1, 1, DType::kF16),
                                     conv({1, 112, 112, 32}, 32, 3, 32, DType::kF16),
                                     conv({1, 56, 56, 24}, 40, 3, 1, DType::kF32),
                                     conv({1, 224, 224, 3}, 64, 7, 1, DType::kF32),
                                     pool({1, 28, 28, 128}, 3),
                                     pool({1, 20, 20, 512}, 13)};
  size_t compared = 0;
  for (const char* like : {"orin", "xavier", "sm_75", "sm_86", "sm_120", "thor"})
    for (const char* device : {"sm_90", "sm_80", "sm_120", "sm_75"}) {
      CAPTURE(like);
      CAPTURE(device);
      const Target& own = find_target(like);
      const Target dressed = dressed_as(find_target(device), own);
      for (const Layer& layer : layers)
        for (const Family* family : cuda_families()) {
          CAPTURE(family->name);
          const auto expected = family->tactics(layer.graph, layer.node, own);
          const auto found = family->tactics(layer.graph, layer.node, dressed);
          REQUIRE(found.size() == expected.size());
          for (size_t i = 0; i < found.size(); ++i) {
            REQUIRE(found[i].id == expected[i].id);
            REQUIRE(found[i].predicted_us == expected[i].predicted_us);
            ++compared;
          }
        }
    }
  CHECK(compared > 1000);
}

TEST_CASE("what a family offers fits the device's shared memory") {
  for (const Target& target : all_targets()) {
    if (!target.is_gpu) continue;
    CAPTURE(target.name);
    for (Layer layer : {conv({1, 56, 56, 128}, 128, 3, 1, DType::kF16),
                        conv({1, 112, 112, 32}, 32, 3, 32, DType::kF16),
                        conv({1, 224, 224, 3}, 64, 7, 1, DType::kF32), pool({1, 20, 20, 512}, 13)})
      for (const Family* family : cuda_families())
        for (const Tactic& tactic : family->tactics(layer.graph, layer.node, target)) {
          CAPTURE(tactic.id);
          const StepSpec step = family->lower(layer.graph, layer.node, target, tactic);
          REQUIRE(step.launch);
          CHECK(step.launch->dynamic_smem <= target.gpu.smem_per_block);
        }
  }
}
