// Activation functions.
#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

void require_one(LayerTranslation& n) {
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
}

template <EltOp op>
void translate_plain(LayerTranslation& n) {
  require_one(n);
  n.bind(0, n.network().unary(op, n.in(0)));
}

void translate_relu(LayerTranslation& n) {
  require_one(n);
  const float slope = n.layer().relu_param().negative_slope();
  n.bind(0, slope == 0.0f ? n.network().unary(EltOp::kRelu, n.in(0))
                          : n.network().unary(EltOp::kLeakyRelu, n.in(0), slope));
}

void translate_relu6(LayerTranslation& n) {
  require_one(n);
  if (n.layer().relu_param().negative_slope() != 0.0f ||
      n.layer().relu6_param().negative_slope() != 0.0f)
    n.fail("has a negative_slope beside its upper limit", "replace it by a ReLU and a Clip layer");
  n.bind(0, n.network().unary(EltOp::kClip, n.in(0), 0.0f, n.layer().relu6_param().threshold()));
}

void translate_clip(LayerTranslation& n) {
  require_one(n);
  if (!n.layer().has_clip_param()) n.fail("has no clip_param with min and max");
  const caffe::ClipParameter& p = n.layer().clip_param();
  n.bind(0, n.network().unary(EltOp::kClip, n.in(0), p.min(), p.max()));
}

void translate_elu(LayerTranslation& n) {
  require_one(n);
  n.bind(0, n.network().unary(EltOp::kElu, n.in(0), n.layer().elu_param().alpha()));
}

void translate_swish(LayerTranslation& n) {
  require_one(n);
  n.bind(0, swish(n.network(), n.in(0), n.layer().swish_param().beta()));
}

void translate_prelu(LayerTranslation& n) {
  require_one(n);
  if (n.rank(0) < 2) n.fail("needs a bottom with channels, it is " + shape_text(n.shape(0)));
  const bool shared = n.layer().prelu_param().channel_shared();
  n.expect_blobs(1);
  const ValueId slope = n.blob(0, {shared ? 1 : n.shape(0)[1]}, {0, 0.25f});
  n.bind(0, n.network().binary(EltOp::kPRelu, n.in(0),
                               shared ? slope : aligned_at(n.network(), slope, 1, n.rank(0))));
}

/// 1 above the threshold, else 0.
void translate_threshold(LayerTranslation& n) {
  require_one(n);
  NetworkBuilder& net = n.network();
  const ValueId limit = net.scalar(DType::kF32, n.layer().threshold_param().threshold());
  n.bind(0, net.cast(net.binary(EltOp::kGreater, n.in(0), limit), DType::kF32));
}

}  // namespace

const std::vector<LayerEntry> kActivationLayers = {
    {"ReLU", translate_relu},
    {"ReLU6", translate_relu6},
    {"PReLU", translate_prelu},
    {"ELU", translate_elu},
    {"Sigmoid", translate_plain<EltOp::kSigmoid>},
    {"TanH", translate_plain<EltOp::kTanh>},
    {"AbsVal", translate_plain<EltOp::kAbs>},
    {"BNLL", translate_plain<EltOp::kSoftplus>},
    {"Swish", translate_swish},
    {"Clip", translate_clip},
    {"Threshold", translate_threshold},
};

}  // namespace stint::builder
