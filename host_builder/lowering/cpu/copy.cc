// Operations that only move elements, all lowered to the strided copy kernel.
#include "plan_schema/params/copy.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

/// Loop nest of a mapped copy. Axes of extent 1 are left out.
struct CopyNest {
  CopyParams params;
  std::vector<CopyAxis> axes;

  void add(int64_t extent, int x_axis, int64_t x_step, int y_axis, int64_t y_step) {
    if (extent == 1) return;
    CopyAxis axis;
    axis.extent = extent;
    axis.x_axis = static_cast<int8_t>(x_axis);
    axis.x_step = x_step;
    axis.y_axis = static_cast<int8_t>(y_axis);
    axis.y_step = y_step;
    axes.push_back(axis);
  }
};

const Shape& input_shape(const Graph& graph, const Node& node) {
  return graph.value(node.inputs.at(0)).shape;
}
const Shape& output_shape(const Graph& graph, const Node& node) {
  return graph.value(node.outputs.at(0)).shape;
}

StepSpec mapped_step(const Graph& graph, const Node& node, CopyNest nest, const char* tactic) {
  nest.params.axis_count = static_cast<uint8_t>(nest.axes.size());
  StepSpec step = step_for(node, KernelId::kCopy, tactic);
  step.inputs.resize(1);
  step.params = to_bytes(nest.params, nest.axes);
  step.bytes = moved_bytes(graph, node);
  return step;
}

template <Op... ops>
bool is_one_of(const Graph&, const Node& node) {
  return ((node.op == ops) || ...);
}

