// What is not a number goes into every kernel family and must come out, at every SIMD level, where
// the operation's definition lets it reach and nowhere else; detectors make no box of it.
#include <algorithm>
#include <functional>

#include "host_builder/lowering/cpu/families.h"
#include "plan_schema/params/decode.h"
#include "plan_schema/params/elementwise.h"
#include "plan_schema/params/nms.h"
#include "tests/unit/kernels/cpu/lowered_step.h"
#include "tests/unit/kernels/cpu/simd_levels.h"

using namespace stint;
using namespace stint::test;
using builder::Family;
using builder::Op;
using builder::Shape;
using builder::ValueId;

namespace {

/// One step whose first operand has a NaN at `where` (row-major); what must be NaN is told by
/// `reached(output element)`.
void check_reach(LoweredStep& s, const Family& family, ValueId x, std::vector<int64_t> where,
                 const std::function<bool(int64_t)>& reached) {
  for (const int64_t i : where) s.tensor(x).at<float>(i) = NAN;
  const KernelCall call = s.call(s.lower(family));
  const Status status = call.run();
  REQUIRE_MESSAGE(status.ok(), status.message);
  Tensor& y = s.tensor(s.node.outputs[0]);
  int64_t lost = 0, invented = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const bool nan = std::isnan(y.at<float>(i));
    if (nan == reached(i)) continue;
    ++(nan ? invented : lost);
  }
  CHECK(lost == 0);
  CHECK(invented == 0);
}

template <typename F>
void at_every_level(F f) {
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    f();
  });
}

constexpr int kActivations = static_cast<int>(Activation::kElu) + 1;

builder::Epilogue epilogue(int act, bool late) {
  return {static_cast<Activation>(act), act == static_cast<int>(Activation::kClip) ? -0.3f : 0.2f,
          0.5f, late};
}

}  // namespace

TEST_CASE("NaN through convolutions with every activation") {
  std::mt19937 random(71);
  constexpr int64_t kSide = 9;
  const auto convolution = [&](const Family& family, int64_t channels, bool depthwise, int act,
                               bool in_residual) {
    CAPTURE(act);
    CAPTURE(channels);
    CAPTURE(depthwise);
    CAPTURE(in_residual);
    LoweredStep s;
    const Shape shape = {1, kSide, kSide, channels};
    const ValueId x = s.input("x", shape, random);
    const ValueId w = s.constant("w", {channels, depthwise ? 1 : channels, 3, 3}, random);
    const ValueId b = s.constant("b", {channels}, random);
    const ValueId r = s.input("r", shape, random);
    s.node.op = Op::kConv;
    s.node.name = "convolution";
    s.node.attributes = builder::ConvAttributes{{3, 3},
                                                {1, 1},
                                                {1, 1},
                                                {1, 1},
                                                {1, 1},
                                                depthwise ? channels : 1,
                                                epilogue(act, act % 2 == 1)};
    s.node.inputs = {x, w, b, r};
    s.node.outputs = {s.output("y", DType::kF32, shape)};
    const int64_t row = 4, column = 6, channel = channels - 1;
    const int64_t at = (row * kSide + column) * channels + channel;
    check_reach(s, family, in_residual ? r : x, {at}, [&](int64_t i) {
      if (in_residual) return i == at;
      const int64_t c = i % channels, w_at = i / channels % kSide, h_at = i / channels / kSide;
      return std::abs(h_at - row) <= 1 && std::abs(w_at - column) <= 1 &&
             (!depthwise || c == channel);
    });
  };
  at_every_level([&] {
    for (int act = 0; act < kActivations; ++act)
      for (const int64_t channels : {5, 33})
        for (const bool in_residual : {false, true}) {
          convolution(builder::kConvPackedFamily, channels, false, act, in_residual);
          convolution(builder::kConvDirectFamily, channels, false, act, in_residual);
          convolution(builder::kConvDepthwiseFamily, channels, true, act, in_residual);
        }
  });
}

TEST_CASE("NaN through matrix products with every activation") {
  std::mt19937 random(72);
  at_every_level([&] {
    for (int act = 0; act < kActivations; ++act)
      for (const bool packed : {false, true})
        for (const int64_t columns : {3, 40}) {
          LoweredStep s;
          const ValueId a = s.input("a", {7, 19}, random);
          const ValueId b =
              packed ? s.constant("b", {19, columns}, random) : s.input("b", {19, columns}, random);
          s.node.op = Op::kMatMul;
          builder::MatMulAttributes attributes;
          if (packed) attributes.epilogue = epilogue(act, false);
          s.node.attributes = attributes;
          s.node.inputs = {a, b, builder::kNoValue, builder::kNoValue};
          s.node.outputs = {s.output("y", DType::kF32, {7, columns})};
          check_reach(s, packed ? builder::kMatMulPackedFamily : builder::kMatMulFamily, a,
                      {4 * 19 + 18}, [&](int64_t i) { return i / columns == 4; });
        }
  });
}

