// The same elements in another shape, order or number.
#include <algorithm>
#include <functional>
#include <numeric>

#include "host_builder/import/caffe/layers/layer_table.h"

namespace stint::builder {
namespace {

void require_one(LayerTranslation& n) {
  n.require_bottoms(1, 1);
  n.require_tops(1, 1);
}

int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  return std::accumulate(begin, end, int64_t{1}, std::multiplies<>());
}

/// An extent of -1 takes what is left.
void resolve_unknown_extent(LayerTranslation& n, Shape& target) {
  const auto unknown = std::find(target.begin(), target.end(), -1);
  if (unknown == target.end()) return;
  *unknown = 1;
  const auto known = checked_elements(target);
  const int64_t elements = product(n.shape(0).begin(), n.shape(0).end());
  if (!known || *known == 0 || elements % *known != 0)
    n.fail("cannot reshape " + shape_text(n.shape(0)) +
           ": its elements are no multiple of the "
           "extents that are given");
  *unknown = elements / *known;
}

/// The axes from `axis` on, `num_axes` of them, get new extents: 0 is the bottom's own, -1 what is
/// left.
void translate_reshape(LayerTranslation& n) {
  require_one(n);
  const caffe::ReshapeParameter& p = n.layer().reshape_param();
  const Shape x = n.shape(0);
  const auto rank = static_cast<int64_t>(x.size());
  const int64_t first = p.axis() < 0 ? rank + 1 + p.axis() : p.axis();
  if (first < 0 || first > rank || p.num_axes() < -1 || p.num_axes() > rank - first)
    n.fail("reshapes " + std::to_string(p.num_axes()) + " axes from axis " +
           std::to_string(p.axis()) + " on, the bottom is " + shape_text(x));
  const int64_t behind = p.num_axes() == -1 ? rank : first + p.num_axes();
  Shape target(x.begin(), x.begin() + first);
  std::vector<bool> kept(target.size(), true);
  for (const int64_t extent : p.shape().dim()) {
    const size_t at = target.size();
    if (extent < -1 || (extent == 0 && at >= x.size()))
      n.fail("has extent " + std::to_string(extent) + " at axis " + std::to_string(at) +
             " of its shape, the bottom is " + shape_text(x));
    target.push_back(extent == 0 ? x[at] : extent);
    kept.push_back(extent == 0);
  }
  target.insert(target.end(), x.begin() + behind, x.end());
  kept.resize(target.size(), true);
  if (std::count(target.begin(), target.end(), -1) > 1)
    n.fail("has more than one extent of -1 in its shape");
  if (target.size() > static_cast<size_t>(kMaxRank))
    n.fail("has " + std::to_string(target.size()) + " axes as its result, at most " +
               std::to_string(kMaxRank) + " are supported",
           "reshape to fewer axes");
  // A topology for one sample has the 1 written into its shapes: there it becomes the batch.
  target = n.network().batch().reshape_target(n.in(0), target, kept);
  resolve_unknown_extent(n, target);
  n.bind(0, n.network().reshape(n.in(0), target));
}

void translate_flatten(LayerTranslation& n) {
  require_one(n);
  const caffe::FlattenParameter& p = n.layer().flatten_param();
  const auto first = static_cast<std::ptrdiff_t>(n.axis(p.axis()));
  const auto last = static_cast<std::ptrdiff_t>(n.axis(p.end_axis()));
  if (last < first) n.fail("flattens from axis " + std::to_string(first) + " to an axis before it");
  const Shape& x = n.shape(0);
  Shape target(x.begin(), x.begin() + first);
  target.push_back(product(x.begin() + first, x.begin() + last + 1));
  target.insert(target.end(), x.begin() + last + 1, x.end());
  n.bind(0, n.network().reshape(n.in(0), target));
}

/// Axes that are not listed follow in their own order.
void translate_permute(LayerTranslation& n) {
  require_one(n);
  std::vector<int64_t> perm;
  const auto has = [&](int64_t axis) {
    return std::find(perm.begin(), perm.end(), axis) != perm.end();
  };
  for (const uint32_t axis : n.layer().permute_param().order()) {
    if (axis >= n.rank(0) || has(axis))
      n.fail("lists axis " + std::to_string(axis) + " in its order, which the bottom " +
             shape_text(n.shape(0)) + " does not have or which is listed before");
    perm.push_back(axis);
  }
  for (size_t axis = 0; axis < n.rank(0); ++axis)
    if (!has(static_cast<int64_t>(axis))) perm.push_back(static_cast<int64_t>(axis));
  n.bind(0, n.network().transpose(n.in(0), std::move(perm)));
}

void translate_tile(LayerTranslation& n) {
  require_one(n);
  const caffe::TileParameter& p = n.layer().tile_param();
  const size_t axis = n.axis(p.axis());
  if (p.tiles() < 1) n.fail("has " + std::to_string(p.tiles()) + " tiles, needs 1 or more");
  Shape result = n.shape(0);
  if (result[axis] > kMaxElements / p.tiles())
    n.fail("makes too many elements", "reduce its tiles");
  result[axis] *= p.tiles();
  n.bind(0, n.network().add(Op::kTile, {}, {n.in(0)}, {{DType::kF32, result}}));
}

/// Darknet's: the bottom's memory is read as a quarter of the channels (stride 2) in a picture
/// twice as wide and high, whose blocks of pixels become channels.
void translate_reorg(LayerTranslation& n) {
  require_one(n);
  NetworkBuilder& net = n.network();
  const caffe::ReorgParameter& p = n.layer().reorg_param();
  const int64_t s = p.stride();
  if (p.reverse()) n.fail("reverse: true is not supported", "replace it by other layers");
  if (n.rank(0) != 4 || s < 1 || s > 65536 || n.shape(0)[1] % (s * s) != 0 ||
      n.shape(0)[2] % s != 0 || n.shape(0)[3] % s != 0) {
    n.fail(
        "needs a bottom with 4 axes, channels that are a multiple of the stride's square and a "
        "picture that is one of the stride, they are " +
        shape_text(n.shape(0)) + " and " + std::to_string(s));
  }
  const Shape x = n.shape(0);
  const ValueId large = net.reshape(n.in(0), {x[0], x[1] / (s * s), x[2] * s, x[3] * s});
  const ValueId blocks = net.add(Op::kSpaceToDepth, DepthToSpaceAttributes{s, false}, {large});
  n.bind(0, net.reshape(blocks, {x[0], x[1] * s * s, x[2] / s, x[3] / s}));
}

void translate_shuffle_channel(LayerTranslation& n) {
  require_one(n);
  NetworkBuilder& net = n.network();
  const int64_t groups = n.layer().shuffle_channel_param().group();
  const Shape x = n.shape(0);
  if (x.size() < 2 || groups < 1 || x[1] % groups != 0)
    n.fail("cannot divide " + shape_text(x) + " into " + std::to_string(groups) +
           " groups of channels");
  const int64_t rest = product(x.begin() + 2, x.end());
  const ValueId grouped = net.reshape(n.in(0), {x[0], groups, x[1] / groups, rest});
  n.bind(0, net.reshape(net.transpose(grouped, {0, 2, 1, 3}), x));
}

void translate_dropout(LayerTranslation& n) {
  require_one(n);
  n.bind(0, n.in(0));
}

}  // namespace

const std::vector<LayerEntry> kShapeLayers = {
    {"Reshape", translate_reshape}, {"Flatten", translate_flatten},
    {"Permute", translate_permute}, {"Tile", translate_tile},
    {"Reorg", translate_reorg},     {"ShuffleChannel", translate_shuffle_channel},
    {"Dropout", translate_dropout},
};

}  // namespace stint::builder
