// Tactics of the tensor-core convolutions as text, and what the builder makes of a node.
#include <doctest/doctest.h>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/support/error.h"
#include "plan_schema/half.h"

using namespace stint;
using namespace stint::builder;

namespace {

struct Case {
  Graph graph;
  Node node;
};

Case conv(Shape in, int64_t out, int64_t kernel, DType type = DType::kF16) {
  Case c;
  c.graph.channels_last = true;
  const int64_t pad = kernel / 2;
  const ValueId x = c.graph.add_value("x", type, in);
  std::vector<float> data(static_cast<size_t>(out * in[3] * kernel * kernel));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 1000);
  const ValueId w = c.graph.add_constant("w", DType::kF32, {out, in[3], kernel, kernel}, data);
  const ValueId y = c.graph.add_value("y", type, {in[0], in[1], in[2], out});
  ConvAttributes a;
  a.kernel = {kernel, kernel};
  a.pads_begin = a.pads_end = {pad, pad};
  c.node.name = "conv";
  c.node.op = Op::kConv;
  c.node.attributes = a;
  c.node.inputs = {x, w};
  c.node.outputs = {y};
  return c;
}

}  // namespace

TEST_CASE("the text of a tile is the tile") {
  const Case c = conv({1, 14, 14, 256}, 256, 3);
  const ConvProblem p = *conv_problem(c.graph, c.node);
  for (const char* target : {"sm_90", "orin"}) {
    const GpuTraits& gpu = find_target(target).gpu;
    const auto gemm = ConvGemmTile::ranked(p, gpu, SIZE_MAX);
    REQUIRE(!gemm.empty());
    for (const auto& r : gemm) {
      const auto parsed = ConvGemmTile::parse(r.tile.id());
      REQUIRE(parsed);
      CHECK(parsed->id() == r.tile.id());
      CHECK(r.tile.shared_bytes(p) <= gpu.smem_per_block);
      CHECK((gpu.has_pdl || r.tile.cluster == 1));
    }
    const auto resident = ConvResidentTile::ranked(p, gpu, SIZE_MAX);
    REQUIRE(!resident.empty());
    for (const auto& [tile, us] : resident) {
      const auto parsed = ConvResidentTile::parse(tile.id());
      REQUIRE(parsed);
      CHECK(parsed->is_legal(p, gpu));
      CHECK(us > 0);
    }
    const auto wgmma = ConvWgmmaTile::ranked(p, gpu, SIZE_MAX);
    CHECK(wgmma.empty() == (gpu.sm != 90));
    for (const auto& [tile, us] : wgmma) {
      const auto parsed = ConvWgmmaTile::parse(tile.id());
      REQUIRE(parsed);
      CHECK(parsed->id() == tile.id());
      CHECK(parsed->is_legal(p, gpu));
      CHECK(us > 0);
    }
    const auto windows = ConvWindowTile::ranked(p, gpu, SIZE_MAX);
    CHECK(windows.empty() == (gpu.sm != 90));
    for (const auto& [tile, us] : windows) {
      const auto parsed = ConvWindowTile::parse(tile.id());
      REQUIRE(parsed);
      CHECK(parsed->id() == tile.id());
      CHECK(parsed->is_legal(p, gpu));
      CHECK(parsed->shared_bytes(p) <= gpu.smem_per_block);
      CHECK(us > 0);
    }
  }
}

