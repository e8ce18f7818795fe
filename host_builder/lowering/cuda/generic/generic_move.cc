// Padding, gathering, resizing.
#include <algorithm>

#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "host_builder/support/error.h"
#include "kernels/cpu/resize_tables.h"
#include "plan_schema/params/elementwise.h"
#include "plan_schema/params/gather.h"
#include "plan_schema/params/pad.h"
#include "plan_schema/params/resize.h"

namespace stint::builder {
namespace {

std::string text(int64_t value) { return CudaSource::literal(value); }

/// Coordinates c0, c1... of element `i` of a row-major tensor.
std::string coordinates(const GenericSource& source, const cpu::TensorView& y) {
  std::string code;
  for (int a = y.rank - 1; a >= 0; --a) {
    const std::string name = "c" + std::to_string(a);
    const std::string extent = source.index(std::max<int64_t>(y.shape[a], 1));
    code += "    const index_t " + name + " = " + (a == 0 ? "i" : "i % " + extent) + ";\n";
    if (a > 0) code += "    i /= " + extent + ";\n";
  }
  return code;
}

std::string offset_code(const GenericSource& source, const cpu::TensorView& t) {
  std::string code = source.index(0);
  for (int a = 0; a < t.rank; ++a)
    if (t.shape[a] != 1) code += " + c" + std::to_string(a) + " * " + source.index(t.strides[a]);
  return code;
}

/// The filling value as an element of the output.
std::string pad_value(const Node& node, const cpu::TensorView& y) {
  const double value = node.as<PadAttributes>().value;
  if (is_float(y.dtype)) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return "store<Out0>(double_of_bits(" + std::to_string(bits) + "ull))";
  }
  if (y.dtype == DType::kU64)
    return "store<Out0>(static_cast<uint64_t>(" + std::to_string(static_cast<uint64_t>(value)) +
           "ull))";
  return "store<Out0>(static_cast<int64_t>(" + text(static_cast<int64_t>(value)) + "))";
}

/// Tables of one resized axis as constants of the graph, which become the step's inputs.
struct AxisTable {
  bool identity = true;
  int64_t taps = 1;
  size_t index = 0, weight = 0;  // inputs
};

std::vector<AxisTable> add_tables(Graph& graph, StepSpec& step, const ResizeParams& p) {
  const Shape x = graph.value(step.inputs.at(0)).shape;
  const Shape y = graph.value(step.outputs.at(0)).shape;
  std::vector<AxisTable> tables(x.size());
  int64_t elements = 1;
  for (const int64_t n : y) elements *= n;
  if (elements == 0) return tables;
  for (size_t a = 0; a < x.size(); ++a) {
    cpu::ResizeAxis axis = cpu::describe_axis(p, static_cast<int>(a), x[a], y[a]);
    if (axis.taps < 0)
      throw BuildError("step '" + step.name + "': the scale of axis " + std::to_string(a) +
                       " contradicts its extents " + std::to_string(x[a]) + " and " +
                       std::to_string(y[a]));
    tables[a].identity = axis.identity;
    tables[a].taps = axis.taps;
    if (axis.identity) continue;
    std::vector<int32_t> index(static_cast<size_t>(axis.out * axis.taps));
    std::vector<float> weight(index.size());
    axis.index = index.data();
    axis.weight = weight.data();
    cpu::fill_axis(p, static_cast<int>(a), axis);
    const std::string name = step.name + ".axis" + std::to_string(a);
    const Shape shape = {axis.out, axis.taps};
    tables[a].index = step.inputs.size();
    step.inputs.push_back(
        graph.add_constant(graph.unique_name(name + ".index"), DType::kI32, shape, index));
    if (p.mode == ResizeMode::kNearest) continue;
    tables[a].weight = step.inputs.size();
    step.inputs.push_back(
        graph.add_constant(graph.unique_name(name + ".weight"), DType::kF32, shape, weight));
  }
  return tables;
}

/// "in3(args)[c1 * taps + t1]".
std::string table_entry(const GenericSource& source, size_t input, const AxisTable& t, size_t axis,
                        bool first) {
  const std::string a = std::to_string(axis);
  return "in" + std::to_string(input) + "(args)[c" + a + " * " + source.index(t.taps) +
         (first ? "" : " + t" + a) + "]";
}

std::string outside_code(const GenericSource& source, const std::vector<AxisTable>& tables) {
  std::string code = "false";
  for (size_t a = 0; a < tables.size(); ++a)
    if (!tables[a].identity)
      code += " || " + table_entry(source, tables[a].index, tables[a], a, true) + " < 0";
  return code;
}

/// Offset in x along the axes that stay as they are.
std::string identity_offset(const GenericSource& source, const std::vector<AxisTable>& tables) {
  std::string code = source.index(0);
  for (size_t a = 0; a < tables.size(); ++a)
    if (tables[a].identity)
      code += " + c" + std::to_string(a) + " * " + source.index(source.input(0).strides[a]);
  return code;
}

std::string step_code(const GenericSource& source, const AxisTable& t, size_t axis, bool first) {
  return "static_cast<index_t>(" + table_entry(source, t.index, t, axis, first) + ") * " +
         source.index(source.input(0).strides[axis]);
}

std::string nearest_code(const GenericSource& source, const std::vector<AxisTable>& tables) {
  std::string code = "    index_t x = " + identity_offset(source, tables);
  for (size_t a = 0; a < tables.size(); ++a)
    if (!tables[a].identity) code += " + " + step_code(source, tables[a], a, true);
  return code + ";\n    out0(args)[y] = moved<Out0>(in0(args)[x]);\n";
}

/// A loop a resampled axis. As on the CPU, the outer axes' weights are multiplied first, and the
/// innermost axis is summed up for itself.
std::string interpolation_code(const GenericSource& source, const std::vector<AxisTable>& tables) {
  const size_t last = tables.size() - 1;
  std::string code = "    float sum = 0.0f;\n    const float w = 1.0f;\n    const index_t x = " +
                     identity_offset(source, tables) + ";\n    {\n";
  std::string closing = "    }\n", w = "w", x = "x";
  for (size_t a = 0; a < last; ++a) {
    if (tables[a].identity) continue;
    const std::string n = std::to_string(a);
    code += "    for (index_t t" + n + " = 0; t" + n + " < " + source.index(tables[a].taps) +
            "; ++t" + n + ") {\n    const float w" + n + " = __fmul_rn(" + w + ", " +
            table_entry(source, tables[a].weight, tables[a], a, false) + ");\n    const index_t x" +
            n + " = " + x + " + " + step_code(source, tables[a], a, false) + ";\n";
    closing += "    }\n";
    w = "w" + n;
    x = "x" + n;
  }
  code += "    if (" + w + " == 0.0f) " + (w == "w" ? "{}" : "continue;") + "\n";
  if (tables[last].identity) {
    code += "    sum = plus_product(sum, " + w + ", load<float>(in0(args)[" + x + "]));\n";
  } else {
    const std::string n = std::to_string(last);
    code += "    float along = 0.0f;\n    for (index_t t" + n + " = 0; t" + n + " < " +
            source.index(tables[last].taps) + "; ++t" + n +
            ")\n      along = plus_product(along, " +
            table_entry(source, tables[last].weight, tables[last], last, false) +
            ", load<float>(in0(args)[" + x + " + " + step_code(source, tables[last], last, false) +
            "]));\n    sum = plus_product(sum, " + w + ", along);\n";
  }
  return code + closing + "    out0(args)[y] = rounded<Out0>(sum);\n";
}

}  // namespace

