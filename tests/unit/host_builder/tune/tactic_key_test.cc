#include "host_builder/tune/tactic_key.h"

#include <doctest/doctest.h>

#include "tests/unit/host_builder/schedule/graph_maker.h"

using namespace stint;
using namespace stint::builder;

namespace {

/// y = conv(x, w) with everything a key depends on set by the test.
struct Layer {
  Graph graph;
  Node node;

  Layer() {
    graph.channels_last = true;
    node.name = "conv1";
    node.op = Op::kConv;
    ConvAttributes attributes;
    attributes.kernel = {3, 3};
    attributes.strides = attributes.dilations = {1, 1};
    attributes.pads_begin = attributes.pads_end = {1, 1};
    attributes.epilogue.act = Activation::kRelu;
    node.attributes = attributes;
    const ValueId x = graph.add_value("x", DType::kF16, {1, 8, 8, 16});
    const ValueId w = graph.add_constant("w", DType::kF32, {4, 3, 3, 16},
                                         std::vector<float>(4 * 3 * 3 * 16, 1.0f));
    const ValueId y = graph.add_value("y", DType::kF16, {1, 8, 8, 4});
    node.inputs = {x, w, kNoValue};
    node.outputs = {y};
  }

  std::string text() const { return layer_text(graph, node); }
};

Value part_of(ValueId base, int64_t offset, const Shape& shape, int64_t pixel) {
  Value value;
  value.name = "part";
  value.dtype = DType::kF16;
  value.shape = shape;
  value.strides = {shape[1] * shape[2] * pixel, shape[2] * pixel, pixel, 1};
  value.view = View{base, offset};
  return value;
}

}  // namespace

TEST_CASE("a layer's text says what a tactic depends on, and nothing else") {
  Layer layer;
  CHECK(layer.text() ==
        "Conv(f16[1,8,8,16], f32[4,3,3,16] constant, -) -> f16[1,8,8,4] {kernel=3,3 "
        "pads_begin=1,1 pads_end=1,1 act=relu}");
  const std::string before = layer.text();
  layer.node.name = "other";
  layer.graph.value(layer.node.inputs[0]).name = "renamed";
  layer.graph.value(layer.node.inputs[1]).constant =
      std::make_shared<const std::vector<std::byte>>(4 * 3 * 3 * 16 * 4);
  CHECK(layer.text() == before);
}

TEST_CASE("attributes, types, shapes and the epilogue change the key") {
  const std::string before = Layer().text();
  const auto changed = [&](auto change) {
    Layer layer;
    change(layer);
    return layer.text() != before;
  };
  CHECK(changed([](Layer& l) { l.node.as<ConvAttributes>().strides = {2, 2}; }));
  CHECK(changed([](Layer& l) { l.node.as<ConvAttributes>().epilogue.act = Activation::kSilu; }));
  CHECK(changed([](Layer& l) { l.graph.value(l.node.inputs[0]).dtype = DType::kF32; }));
  CHECK(changed([](Layer& l) { l.graph.value(l.node.inputs[0]).shape[0] = 8; }));
  CHECK(changed([](Layer& l) { l.node.inputs[2] = l.node.outputs[0]; }));
  CHECK(changed([](Layer& l) { l.graph.value(l.node.inputs[1]).constant = nullptr; }));
}

TEST_CASE("an operand with gaps tells how wide its vector accesses may be") {
  const auto with_part = [](int64_t offset, int64_t pixel) {
    Layer layer;
    const ValueId base = layer.graph.add_value("base", DType::kF16, {1, 8, 8, pixel});
    layer.node.outputs[0] = layer.graph.add_value(part_of(base, offset, {1, 8, 8, 4}, pixel));
    return layer.text();
  };
  CHECK(with_part(16, 32).find("f16[1,8,8,4] strided align=16 {") != std::string::npos);
  CHECK(with_part(4, 32).find("strided align=8") != std::string::npos);
  CHECK(with_part(0, 6).find("strided align=4") != std::string::npos);
  CHECK(with_part(0, 32) == with_part(16, 64));  // a class, not the strides themselves
}

TEST_CASE("the environment is the target's, and the hash is of both") {
  const std::string sm_90 = tactic_environment(find_target("sm_90"));
  CHECK(sm_90 == tactic_environment(find_target("sm_90")));
  CHECK(sm_90 != tactic_environment(find_target("orin")));
  CHECK(sm_90 != tactic_environment(dressed_as(find_target("sm_90"), find_target("orin"))));
  const Layer layer;
  const TacticKey key = tactic_key(layer.graph, layer.node, sm_90);
  CHECK(key.hash == tactic_hash(key.layer, sm_90));
  CHECK(key.hash.size() == 64);
  // sha256sum of "a\nb": keys can be checked by other tools.
  CHECK(tactic_hash("a", "b") ==
        "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78");
}
