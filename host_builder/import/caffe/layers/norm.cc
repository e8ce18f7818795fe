// Normalisations: BatchNorm, LRN, MVN, Normalize.
#include <numeric>

#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/arithmetic.h"
#include "host_builder/network/norms.h"

namespace stint::builder {
namespace {

/// Mean and variance are sums, which the third blob counts. There is no scale and no bias: a Scale
/// layer follows where they are wanted.
void translate_batch_norm(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::BatchNormParameter& p = n.layer().batch_norm_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
  if (!p.use_global_stats()) {
    n.fail("normalises with the statistics of the batch (use_global_stats: false)",
           "set use_global_stats: true, or leave it out");
  }
  if (n.rank(0) < 2) n.fail("needs a bottom with channels, it is " + shape_text(n.shape(0)));
  const int64_t channels = n.shape(0)[1];
  n.expect_blobs(3);
  std::vector<float> mean = n.numbers(0, {channels}, {});
  std::vector<float> variance = n.numbers(1, {channels}, {0, 1.0f});
  const float count = n.numbers(2, {1}, {0, 1.0f})[0];
  const float factor = count == 0.0f ? 0.0f : 1.0f / count;
  for (float& value : mean) value *= factor;
  for (float& value : variance) value *= factor;
  const auto constant = [&](const std::vector<float>& values) {
    return net.constant(DType::kF32, {channels}, values);
  };
  const std::vector<float> ones(mean.size(), 1.0f), zeros(mean.size(), 0.0f);
  n.bind(0,
         net.add(Op::kBatchNorm, NormAttributes{p.eps(), 1},
                 {n.in(0), constant(ones), constant(zeros), constant(mean), constant(variance)}));
}

/// x / (1 + alpha * mean of x^2 in a window) ^ beta
ValueId within_channel(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::LRNParameter& p = n.layer().lrn_param();
  const int64_t size = p.local_size();
  Window w;
  w.kernel = {size, size};
  w.pads_begin = w.pads_end = {(size - 1) / 2, (size - 1) / 2};
  const ValueId square = net.binary(EltOp::kMul, n.in(0), n.in(0));
  const ValueId mean = net.pool(PoolKind::kAverage, square, w, true);
  const ValueId sum = plus_constant(net, times_constant(net, mean, p.alpha()), 1.0f);
  return net.binary(EltOp::kMul, n.in(0),
                    net.binary(EltOp::kPow, sum, net.scalar(DType::kF32, -p.beta())));
}

void translate_lrn(LayerTranslation& n) {
  const caffe::LRNParameter& p = n.layer().lrn_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
  if (n.rank(0) != 4) n.fail("needs a bottom with 4 axes, it is " + shape_text(n.shape(0)));
  if (p.local_size() % 2 == 0 || p.local_size() > kMaxWindowExtent)
    n.fail("has local_size " + std::to_string(p.local_size()) + ", needs an odd number");
  if (p.norm_region() == caffe::LRNParameter::WITHIN_CHANNEL) {
    n.bind(0, within_channel(n));
    return;
  }
  n.bind(0, n.network().add(Op::kLrn, LrnAttributes{p.local_size(), p.alpha(), p.beta(), p.k(), 1},
                            {n.in(0)}));
}

void translate_mvn(LayerTranslation& n) {
  const caffe::MVNParameter& p = n.layer().mvn_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
  const size_t first = p.across_channels() ? 1 : 2;
  if (n.rank(0) <= first) n.fail("needs a bottom with 4 axes, it is " + shape_text(n.shape(0)));
  std::vector<int64_t> axes(n.rank(0) - first);
  std::iota(axes.begin(), axes.end(), static_cast<int64_t>(first));
  n.bind(0, mean_variance_normalised(n.network(), n.in(0), axes, p.normalize_variance(), p.eps()));
}

/// x / sqrt(eps + sum of x^2), over channels or over the whole picture, times a learned scale.
void translate_normalize(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::NormalizeParameter& p = n.layer().norm_param();
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
  if (n.rank(0) < 2) n.fail("needs a bottom with channels, it is " + shape_text(n.shape(0)));
  std::vector<int64_t> axes{1};
  for (size_t i = 2; p.across_spatial() && i < n.rank(0); ++i)
    axes.push_back(static_cast<int64_t>(i));
  const ValueId sum =
      net.add(Op::kReduce, ReduceAttributes{ReduceOp::kSumSquare, axes, true}, {n.in(0)});
  const ValueId root = net.unary(EltOp::kSqrt, plus_constant(net, sum, p.eps()));
  n.expect_blobs(1);
  // SSD's own filler.
  const ValueId scale = n.blob(0, {p.channel_shared() ? 1 : n.shape(0)[1]}, {0, 20.0f});
  n.bind(0, net.binary(EltOp::kMul, net.binary(EltOp::kDiv, n.in(0), root),
                       p.channel_shared() ? scale : aligned_at(net, scale, 1, n.rank(0))));
}

}  // namespace

const std::vector<LayerEntry> kNormLayers = {
    {"BatchNorm", translate_batch_norm},
    {"LRN", translate_lrn},
    {"MVN", translate_mvn},
    {"Normalize", translate_normalize},
};

}  // namespace stint::builder
