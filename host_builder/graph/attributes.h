// The operations of the intermediate representation and their typed attributes. Sources (ONNX,
// Caffe, the network API) are translated into these few; what has no entry here is composed of
// others at import.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "plan_schema/params/decode.h"
#include "plan_schema/params/epilogue.h"
#include "plan_schema/params/resize.h"
#include "plan_schema/types.h"

namespace stint::builder {

// The operations. graph/ops/ holds the definition of each (graph/op_def.h); one that is missing
// there does not link. Postfix ?: may be absent.
#define STINT_OPERATIONS(X)                                                                      \
  X(Identity)          /* (x) -> y                           removed by the simplifier */        \
  X(Conv)              /* (x, w [O, I/g, k...], b?, residual?) -> y, repeated y? */              \
  X(ConvTranspose)     /* (x, w [I, O/g, k...], b?, residual?) -> y */                           \
  X(MatMul)            /* (a, b, bias? [n], residual?) -> y  numpy rules */                      \
  X(Pool)              /* (x) -> y, indices? */                                                  \
  X(Unary)             /* (x) -> y */                                                            \
  X(Binary)            /* (a, b) -> y                        numpy broadcasting */               \
  X(Where)             /* (c, a, b) -> y                     numpy broadcasting */               \
  X(Pointwise)         /* (x0..xn) -> y                      fused f32 program */                \
  X(Cast)              /* (x) -> y                           to the output's dtype */            \
  X(Quantize)          /* (x f32) -> y i8/u8                 round(x / scale) + zero point */    \
  X(Dequantize)        /* (x i8/u8) -> y f32                 (x - zero point) * scale */         \
  X(Reduce)            /* (x) -> y */                                                            \
  X(ArgReduce)         /* (x) -> y (i64) */                                                      \
  X(TopK)              /* (x) -> values, indices (i64) */                                        \
  X(Cumulative)        /* (x) -> y                           what came before along an axis */   \
  X(Softmax)           /* (x) -> y */                                                            \
  X(BatchNorm)         /* (x, scale, b, mean, var) -> y */                                       \
  X(InstanceNorm)      /* (x, scale, b) -> y */                                                  \
  X(LayerNorm)         /* (x, scale, b?) -> y, mean?, inv_std? */                                \
  X(Lrn)               /* (x) -> y */                                                            \
  X(Concat)            /* (x0..xn) -> y */                                                       \
  X(Slice)             /* (x) -> y                           Split gives several */              \
  X(Pad)               /* (x) -> y */                                                            \
  X(Reshape)           /* (x) -> y        to the output's shape (also Flatten, Squeeze...) */    \
  X(Transpose)         /* (x) -> y */                                                            \
  X(Gather)            /* (x, indices i32/i64) -> y */                                           \
  X(Expand)            /* (x) -> y        numpy broadcast to the output's shape */               \
  X(Tile)              /* (x) -> y        repeats = out shape / in shape */                      \
  X(DepthToSpace)      /* (x) -> y */                                                            \
  X(SpaceToDepth)      /* (x) -> y */                                                            \
  X(Resize)            /* (x) -> y */                                                            \
  X(NonMaxSuppression) /* (boxes, scores) -> selected i64 [bound, 3], unused rows -1 */          \
  X(Preprocess)        /* () -> network input, from the frame of an image binding */             \
  X(Decode)            /* (network outputs...) -> detections f32 [n, max, 6], counts i32 [n], */ \
                       /* rows i32 [n, max]? */                                                  \
  X(TopClasses)        /* (scores [n, classes]) -> detections, counts */                         \
  X(ArgmaxMask)        /* (scores, channel axis) -> u8 mask */                                   \
  /* Of Decode's rows; plan_schema/params/detection_details.h */                                 \
  X(DetectionMasks)     /* (head, rows, prototypes [n, h, w, k]) -> u8 [n, max, h, w] */         \
  X(DetectionKeypoints) /* (head, rows) -> f32 [n, max, points, 3] */                            \
  X(RotatedBoxes)       /* (head, rows, detections) -> f32 [n, max, 7] */

enum class Op : uint8_t {
#define STINT_OPERATION(name) k##name,
  STINT_OPERATIONS(STINT_OPERATION)
#undef STINT_OPERATION
};

/// Activation and residual merged into a convolution or matrix product. Bias and residual are
/// operands.
struct Epilogue {
  Activation act = Activation::kNone;
  float alpha = 0.0f;
  float beta = 0.0f;
  bool residual_after_act = false;  // meaningful when there is a residual operand
};

struct ConvAttributes {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;  // one per spatial axis
  int64_t groups = 1;
  Epilogue epilogue;
};
struct ConvTransposeAttributes {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end, output_padding;
  int64_t groups = 1;
  Epilogue epilogue;
};
struct MatMulAttributes {
  Epilogue epilogue;
};
enum class PoolKind : uint8_t { kMax, kAverage };
struct PoolAttributes {
  PoolKind kind = PoolKind::kMax;
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  bool count_include_pad = false;  // average: padding counts (ceil_mode's extra cells never do)
  bool column_major_indices = false;
};
struct UnaryAttributes {
  EltOp op = EltOp::kCopy;
  float alpha = 0.0f, beta = 0.0f;
};
struct BinaryAttributes {
  EltOp op = EltOp::kAdd;
};
/// r[i] = op(operands) in order; the result is the last instruction's. Operand k < inputs is input
/// k, else r[k - inputs].
struct PointwiseInstruction {
  EltOp op;
  uint8_t a = 0, b = 0, c = 0;
  float alpha = 0.0f, beta = 0.0f;
};
struct PointwiseAttributes {
  std::vector<PointwiseInstruction> program;
};
struct QuantizeAttributes {
  float scale = 1.0f;
  int32_t zero_point = 0;
};
struct ReduceAttributes {
  ReduceOp op = ReduceOp::kSum;
  std::vector<int64_t> axes;
  bool keep_dims = true;
};
struct ArgReduceAttributes {
  bool is_max = true;
  int64_t axis = 0;
  bool keep_dims = true;
  bool select_last = false;
};
struct TopKAttributes {
  int64_t axis = -1;
  bool largest = true;
  bool sorted = true;
};
struct CumulativeAttributes {
  bool product = false;  // else sums
  int64_t axis = 0;
  bool exclusive = false;  // without the element itself
  bool reverse = false;    // from the last element to the first
};
struct SoftmaxAttributes {
  int64_t axis = -1;
  bool log = false;
};
struct NormAttributes {
  float epsilon = 1e-5f;
  int64_t axis = -1; /* layer norm: first normalised axis */
};
struct LrnAttributes {
  int64_t size = 5;
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;
  int64_t axis = 1;
};
struct AxisAttributes {
  int64_t axis = 0;
};
struct SliceAttributes {
  std::vector<int64_t> starts, steps; /* one per axis; extents are the output's shape */
};
enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };
struct PadAttributes {
  PadMode mode = PadMode::kConstant;
  std::vector<int64_t> begin, end; /* may be negative */
  double value = 0.0;
};
struct TransposeAttributes {
  std::vector<int64_t> perm;
};
struct DepthToSpaceAttributes {
  int64_t block = 2;
  bool crd = false;
};
struct ResizeAttributes {
  ResizeMode mode = ResizeMode::kNearest;
  CoordinateMode coordinate = CoordinateMode::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  std::vector<float> scales;  // per axis, output / input
  std::vector<float> roi;     // starts then ends, tf_crop_and_resize only
  float cubic_a = -0.75f;
  float extrapolation = 0.0f;
  bool exclude_outside = false;
  bool antialias = false;
};
struct NmsAttributes {
  int64_t max_output_per_class = 0;
  float iou_threshold = 0.0f;
  float score_threshold = 0.0f;
  bool has_score_threshold = false;
  bool center_point_box = false;
};