TEST_CASE("NaN through pooling: first, in the middle and last in its window") {
  std::mt19937 random(73);
  constexpr int64_t kSide = 9, kOut = 7;
  at_every_level([&] {
    for (const auto kind : {builder::PoolKind::kMax, builder::PoolKind::kAverage})
      for (const int64_t channels : {1, 5, 70})
        for (const bool indices : {false, true}) {
          if (indices && kind != builder::PoolKind::kMax) continue;
          LoweredStep s;
          const ValueId x = s.input("x", {1, kSide, kSide, channels}, random);
          s.node.op = Op::kPool;
          builder::PoolAttributes a;
          a.kind = kind;
          a.kernel = {3, 3};
          a.strides = a.dilations = {1, 1};
          a.pads_begin = a.pads_end = {0, 0};
          s.node.attributes = a;
          s.node.inputs = {x};
          const ValueId y = s.output("y", DType::kF32, {1, kOut, kOut, channels});
          const ValueId index =
              indices ? s.output("i", DType::kI64, {1, kOut, kOut, channels}) : builder::kNoValue;
          s.node.outputs = {y, index};
          const int64_t c = channels - 1, row = 4, column = 3;
          check_reach(s, builder::kPoolDirectFamily, x, {(row * kSide + column) * channels + c},
                      [&](int64_t i) {
                        const int64_t at = i / channels, h = at / kOut, w = at % kOut;
                        return i % channels == c && h <= row && row < h + 3 && w <= column &&
                               column < w + 3;
                      });
          if (!indices) continue;
          for (int64_t i = 0; i < s.tensor(index).size(); ++i)
            if (std::isnan(s.tensor(y).at<float>(i)))
              REQUIRE(s.tensor(index).at<int64_t>(i) == c * kSide * kSide + row * kSide + column);
        }
  });
}

TEST_CASE("NaN through softmax and normalisations reaches its own line") {
  std::mt19937 random(74);
  at_every_level([&] {
    for (const bool log : {false, true})
      for (const Shape& shape : {Shape{6, 40}, Shape{40, 6}, Shape{3, 50}, Shape{50, 37}})
        for (const int64_t axis : {0, 1})
          for (const int64_t at : {0, 5}) {
            LoweredStep s;
            const ValueId x = s.input("x", shape, random);
            s.node.op = Op::kSoftmax;
            s.node.attributes = builder::SoftmaxAttributes{axis, log};
            s.node.inputs = {x};
            s.node.outputs = {s.output("y", DType::kF32, shape)};
            const int64_t columns = shape[1], where = 2 * columns + at;
            check_reach(s, builder::kSoftmaxFamily, x, {where}, [&](int64_t i) {
              return axis == 1 ? i / columns == 2 : i % columns == at;
            });
          }
    {
      LoweredStep s;
      const ValueId x = s.input("x", {2, 5, 6, 35}, random);
      s.node.op = Op::kInstanceNorm;
      s.node.attributes = builder::NormAttributes{};
      s.node.inputs = {x, s.constant("s", {35}, random), s.constant("b", {35}, random)};
      s.node.outputs = {s.output("y", DType::kF32, {2, 5, 6, 35})};
      check_reach(s, builder::kInstanceNormFamily, x, {35 * 7 + 34},
                  [](int64_t i) { return i % 35 == 34 && i < 5 * 6 * 35; });
    }
    {
      LoweredStep s;
      const ValueId x = s.input("x", {4, 37}, random);
      s.node.op = Op::kLayerNorm;
      s.node.attributes = builder::NormAttributes{1e-5f, 1};
      s.node.inputs = {x, s.constant("s", {37}, random), s.constant("b", {37}, random)};
      s.node.outputs = {s.output("y", DType::kF32, {4, 37})};
      check_reach(s, builder::kLayerNormFamily, x, {2 * 37 + 36},
                  [](int64_t i) { return i / 37 == 2; });
    }
    {
      LoweredStep s;
      const ValueId x = s.input("x", {1, 3, 3, 20}, random);
      s.node.op = Op::kLrn;
      builder::LrnAttributes a;
      a.size = 5, a.axis = 3;
      s.node.attributes = a;
      s.node.inputs = {x};
      s.node.outputs = {s.output("y", DType::kF32, {1, 3, 3, 20})};
      check_reach(s, builder::kLrnFamily, x, {4 * 20 + 9},
                  [](int64_t i) { return i / 20 == 4 && std::abs(i % 20 - 9) <= 2; });
    }
  });
}

