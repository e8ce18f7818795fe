#include "host_builder/graph/op_names.h"

#include <cstdio>

namespace stint::builder {

const char* op_name(Op op) {
  switch (op) {
    case Op::kIdentity:
      return "Identity";
    case Op::kConv:
      return "Conv";
    case Op::kConvTranspose:
      return "ConvTranspose";
    case Op::kMatMul:
      return "MatMul";
    case Op::kPool:
      return "Pool";
    case Op::kUnary:
      return "Unary";
    case Op::kBinary:
      return "Binary";
    case Op::kWhere:
      return "Where";
    case Op::kPointwise:
      return "Pointwise";
    case Op::kCast:
      return "Cast";
    case Op::kReduce:
      return "Reduce";
    case Op::kArgReduce:
      return "ArgReduce";
    case Op::kTopK:
      return "TopK";
    case Op::kSoftmax:
      return "Softmax";
    case Op::kBatchNorm:
      return "BatchNorm";
    case Op::kInstanceNorm:
      return "InstanceNorm";
    case Op::kLayerNorm:
      return "LayerNorm";
    case Op::kLrn:
      return "Lrn";
    case Op::kConcat:
      return "Concat";
    case Op::kSlice:
      return "Slice";
    case Op::kPad:
      return "Pad";
    case Op::kReshape:
      return "Reshape";
    case Op::kTranspose:
      return "Transpose";
    case Op::kGather:
      return "Gather";
    case Op::kExpand:
      return "Expand";
    case Op::kTile:
      return "Tile";
    case Op::kDepthToSpace:
      return "DepthToSpace";
    case Op::kSpaceToDepth:
      return "SpaceToDepth";
    case Op::kResize:
      return "Resize";
    case Op::kNonMaxSuppression:
      return "NonMaxSuppression";
    case Op::kPreprocess:
      return "Preprocess";
    case Op::kDecode:
      return "Decode";
    case Op::kTopClasses:
      return "TopClasses";
    case Op::kArgmaxMask:
      return "ArgmaxMask";
    case Op::kDetectionMasks:
      return "DetectionMasks";
    case Op::kDetectionKeypoints:
      return "DetectionKeypoints";
    case Op::kRotatedBoxes:
      return "RotatedBoxes";
  }
  return "?";
}

const char* elt_op_name(EltOp op) {
  switch (op) {
    case EltOp::kCopy:
      return "copy";
    case EltOp::kNeg:
      return "neg";
    case EltOp::kAbs:
      return "abs";
    case EltOp::kSqrt:
      return "sqrt";
    case EltOp::kExp:
      return "exp";
    case EltOp::kLog:
      return "log";
    case EltOp::kFloor:
      return "floor";
    case EltOp::kCeil:
      return "ceil";
    case EltOp::kRound:
      return "round";
    case EltOp::kErf:
      return "erf";
    case EltOp::kRelu:
      return "relu";
    case EltOp::kSigmoid:
      return "sigmoid";
    case EltOp::kTanh:
      return "tanh";
    case EltOp::kHardSwish:
      return "hardswish";
    case EltOp::kSoftplus:
      return "softplus";
    case EltOp::kMish:
      return "mish";
    case EltOp::kGelu:
      return "gelu";
    case EltOp::kGeluTanh:
      return "gelu_tanh";
    case EltOp::kSilu:
      return "silu";
    case EltOp::kNot:
      return "not";
    case EltOp::kReciprocal:
      return "reciprocal";
    case EltOp::kSign:
      return "sign";
    case EltOp::kSin:
      return "sin";
    case EltOp::kCos:
      return "cos";
    case EltOp::kIsNan:
      return "isnan";
    case EltOp::kSoftsign:
      return "softsign";
    case EltOp::kClip:
      return "clip";
    case EltOp::kLeakyRelu:
      return "leakyrelu";
    case EltOp::kElu:
      return "elu";
    case EltOp::kHardSigmoid:
      return "hardsigmoid";
    case EltOp::kSelu:
      return "selu";
    case EltOp::kThresholdedRelu:
      return "thresholdedrelu";
    case EltOp::kCelu:
      return "celu";
    case EltOp::kIsInf:
      return "isinf";
    case EltOp::kBitNot:
      return "bitnot";
    case EltOp::kTan:
      return "tan";
    case EltOp::kAdd:
      return "add";
    case EltOp::kSub:
      return "sub";
    case EltOp::kMul:
      return "mul";
    case EltOp::kDiv:
      return "div";
    case EltOp::kPow:
      return "pow";
    case EltOp::kMin:
      return "min";
    case EltOp::kMax:
      return "max";
    case EltOp::kPRelu:
      return "prelu";
    case EltOp::kEqual:
      return "equal";
    case EltOp::kLess:
      return "less";
    case EltOp::kLessOrEqual:
      return "less_or_equal";
    case EltOp::kGreater:
      return "greater";
    case EltOp::kGreaterOrEqual:
      return "greater_or_equal";
    case EltOp::kAnd:
      return "and";
    case EltOp::kOr:
      return "or";
    case EltOp::kXor:
      return "xor";
    case EltOp::kMod:
      return "mod";
    case EltOp::kFMod:
      return "fmod";
    case EltOp::kBitAnd:
      return "bitand";
    case EltOp::kBitOr:
      return "bitor";
    case EltOp::kBitXor:
      return "bitxor";
    case EltOp::kWhere:
      return "where";
  }
  return "?";
}

const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kClip:
      return "clip";
    case Activation::kLeakyRelu:
      return "leakyrelu";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kTanh:
      return "tanh";
    case Activation::kSilu:
      return "silu";
    case Activation::kHardSigmoid:
      return "hardsigmoid";
    case Activation::kHardSwish:
      return "hardswish";
    case Activation::kMish:
      return "mish";
    case Activation::kGelu:
      return "gelu";
    case Activation::kElu:
      return "elu";
  }
  return "?";
}