/// How the frame becomes the network's input (the --preprocess SPEC).
struct PreprocessAttributes {
  int64_t width = 0, height = 0;
  int64_t channels = 3;
  FitMode fit = FitMode::kStretch;
  bool order_bgr = false;
  float pad_value = 0.0f;          // 0..255
  std::vector<float> mean, scale;  // x = (pixel - mean[c]) * scale[c], network channel order
  int64_t image = 0;               // index into Graph::images
};

/// How the network's outputs become detections (the --postprocess SPEC).
/// Operands stay in the order plan_schema/params/decode.h gives them, whatever the layout of the
/// rest of the graph.
struct DecodeAttributes {
  DecoderKind kind = DecoderKind::kYoloxGrid;
  float score_threshold = 0.25f;
  float iou_threshold = 0.45f;
  int64_t max_detections = 100;
  int64_t classes = 0;
  int64_t first_class = 0;        // classes below are background
  std::vector<float> strides;     // grid decoders
  std::vector<float> anchors;     // kYoloAnchors: pairs per stride level
  std::vector<float> variances;   // kSsdPriors
  bool normalized_boxes = false;  // boxes in 0..1 of the network input
  bool center_boxes = false;      // cx, cy, w, h instead of x1, y1, x2, y2
  bool class_agnostic_nms = false;
  bool multi_label = false;  // every class over the threshold counts, not only a row's best
  bool apply_sigmoid = false, apply_softmax = false;
  bool transposed = false;      // scores (or the whole head) are [n, channels, rows]
  bool scaled_anchors = false;  // kYoloAnchors: YOLOv5's box formula
  bool anchor_major = false;    // kYoloAnchors: rows = (anchor, y, x)
  bool y_first = false;         // boxes are y1, x1, y2, x2 or cy, cx, h, w
  bool row_labels = false;      // kBoxesScores: an operand holds the class ids of the rows
  bool row_counts = false;      // kBoxesScores: the last operand says how many rows count
  bool no_object_last = false;  // the last class means "no object"
  int64_t max_candidates = 0;   // best-scored rows that enter suppression
  int64_t input_width = 0, input_height = 0;  // network input, pixels
  FitMode fit = FitMode::kStretch;            // undone for the boxes
  int64_t image = -1;    // index into Graph::images; -1: boxes stay in network pixels
  bool rotated = false;  // kYoloAnchorFree: the column behind the classes is an angle
};