StepSpec lower_reshape(Graph& graph, const Node& node) {
  CopyParams params;
  params.mode = CopyMode::kReshape;
  StepSpec step = step_for(node, KernelId::kCopy, "copy reshape");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

StepSpec lower_concat(Graph& graph, const Node& node) {
  CopyParams params;
  params.mode = CopyMode::kConcat;
  params.concat_axis = static_cast<uint8_t>(
      normalized_axis(node.as<AxisAttributes>().axis, output_shape(graph, node).size(), node));
  StepSpec step = step_for(node, KernelId::kCopy, "copy concat");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

StepSpec lower_transpose(Graph& graph, const Node& node) {
  const Shape& y = output_shape(graph, node);
  const std::vector<int64_t>& perm = node.as<TransposeAttributes>().perm;
  CopyNest nest;
  for (size_t i = 0; i < y.size(); ++i)
    nest.add(y[i], static_cast<int>(perm.at(i)), 1, static_cast<int>(i), 1);
  return mapped_step(graph, node, std::move(nest), "copy transpose");
}

StepSpec lower_slice(Graph& graph, const Node& node) {
  const Shape& y = output_shape(graph, node);
  const auto& slice = node.as<SliceAttributes>();
  CopyNest nest;
  for (size_t i = 0; i < y.size(); ++i) {
    const int axis = static_cast<int>(i);
    nest.params.x_start[i] = slice.starts.at(i);
    nest.add(y[i], axis, slice.steps.at(i), axis, 1);
  }
  return mapped_step(graph, node, std::move(nest), "copy slice");
}

StepSpec lower_expand(Graph& graph, const Node& node) {
  const Shape& x = input_shape(graph, node);
  const Shape& y = output_shape(graph, node);
  const int lead = static_cast<int>(y.size()) - static_cast<int>(x.size());
  CopyNest nest;
  for (int i = 0; i < static_cast<int>(y.size()); ++i) {
    const bool moves = i >= lead && x[static_cast<size_t>(i - lead)] != 1;
    nest.add(y[static_cast<size_t>(i)], moves ? i - lead : -1, moves ? 1 : 0, i, 1);
  }
  return mapped_step(graph, node, std::move(nest), "copy expand");
}

StepSpec lower_tile(Graph& graph, const Node& node) {
  const Shape& x = input_shape(graph, node);
  const Shape& y = output_shape(graph, node);
  CopyNest nest;
  for (size_t i = 0; i < y.size(); ++i) {
    const int axis = static_cast<int>(i);
    nest.add(x[i] == 0 ? 0 : y[i] / x[i], -1, 0, axis, x[i]);
    nest.add(x[i], axis, 1, axis, 1);
  }
  return mapped_step(graph, node, std::move(nest), "copy tile");
}

/// The big image is (H * block, W * block) with few channels, the small one (H, W) with channels in
/// block * block groups.
StepSpec lower_depth_space(Graph& graph, const Node& node) {
  const bool to_space = node.op == Op::kDepthToSpace;
  const auto& attributes = node.as<DepthToSpaceAttributes>();
  const int64_t block = attributes.block;
  const Shape& deep = to_space ? input_shape(graph, node) : output_shape(graph, node);
  const int channel = graph.channels_last ? 3 : 1;
  const int high = graph.channels_last ? 1 : 2;
  const int wide = high + 1;
  const int64_t few = deep[static_cast<size_t>(channel)] / (block * block);
  // Channel of the deep tensor: DCR (and SpaceToDepth) = (by, bx, c), CRD = (c, by, bx).
  const int64_t step_by = attributes.crd ? block : block * few;
  const int64_t step_bx = attributes.crd ? 1 : few;
  const int64_t step_c = attributes.crd ? block * block : 1;
  CopyNest nest;
  const auto add = [&](int64_t extent, int deep_axis, int64_t deep_step, int flat_axis,
                       int64_t flat_step) {
    if (to_space) {
      nest.add(extent, deep_axis, deep_step, flat_axis, flat_step);
    } else {
      nest.add(extent, flat_axis, flat_step, deep_axis, deep_step);
    }
  };
  const auto add_n = [&] { add(deep[0], 0, 1, 0, 1); };
  const auto add_c = [&] { add(few, channel, step_c, channel, 1); };
  const auto add_y = [&] { add(deep[static_cast<size_t>(high)], high, 1, high, block); };
  const auto add_x = [&] { add(deep[static_cast<size_t>(wide)], wide, 1, wide, block); };
  const auto add_by = [&] { add(block, channel, step_by, high, 1); };
  const auto add_bx = [&] { add(block, channel, step_bx, wide, 1); };
  // Loop order = memory order of the output.
  add_n();
  if (to_space) {
    if (!graph.channels_last) add_c();
    add_y(), add_by(), add_x(), add_bx();
    if (graph.channels_last) add_c();
  } else {
    if (graph.channels_last) add_y(), add_x();
    if (attributes.crd) {
      add_c(), add_by(), add_bx();
    } else {
      add_by(), add_bx(), add_c();
    }
    if (!graph.channels_last) add_y(), add_x();
  }
  return mapped_step(graph, node, std::move(nest),
                     to_space ? "copy depth-to-space" : "copy space-to-depth");
}

bool is_depth_space(const Graph& graph, const Node& node) {
  return (node.op == Op::kDepthToSpace || node.op == Op::kSpaceToDepth) &&
         input_shape(graph, node).size() == 4;
}

}  // namespace

const Family kReshapeCopyFamily =
    one_way<is_one_of<Op::kReshape, Op::kIdentity>, lower_reshape, memory_bound_us>("copy");
const Family kConcatFamily =
    one_way<is_one_of<Op::kConcat>, lower_concat, memory_bound_us>("concat");
const Family kTransposeFamily =
    one_way<is_one_of<Op::kTranspose>, lower_transpose, memory_bound_us>("transpose");
const Family kSliceFamily = one_way<is_one_of<Op::kSlice>, lower_slice, memory_bound_us>("slice");
const Family kExpandFamily =
    one_way<is_one_of<Op::kExpand>, lower_expand, memory_bound_us>("expand");
const Family kTileFamily = one_way<is_one_of<Op::kTile>, lower_tile, memory_bound_us>("tile");
const Family kDepthSpaceFamily =
    one_way<is_depth_space, lower_depth_space, memory_bound_us>("depth-space");

}  // namespace stint::builder