void generic_pad(Graph& graph, const Node& node, StepSpec& step) {
  const auto p = params_of_step<PadParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& y = source.output(0);
  source.constant("kFill", static_cast<int64_t>(p.fill));
  source.include("generic/pad.cuh");
  std::string body;
  for (int a = 0; a < y.rank; ++a) {
    const std::string n = std::to_string(a);
    if (x.shape[a] == y.shape[a] && p.begin[a] == 0) {
      body += "    *x += c" + n + " * " + source.index(x.strides[a]) + ";\n";
      continue;
    }
    body += "    const int64_t s" + n + " = source_index<kFill>(static_cast<int64_t>(c" + n +
            ") - " + text(p.begin[a]) + ", " + text(x.shape[a]) + ");\n    outside = outside || s" +
            n + " < 0;\n    *x += static_cast<index_t>(s" + n + ") * " +
            source.index(x.strides[a]) + ";\n";
  }
  source.line(
      "struct Elements {\n  static constexpr index_t kElements = " + source.index(y.elements()) +
      ";\n  static __device__ __forceinline__ Out0 value() { return " + pad_value(node, y) +
      "; }\n  static __device__ __forceinline__ bool locate(index_t i, index_t* x, index_t* y) "
      "{\n" +
      coordinates(source, y) + "    *y = " + offset_code(source, y) +
      ";\n    *x = 0;\n    bool outside = false;\n" + body + "    return outside;\n  }\n};");
  step.in_place.clear();
  step.launch = source.finish_flat("pad", y.elements(), "pad_element<kFill, Elements>(args);");
}

void generic_gather(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<GatherParams>(step);
  GenericSource source(graph, step);
  const cpu::TensorView& x = source.input(0);
  const cpu::TensorView& indices = source.input(1);
  const cpu::TensorView& y = source.output(0);
  cpu::StridedLoop<3> loop;
  int out = 0;
  for (int i = 0; i < p.axis; ++i, ++out)
    loop.add_axis(x.shape[i], {x.strides[i], 0, y.strides[out]});
  for (int i = 0; i < indices.rank; ++i, ++out)
    loop.add_axis(indices.shape[i], {0, indices.strides[i], y.strides[out]});
  for (int i = p.axis + 1; i < x.rank; ++i, ++out)
    loop.add_axis(x.shape[i], {x.strides[i], 0, y.strides[out]});
  loop.collapse();
  source.loop("Elements", loop);
  source.constant64("kExtent", x.shape[p.axis]);
  source.index_constant("kStep", x.strides[p.axis]);
  source.include("generic/gather.cuh");
  step.in_place.clear();
  step.launch = source.finish_flat("gather", loop.elements());
}

void generic_resize(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<ResizeParams>(step);
  const std::vector<AxisTable> tables = add_tables(graph, step, p);
  step.workspace_bytes = 0;  // the tables are constants here
  step.in_place.clear();
  GenericSource source(graph, step);
  const cpu::TensorView& y = source.output(0);
  source.include("generic/resize.cuh");
  const std::string work = p.mode == ResizeMode::kNearest ? nearest_code(source, tables)
                                                          : interpolation_code(source, tables);
  source.line(
      "__device__ __forceinline__ void run(const Args& args) {\n"
      "    index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;\n"
      "    if (i >= " +
      source.index(y.elements()) + ") return;\n" + coordinates(source, y) +
      "    const index_t y = " + offset_code(source, y) + ";\n    if (" +
      outside_code(source, tables) + ") {\n      out0(args)[y] = rounded<Out0>(" +
      CudaSource::literal(p.extrapolation) + ");\n      return;\n    }\n" + work + "}");
  step.launch = source.finish_flat("resize", y.elements());
}

}  // namespace stint::builder