/// What is read of the head's rows beside the box. The operands' order is the parameters'.
struct DetectionDetailAttributes {
  int64_t first_column = 0;  // of what is read
  int64_t point_values = 3;  // keypoints: 2 (x, y) or 3
  float threshold = 0.0f;    // masks: of the sum of prototypes
  bool transposed = false, center_boxes = false, normalized_boxes = false;
  int64_t input_width = 0, input_height = 0;  // network input, pixels
  FitMode fit = FitMode::kStretch;
  int64_t image = -1;  // as in DecodeAttributes
};

using Attributes =
    std::variant<std::monostate, ConvAttributes, ConvTransposeAttributes, MatMulAttributes,
                 PoolAttributes, UnaryAttributes, BinaryAttributes, PointwiseAttributes,
                 QuantizeAttributes, ReduceAttributes, ArgReduceAttributes, TopKAttributes,
                 CumulativeAttributes, SoftmaxAttributes, NormAttributes, LrnAttributes,
                 AxisAttributes, SliceAttributes, PadAttributes, TransposeAttributes,
                 DepthToSpaceAttributes, ResizeAttributes, NmsAttributes, PreprocessAttributes,
                 DecodeAttributes, DetectionDetailAttributes>;

const char* op_name(Op op);

}  // namespace stint::builder