TEST_CASE("tactics that do not fit are refused by name") {
  for (const char* id : {"",
                         "conv_gemm",
                         "conv_gemm 64x64x64 s4 w2x2x1 c3x",
                         "conv_gemm 65x64x64 s4 w2x2x1",
                         "conv_gemm 64x64x64 s4 w2x2x1 c16",
                         "conv_resident 0x14x32 m32 w1x2x2",
                         "conv_resident 2x14x32 m32 w1x2x2 c4 ",
                         "conv_wgmma",
                         "conv_wgmma 128x128",
                         "conv_wgmma 100x128 s4",
                         "conv_wgmma 128x80 s4",
                         "conv_wgmma 128x128 s7",
                         "conv_wgmma 128x128 s4 c3",
                         "conv_wgmma 128x128 s4 c1",
                         "conv_wgmma 128x128 s4 ",
                         "conv_window 128x64",
                         "conv_window 128x64 r0",
                         "conv_window 128x64 r3",
                         "conv_window 128x64 s2",
                         "conv_window 128x64 x4",
                         "conv_window 128x64 s4 c16"}) {
    CAPTURE(id);
    CHECK_FALSE(ConvWgmmaTile::parse(id));
    CHECK_FALSE(ConvWindowTile::parse(id));
    CHECK_FALSE(ConvGemmTile::parse(id));
    CHECK_FALSE(ConvResidentTile::parse(id));
  }
  Case c = conv({1, 14, 14, 256}, 256, 3);
  // Clusters are sm_90's.
  CHECK_THROWS_AS(kConvResidentFamily.lower(c.graph, c.node, find_target("orin"),
                                            {"conv_resident 2x14x32 m32 w1x2x2 c4", 1.0}),
                  BuildError);
  CHECK_THROWS_AS(kConvGemmFamily.lower(c.graph, c.node, find_target("orin"),
                                        {"conv_gemm 64x64x64 s4 w2x2x1 c4", 1.0}),
                  BuildError);
  // wgmma is sm_90's alone; one stage must hold everything.
  for (const char* name : {"orin", "thor", "sm_100"})
    CHECK_THROWS_AS(
        kConvWgmmaFamily.lower(c.graph, c.node, find_target(name), {"conv_wgmma 64x64 s4", 1.0}),
        BuildError);
  CHECK_THROWS_AS(
      kConvWgmmaFamily.lower(c.graph, c.node, find_target("sm_90"), {"conv_wgmma 64x64 s2", 1.0}),
      BuildError);
}

TEST_CASE("a window is for strides of 1, and weights stay where there is room for them") {
  const GpuTraits& gpu = find_target("sm_90").gpu;
  const auto legal = [&](const Case& c, const char* id) {
    return ConvWindowTile::parse(id)->is_legal(*conv_problem(c.graph, c.node), gpu);
  };
  const Case small = conv({32, 56, 56, 64}, 64, 3), large = conv({32, 14, 14, 256}, 256, 3);
  CHECK(legal(small, "conv_window 128x64 r2"));
  CHECK_FALSE(legal(large, "conv_window 128x64 r1"));
  CHECK(legal(large, "conv_window 128x128 s4 c4"));
  CHECK_FALSE(legal(large, "conv_window 128x128 s4 c8"));
  CHECK_FALSE(legal(conv({32, 14, 14, 72}, 256, 3), "conv_window 128x64 s4"));
  CHECK_FALSE(legal(conv({32, 14, 14, 256}, 256, 1), "conv_window 128x64 s3"));
  Case strided = conv({32, 56, 56, 64}, 64, 3);
  std::get<ConvAttributes>(strided.node.attributes).strides = {2, 2};
  strided.graph.value(strided.node.outputs[0]).shape = {32, 28, 28, 64};
  CHECK_FALSE(legal(strided, "conv_window 128x64 r2"));
}

TEST_CASE("products by warpgroups are for large layers of sm_90") {
  const Case large = conv({32, 56, 56, 64}, 64, 3), small = conv({1, 56, 56, 64}, 64, 3);
  const auto offered = [](const Case& c, const Target& target) {
    return kConvWgmmaFamily.tactics(c.graph, c.node, target);
  };
  const Target& hopper = find_target("sm_90");
  const auto tactics = offered(large, hopper);
  REQUIRE(!tactics.empty());
  CHECK(tactics.size() <= 8);
  CHECK(tactics[0].predicted_us <
        kConvGemmFamily.tactics(large.graph, large.node, hopper)[0].predicted_us);
  CHECK(offered(small, hopper).empty());
  CHECK(offered(large, find_target("thor")).empty());
  CHECK(offered(large, dressed_as(hopper, find_target("orin"))).empty());
  CHECK(offered(conv({32, 56, 56, 64}, 64, 3, DType::kF32), hopper).empty());
  CHECK(offered(conv({32, 56, 56, 60}, 64, 3), hopper).empty());
}

