// Maximum and average of windows.
#include "host_builder/graph/ops/window.h"

namespace stint::builder {
namespace {

Types infer_pool(const InferenceContext& c) {
  const auto& a = c.as<PoolAttributes>();
  const size_t spatial = spatial_rank_of(c);
  const Window window = window_of(a);
  check_window(c, window, spatial);
  const Shape& x = c.shape(0);
  std::vector<int64_t> extents;
  for (size_t i = 0; i < spatial; ++i) {
    const size_t axis = c.spatial_axis(i);
    const int64_t room = x[axis] + a.pads_begin[i] + a.pads_end[i] - window.extent(i);
    int64_t extent = room >= 0 ? room / a.strides[i] + 1 : 0;
    if (!c.declared.empty() && c.declared[0].shape.size() == x.size() && room > -a.strides[i]) {
      // ceil_mode: one more window, as long as it starts inside the input or its leading padding.
      const int64_t wanted = c.declared[0].shape[axis];
      if (wanted == extent + 1 && (wanted - 1) * a.strides[i] < x[axis] + a.pads_begin[i])
        extent = wanted;
    }
    c.require(extent >= 1, "the window " + shape_text(a.kernel) +
                               " is larger than the padded input " + shape_text(x));
    extents.push_back(extent);
  }
  const Shape result = c.spatial_shape(x[0], x[c.channel_axis(x.size())], extents);
  return {{c.dtype(0), result}, {DType::kI64, result}};
}

std::string print_pool(const Attributes& attributes) {
  const auto& a = std::get<PoolAttributes>(attributes);
  Words w;
  w.add("kind", a.kind == PoolKind::kMax ? "max" : "average").list("kernel", a.kernel);
  w.list_unless("strides", a.strides, 1).list_unless("dilations", a.dilations, 1);
  w.list_unless("pads_begin", a.pads_begin, 0).list_unless("pads_end", a.pads_end, 0);
  w.flag("count_include_pad", a.count_include_pad);
  return w.flag("column_major_indices", a.column_major_indices).text();
}

MovedSamples move_pool(const BatchMove& m, const BatchPlace& at) {
  return kept_unless(mixes_windows(m.node.as<PoolAttributes>(), at), at);
}

double pool_folding_work(const Graph& graph, const Node& node) {
  double window = 1;
  for (const int64_t extent : node.as<PoolAttributes>().kernel)
    window *= static_cast<double>(extent);
  return elements_of(graph, node.outputs) * window;
}

}  // namespace

constinit const OpDef ops::kPool = {
    .name = "Pool",
    .arity = {1, 1, 1, 2},
    .has_its_attributes = has<PoolAttributes>,
    .types = {kQuantizable, {kQuantizable, exactly(DType::kI64)}},
    .infer = infer_pool,
    .layout = kSpatialOperand,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_pool),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = pool_folding_work,
    .print = print_pool,
};

}  // namespace stint::builder