TEST_CASE("NaN through every operation on elements, in programs of vectors and one by one") {
  std::mt19937 random(75);
  std::vector<EltOp> unary, binary;
  for (int o = 0; o < 64; ++o)
    if (elt_operands(static_cast<EltOp>(o)) == 1 && elt_defined(static_cast<EltOp>(o), true))
      unary.push_back(static_cast<EltOp>(o));
  binary = {EltOp::kAdd, EltOp::kSub, EltOp::kMul, EltOp::kDiv, EltOp::kMin, EltOp::kMax};
  REQUIRE(unary.size() > 30);
  const auto answers = [](EltOp op) {  // a question has an answer for NaN, too
    return op == EltOp::kNot || op == EltOp::kIsNan || op == EltOp::kIsInf;
  };
  at_every_level([&] {
    for (const Family* family : {&builder::kPointwiseFamily, &builder::kElementwiseFamily}) {
      for (const EltOp op : unary) {
        if (answers(op)) continue;
        CAPTURE(static_cast<int>(op));
        LoweredStep s;
        const ValueId x = s.input("x", {53}, random);
        for (int64_t i = 0; i < 53; ++i) s.tensor(x).at<float>(i) = 0.25f + 0.01f * float(i);
        s.node.op = Op::kUnary;
        s.node.attributes = builder::UnaryAttributes{op, 0.2f, 0.6f};
        s.node.inputs = {x};
        s.node.outputs = {s.output("y", DType::kF32, {53})};
        if (family->tactics(s.graph, s.node, builder::find_target("cpu")).empty()) continue;
        check_reach(s, *family, x, {0, 17, 52},
                    [](int64_t i) { return i == 0 || i == 17 || i == 52; });
      }
      for (const EltOp op : binary)
        for (const bool second : {false, true}) {
          CAPTURE(static_cast<int>(op));
          CAPTURE(second);
          LoweredStep s;
          const ValueId a = s.input("a", {53}, random), b = s.input("b", {53}, random);
          s.node.op = Op::kBinary;
          s.node.attributes = builder::BinaryAttributes{op};
          s.node.inputs = {a, b};
          s.node.outputs = {s.output("y", DType::kF32, {53})};
          check_reach(s, *family, second ? b : a, {3, 52},
                      [](int64_t i) { return i == 3 || i == 52; });
        }
    }
  });
}

TEST_CASE("NaN through every reduction, along lines and across them") {
  std::mt19937 random(76);
  at_every_level([&] {
    for (int op = 0; op <= static_cast<int>(ReduceOp::kSumSquare); ++op)
      for (const int64_t axis : {0, 1})
        for (const int64_t at : {0, 20, 39}) {
          CAPTURE(op);
          CAPTURE(at);
          LoweredStep s;
          const ValueId x = s.input("x", {40, 40}, random);
          for (int64_t i = 0; i < 1600; ++i) s.tensor(x).at<float>(i) += 1.5f;
          s.node.op = Op::kReduce;
          s.node.attributes = builder::ReduceAttributes{static_cast<ReduceOp>(op), {axis}, false};
          s.node.inputs = {x};
          s.node.outputs = {s.output("y", DType::kF32, {40})};
          check_reach(s, builder::kReduceFamily, x, {axis == 1 ? 11 * 40 + at : at * 40 + 11},
                      [](int64_t i) { return i == 11; });
        }
  });
}

TEST_CASE("NaN through interpolation reaches what is mixed from it") {
  std::mt19937 random(77);
  at_every_level([&] {
    for (const ResizeMode mode : {ResizeMode::kNearest, ResizeMode::kLinear}) {
      LoweredStep s;
      const ValueId x = s.input("x", {1, 6, 6, 9}, random);
      s.node.op = Op::kResize;
      builder::ResizeAttributes a;
      a.mode = mode;
      a.scales = {1, 2, 2, 1};
      s.node.attributes = a;
      s.node.inputs = {x};
      s.node.outputs = {s.output("y", DType::kF32, {1, 12, 12, 9})};
      const int64_t reach = mode == ResizeMode::kNearest ? 0 : 1;
      check_reach(s, builder::kResizeFamily, x, {(2 * 6 + 3) * 9 + 8}, [&](int64_t i) {
        const int64_t h = i / 9 / 12, w = i / 9 % 12;
        return i % 9 == 8 && h >= 4 - reach && h <= 5 + reach && w >= 6 - reach && w <= 7 + reach;
      });
    }
  });
}