TEST_CASE("a convolution of one tap is a product over one flat list of pixels") {
  const Case flat = conv({4, 14, 14, 64}, 32, 1);
  const ConvProblem p = *conv_problem(flat.graph, flat.node);
  CHECK(p.batch == 1);
  CHECK(p.out_h == 1);
  CHECK(p.out_w == 4 * 14 * 14);
  Case strided = conv({4, 14, 14, 64}, 32, 1);
  strided.graph.value(strided.node.outputs[0]).strides = {16 * 14 * 32, 16 * 32, 32, 1};
  const ConvProblem q = *conv_problem(strided.graph, strided.node);
  CHECK(q.pixels() == p.pixels());
  CHECK(q.out_w == 14);
}

TEST_CASE("f32 operands are not multiplied in f16") {
  const Case c = conv({1, 14, 14, 64}, 32, 3, DType::kF32);
  CHECK(kConvGemmFamily.tactics(c.graph, c.node, find_target("sm_90")).empty());
  CHECK(kConvResidentFamily.tactics(c.graph, c.node, find_target("sm_90")).empty());
  CHECK_FALSE(kConvFmaFamily.tactics(c.graph, c.node, find_target("sm_90")).empty());
}

TEST_CASE("packed weights put a lane's channels side by side") {
  Case c = conv({1, 8, 8, 32}, 32, 1);
  const ConvProblem p = *conv_problem(c.graph, c.node);
  const ValueId id = pack_gemm_weights(c.graph, p, 32).value;
  const Value& packed = c.graph.value(id);
  CHECK(packed.shape == Shape{1, 1, 4, 256});
  const auto* halves = reinterpret_cast<const F16*>(packed.constant->data());
  const auto weight = weight_reader(c.graph, p);
  // mma.m16n8k16: lane l holds B of column l / 4, k (l % 4) * 2 + {0, 1} and 8 more; accumulators
  // of columns 2 * (l % 4) + {0, 1}. Block j's column of lane l is channel l / 8 * 8 + j * 2 + ...
  for (int64_t j = 0; j < 4; ++j)
    for (int64_t lane = 0; lane < 32; ++lane) {
      const int64_t channel = lane / 8 * 8 + j * 2 + lane / 4 % 2;
      const int64_t k = lane % 4 * 2;
      const F16* at = halves + (j * 32 + lane) * 8;
      CHECK(to_float(at[0]) == weight(0, channel, k));
      CHECK(to_float(at[1]) == weight(0, channel, k + 1));
      CHECK(to_float(at[2]) == weight(0, channel, k + 8));
      CHECK(to_float(at[7]) == weight(0, channel, k + 25));
    }
}

TEST_CASE("weights for warpgroups lie as the tensor cores read them") {
  Case c = conv({1, 8, 8, 80}, 40, 1);
  const ConvProblem p = *conv_problem(c.graph, c.node);
  const ValueId id = pack_warpgroup_weights(c.graph, p, 32).value;
  const Value& packed = c.graph.value(id);
  CHECK(packed.shape == Shape{1, 2, 8, 512});  // of 80 k and 40 channels, blocks of 64 x 8
  const auto* halves = reinterpret_cast<const F16*>(packed.constant->data());
  const auto weight = weight_reader(c.graph, p);
  for (int64_t k = 0; k < 128; ++k)
    for (int64_t column = 0; column < 64; ++column) {
      // Rows of 128 bytes, 16-byte chunks swizzled by the row. Accumulators of columns
      // 2 * (l % 4) + {0, 1} of four blocks of 8 are 8 channels side by side.
      const int64_t at = (k / 64 * 64 + column) * 64 + ((k / 8 % 8) ^ column % 8) * 8 + k % 8;
      const int64_t channel =
          column / 32 * 32 + column % 8 / 2 * 8 + column / 8 % 4 * 2 + column % 2;
      CHECK(to_float(halves[at]) == (channel < 40 && k < 80 ? weight(0, channel, k) : 0));
    }
}
