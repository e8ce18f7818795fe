#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "tests/gpu/support/tactic_timing.h"

using namespace stint;
using namespace stint::test;
using namespace stint::builder;

namespace {

struct Layer {
  Shape shape = {2, 3, 40};
  bool log = false;
  DType x = DType::kF16, y = DType::kF16;
  Placement in = {}, out = {};
  int64_t axis = -1;  // of a normalisation
  bool shift = true;
};

StepCase softmax(const Layer& l) {
  StepCase c;
  c.node.op = Op::kSoftmax;
  c.node.attributes = SoftmaxAttributes{-1, l.log};
  c.node.inputs = {c.input("x", l.x, l.shape, l.in)};
  c.node.outputs = {c.output("y", l.y, l.shape, l.out)};
  return c;
}

StepCase layer_norm(const Layer& l) {
  StepCase c;
  c.node.op = Op::kLayerNorm;
  c.node.attributes = NormAttributes{1e-5f, l.axis};
  const Shape axes(l.shape.end() + l.axis, l.shape.end());
  c.node.inputs = {c.input("x", l.x, l.shape, l.in), c.constant("scale", axes)};
  if (l.shift) c.node.inputs.push_back(c.constant("shift", axes));
  c.node.outputs = {c.output("y", l.y, l.shape, l.out)};
  return c;
}

}  // namespace

TEST_CASE("softmax of rows: lengths, types, views") {
  if (cannot_check()) return;
  for (const bool log : {false, true})
    for (const int64_t length : {1, 2, 7, 16, 50, 64, 197, 1000, 4096})
      check_family(softmax({.shape = {2, 3, length}, .log = log}), kRowsFamily);
  check_family(softmax({.shape = {5, 100}, .x = DType::kF32, .y = DType::kF32}), kRowsFamily);
  check_family(softmax({.shape = {5, 96}, .y = DType::kF32}), kRowsFamily);
  check_family(softmax({.shape = {3, 40000}}), kRowsFamily);
  check_family(softmax({.shape = {2, 50001}, .log = true, .y = DType::kF32}), kRowsFamily);
  check_family(softmax({.shape = {2, 3, 4, 24}, .in = {.inner = 8, .outer = 1, .offset = 8}}),
               kRowsFamily);
  check_family(softmax({.shape = {2, 3, 4, 24}, .in = {.inner = 3}, .out = {.outer = 2}}),
               kRowsFamily);
}

TEST_CASE("layer normalisation of rows: lengths, types, views") {
  if (cannot_check()) return;
  for (const int64_t length : {1, 3, 24, 64, 96, 192, 197, 768, 1024, 3000})
    check_family(layer_norm({.shape = {7, length}}), kRowsFamily);
  check_family(layer_norm({.shape = {3, 5, 4, 24}, .axis = -2}), kRowsFamily);
  check_family(layer_norm({.shape = {9, 64}, .x = DType::kF32, .y = DType::kF32}), kRowsFamily);
  check_family(layer_norm({.shape = {9, 65}, .x = DType::kF32, .shift = false}), kRowsFamily);
  check_family(layer_norm({.shape = {2, 40000}}), kRowsFamily);
  check_family(layer_norm({.shape = {2, 5, 96}, .in = {.inner = 32, .offset = 16}}), kRowsFamily);
}

TEST_CASE("timing: softmax and layer normalisation of transformers") {
  if (!timing_wanted()) return;
  for (const int64_t batch : {1, 8}) {
    for (const int64_t tokens : {50, 197, 512})
      time_family("softmax " + std::to_string(tokens) + " b" + std::to_string(batch),
                  softmax({.shape = {batch, 12, tokens, tokens}}), kRowsFamily, 12,
                  network_timing());
    for (const int64_t width : {192, 384, 768})
      time_family("layer norm 197x" + std::to_string(width) + " b" + std::to_string(batch),
                  layer_norm({.shape = {batch, 197, width}}), kRowsFamily, 12, network_timing());
  }
  time_family("softmax 1000", softmax({.shape = {1, 1000}, .y = DType::kF32}), kRowsFamily, 12,
              network_timing());
}