const char* reduce_op_name(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kMean:
      return "mean";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kMin:
      return "min";
    case ReduceOp::kProd:
      return "prod";
    case ReduceOp::kL1:
      return "l1";
    case ReduceOp::kL2:
      return "l2";
    case ReduceOp::kLogSum:
      return "logsum";
    case ReduceOp::kLogSumExp:
      return "logsumexp";
    case ReduceOp::kSumSquare:
      return "sumsquare";
  }
  return "?";
}

namespace {

std::string number(double value) {  // nine digits are exact for f32

  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/// Collects "key=value" words.
class Words {
 public:
  Words& add(const char* key, const std::string& value) {
    if (!text_.empty()) text_ += ' ';
    text_ += key;
    text_ += '=';
    text_ += value;
    return *this;
  }
  Words& add(const char* key, int64_t value) { return add(key, std::to_string(value)); }
  Words& add(const char* key, float value) { return add(key, number(value)); }
  Words& add(const char* key, double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", value);
    return add(key, std::string(text));
  }
  Words& flag(const char* key, bool value) { return value ? add(key, int64_t{1}) : *this; }
  template <typename T>
  Words& list(const char* key, const std::vector<T>& values) {
    std::string text;
    for (const T& v : values) text += (text.empty() ? "" : ",") + number(static_cast<double>(v));
    return add(key, text.empty() ? "-" : text);
  }
  /// Left out where every entry is the neutral one.
  Words& list_unless(const char* key, const std::vector<int64_t>& values, int64_t neutral) {
    for (int64_t v : values)
      if (v != neutral) return list(key, values);
    return *this;
  }
  Words& epilogue(const Epilogue& e) {
    if (e.act != Activation::kNone) {
      add("act", activation_name(e.act));
      if (e.alpha != 0.0f || e.beta != 0.0f) add("alpha", e.alpha).add("beta", e.beta);
    }
    return flag("residual_after_act", e.residual_after_act);
  }
  std::string text() const { return text_; }

 private:
  std::string text_;
};

struct Texts {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const ConvAttributes& a) const {
    Words w;
    w.list("kernel", a.kernel).list_unless("strides", a.strides, 1);
    w.list_unless("dilations", a.dilations, 1).list_unless("pads_begin", a.pads_begin, 0);
    w.list_unless("pads_end", a.pads_end, 0);
    if (a.groups != 1) w.add("groups", a.groups);
    return w.epilogue(a.epilogue).text();
  }
  std::string operator()(const ConvTransposeAttributes& a) const {
    Words w;
    w.list("kernel", a.kernel).list_unless("strides", a.strides, 1);
    w.list_unless("dilations", a.dilations, 1).list_unless("pads_begin", a.pads_begin, 0);
    w.list_unless("pads_end", a.pads_end, 0).list_unless("output_padding", a.output_padding, 0);
    if (a.groups != 1) w.add("groups", a.groups);
    return w.epilogue(a.epilogue).text();
  }
  std::string operator()(const MatMulAttributes& a) const {
    return Words().epilogue(a.epilogue).text();
  }
  std::string operator()(const PoolAttributes& a) const {
    Words w;
    w.add("kind", a.kind == PoolKind::kMax ? "max" : "average").list("kernel", a.kernel);
    w.list_unless("strides", a.strides, 1).list_unless("dilations", a.dilations, 1);
    w.list_unless("pads_begin", a.pads_begin, 0).list_unless("pads_end", a.pads_end, 0);
    w.flag("count_include_pad", a.count_include_pad);
    return w.flag("column_major_indices", a.column_major_indices).text();
  }
  std::string operator()(const UnaryAttributes& a) const {
    Words w;
    w.add("op", elt_op_name(a.op));
    if (a.op >= EltOp::kClip && a.op < EltOp::kAdd) w.add("alpha", a.alpha).add("beta", a.beta);
    return w.text();
  }
  std::string operator()(const BinaryAttributes& a) const {
    return Words().add("op", elt_op_name(a.op)).text();
  }
  std::string operator()(const PointwiseAttributes& a) const {
    std::string text;
    for (const PointwiseInstruction& i : a.program) {
      if (!text.empty()) text += "; ";
      text += std::string(elt_op_name(i.op)) + " " + std::to_string(i.a);
      if (i.op >= EltOp::kAdd) text += " " + std::to_string(i.b);
      if (i.op == EltOp::kWhere) text += " " + std::to_string(i.c);
      if (i.op >= EltOp::kClip && i.op < EltOp::kAdd)
        text += " (" + number(i.alpha) + ", " + number(i.beta) + ")";
    }
    return "program=[" + text + "]";
  }
  std::string operator()(const ReduceAttributes& a) const {
    Words w;
    w.add("op", reduce_op_name(a.op)).list("axes", a.axes);
    return w.flag("keep_dims", a.keep_dims).text();
  }
  std::string operator()(const ArgReduceAttributes& a) const {
    Words w;
    w.add("op", a.is_max ? "max" : "min").add("axis", a.axis).flag("keep_dims", a.keep_dims);
    return w.flag("select_last", a.select_last).text();
  }
  std::string operator()(const TopKAttributes& a) const {
    Words w;
    w.add("axis", a.axis).flag("largest", a.largest).flag("sorted", a.sorted);
    return w.text();
  }
  std::string operator()(const SoftmaxAttributes& a) const {
    return Words().add("axis", a.axis).flag("log", a.log).text();
  }
  std::string operator()(const NormAttributes& a) const {
    return Words().add("epsilon", a.epsilon).add("axis", a.axis).text();
  }
  std::string operator()(const LrnAttributes& a) const {
    Words w;
    w.add("size", a.size).add("alpha", a.alpha).add("beta", a.beta).add("bias", a.bias);
    return w.add("axis", a.axis).text();
  }
  std::string operator()(const AxisAttributes& a) const {
    return Words().add("axis", a.axis).text();
  }
  std::string operator()(const SliceAttributes& a) const {
    return Words().list("starts", a.starts).list_unless("steps", a.steps, 1).text();
  }
  std::string operator()(const PadAttributes& a) const {
    static constexpr const char* kModes[] = {"constant", "reflect", "edge", "wrap"};
    Words w;
    w.add("mode", kModes[static_cast<int>(a.mode)]).list("begin", a.begin).list("end", a.end);
    if (a.mode == PadMode::kConstant) w.add("value", a.value);
    return w.text();
  }
  std::string operator()(const TransposeAttributes& a) const {
    return Words().list("perm", a.perm).text();
  }
  std::string operator()(const DepthToSpaceAttributes& a) const {
    return Words().add("block", a.block).flag("crd", a.crd).text();
  }
  std::string operator()(const ResizeAttributes& a) const {
    static constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
    static constexpr const char* kCoordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
        "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
    static constexpr const char* kNearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                               "ceil"};
    Words w;
    w.add("mode", kModes[static_cast<int>(a.mode)]);
    w.add("coordinate", kCoordinates[static_cast<int>(a.coordinate)]).list("scales", a.scales);
    if (a.mode == ResizeMode::kNearest) w.add("nearest", kNearest[static_cast<int>(a.nearest)]);
    if (a.mode == ResizeMode::kCubic) w.add("cubic_a", a.cubic_a);
    if (a.coordinate == CoordinateMode::kTfCropAndResize)
      w.list("roi", a.roi).add("extrapolation", a.extrapolation);
    return w.flag("exclude_outside", a.exclude_outside).flag("antialias", a.antialias).text();
  }
  std::string operator()(const NmsAttributes& a) const {
    Words w;
    w.add("max_output_per_class", a.max_output_per_class).add("iou_threshold", a.iou_threshold);
    if (a.has_score_threshold) w.add("score_threshold", a.score_threshold);
    return w.flag("center_point_box", a.center_point_box).text();
  }
  std::string operator()(const PreprocessAttributes& a) const {
    static constexpr const char* kFits[] = {"stretch", "letterbox", "letterbox_top_left", "crop"};
    Words w;
    w.add("width", a.width).add("height", a.height).add("channels", a.channels);
    w.add("fit", kFits[static_cast<int>(a.fit)]).flag("order_bgr", a.order_bgr);
    w.add("pad_value", a.pad_value).list("mean", a.mean).list("scale", a.scale);
    return w.text();
  }
  std::string operator()(const DecodeAttributes& a) const {
    static constexpr const char* kKinds[] = {"yolox_grid", "yolo_anchor_free", "yolo_anchors",
                                             "ssd_priors", "boxes_scores",     "top_classes",
                                             "end_to_end"};
    Words w;
    w.add("kind", kKinds[static_cast<int>(a.kind)]).add("score_threshold", a.score_threshold);
    w.add("iou_threshold", a.iou_threshold).add("max_detections", a.max_detections);
    w.add("classes", a.classes).add("first_class", a.first_class);
    if (!a.strides.empty()) w.list("strides", a.strides);
    if (!a.anchors.empty()) w.list("anchors", a.anchors);
    if (!a.variances.empty()) w.list("variances", a.variances);
    w.flag("normalized_boxes", a.normalized_boxes).flag("center_boxes", a.center_boxes);
    w.flag("class_agnostic_nms", a.class_agnostic_nms).flag("apply_sigmoid", a.apply_sigmoid);
    w.flag("apply_softmax", a.apply_softmax).flag("multi_label", a.multi_label);
    w.flag("y_first", a.y_first).flag("row_labels", a.row_labels).flag("row_counts", a.row_counts);
    return w.flag("no_object_last", a.no_object_last).flag("rotated", a.rotated).text();
  }
  std::string operator()(const DetectionDetailAttributes& a) const {
    Words w;
    w.add("first_column", a.first_column).add("point_values", a.point_values);
    w.add("threshold", a.threshold).flag("transposed", a.transposed);
    w.flag("center_boxes", a.center_boxes).flag("normalized_boxes", a.normalized_boxes);
    return w.add("image", a.image).text();
  }
};

}  // namespace

std::string attributes_text(const Attributes& attributes) {
  return std::visit(Texts(), attributes);
}

std::string type_text(DType dtype, const Shape& shape) {
  std::string text = dtype_name(dtype);
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + ']';
}

std::string node_text(const Node& node) {
  return std::string(op_name(node.op)) + " '" + node.name + "'";
}

}  // namespace stint::builder