TEST_CASE("a detector makes no box of a NaN score") {
  struct Kind {
    DecoderKind kind;
    int boxes;  // columns before the scores; -1: a tensor of their own
    int objectness;
  };
  const float good = 0.9f, logit = 3.0f;
  for (const Kind& k :
       {Kind{DecoderKind::kYoloxGrid, 4, 4}, Kind{DecoderKind::kYoloAnchorFree, 4, -1},
        Kind{DecoderKind::kBoxesScores, -1, -1}})
    for (const auto function :
         {ScoreFunction::kNone, ScoreFunction::kSigmoid, ScoreFunction::kSoftmax})
      for (const bool multi_label : {false, true})
        for (const bool transposed : {false, true})
          for (const bool nan_objectness : {false, true}) {
            if (nan_objectness && k.objectness < 0) continue;
            if (transposed && k.objectness >= 0) continue;
            constexpr int kClasses = 3, kRows = 40;
            const int before = k.boxes < 0 ? 0 : k.boxes + (k.objectness >= 0 ? 1 : 0);
            const int columns = before + kClasses;
            DecodeParams p;
            p.kind = k.kind;
            p.classes = kClasses;
            p.input_width = p.input_height = 64;
            p.max_candidates = 100;
            p.score_threshold = 0.3f;
            p.iou_threshold = 0.4f;
            p.score_function = function;
            p.multi_label = multi_label;
            p.transposed = transposed;
            p.center_boxes = 1;
            Tensor x(DType::kF32, transposed ? std::vector<int64_t>{1, columns, kRows}
                                             : std::vector<int64_t>{1, kRows, columns});
            Tensor boxes(DType::kF32, {1, kRows, 4});
            const auto cell = [&](int row, int c) -> float& {
              return x.at<float>(transposed ? c * kRows + row : row * columns + c);
            };
            const float yes = function == ScoreFunction::kNone ? good : logit;
            // Rows far apart; of every fourth one the scores (or the objectness) are not numbers.
            for (int row = 0; row < kRows; ++row) {
              const float box[4] = {4.0f + 8 * float(row % 8), 4.0f + 8 * float(row / 8), 5, 5};
              for (int c = 0; c < 4; ++c) {
                boxes.at<float>(row * 4 + c) = box[c];
                if (k.boxes >= 0) cell(row, c) = box[c];
              }
              const bool bad = row % 4 == 1;
              if (k.objectness >= 0) cell(row, 4) = bad && nan_objectness ? NAN : yes;
              for (int c = 0; c < kClasses; ++c)
                cell(row, before + c) = bad && !nan_objectness ? NAN : c == row % 3 ? yes : -yes;
            }
            Tensor found(DType::kF32, {1, 100, 6}), counts(DType::kI32, {1});
            KernelCall call{KernelId::kDecode, pod_bytes(p), {&x}, {&found, &counts}};
            if (k.boxes < 0) call.inputs = {&boxes, &x};
            call.workspace_bytes = decode_workspace_bytes(1, 100);
            CAPTURE(static_cast<int>(k.kind));
            CAPTURE(static_cast<int>(function));
            CAPTURE(transposed);
            CAPTURE(nan_objectness);
            const Status status = call.run();
            REQUIRE_MESSAGE(status.ok(), status.message);
            CHECK(counts.at<int32_t>(0) == kRows * 3 / 4);
            for (int32_t i = 0; i < counts.at<int32_t>(0); ++i)
              CHECK(found.at<float>(i * 6 + 4) >= 0.3f);
          }
}

TEST_CASE("suppression selects no box of a NaN score") {
  for (const bool threshold : {false, true}) {
    NmsParams p;
    p.max_output_per_class = 8;
    p.iou_threshold = 0.5f;
    p.has_score_threshold = threshold;
    p.score_threshold = 0.1f;
    Tensor boxes(DType::kF32, {1, 8, 4}), scores(DType::kF32, {1, 1, 8}),
        chosen(DType::kI64, {8, 3});
    for (int64_t i = 0; i < 8; ++i) {
      const float at = static_cast<float>(i * 10);
      boxes.at<float>(i * 4) = boxes.at<float>(i * 4 + 1) = at;
      boxes.at<float>(i * 4 + 2) = boxes.at<float>(i * 4 + 3) = at + 5;
      scores.at<float>(i) = i % 2 == 0 ? NAN : 0.5f;
    }
    KernelCall call{KernelId::kNms, pod_bytes(p), {&boxes, &scores}, {&chosen}};
    call.worker_scratch_bytes = nms_scratch_bytes(8);
    REQUIRE(call.run().ok());
    for (int64_t i = 0; i < 8; ++i)
      CHECK(chosen.at<int64_t>(i * 3 + 2) == (i < 4 ? 2 * i + 1 : -1));
  }
}
