#include "host_builder/tune/tactic_key.h"

#include <algorithm>
#include <numeric>

#include "host_builder/codegen/compiler.h"
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/views.h"
#include "host_builder/support/sha256.h"
#include "kernels/cuda/embedded_sources.h"

namespace stint::builder {
namespace {

// Raised when the host half of code generation changes so that old timings say nothing any more.
constexpr int kCodegenFormat = 1;
constexpr int64_t kVectorBytes = 16;

std::string hex_digest(const std::string& text) {
  return hex_text(sha256(std::as_bytes(std::span(text))));
}

/// Bytes that divide every address at which a row of the value starts.
int64_t alignment_of(const Value& value) {
  int64_t bytes = kVectorBytes;
  const auto width = static_cast<int64_t>(dtype_bytes(value.dtype));
  if (value.view) bytes = std::gcd(bytes, value.view->offset * width);
  const std::vector<int64_t> strides = strides_of(value);
  for (size_t axis = 0; axis + 1 < strides.size(); ++axis) {
    if (value.shape[axis] > 1) bytes = std::gcd(bytes, strides[axis] * width);
  }
  return bytes;
}

std::string operand_text(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "-";
  const Value& value = graph.value(id);
  std::string text = type_text(value.dtype, value.shape);
  if (value.is_constant()) return text + " constant";
  const bool inner_gaps =
      !value.shape.empty() && value.shape.back() > 1 && strides_of(value).back() != 1;
  if (inner_gaps) return text + " gapped";
  if (!is_dense(value) || (value.view && value.view->offset != 0))
    text += " strided align=" + std::to_string(alignment_of(value));
  return text;
}

std::string operands_text(const Graph& graph, const std::vector<ValueId>& operands) {
  std::string text;
  for (size_t i = 0; i < operands.size(); ++i)
    text += (i == 0 ? "" : ", ") + operand_text(graph, operands[i]);
  return text;
}

std::string sources_digest() {
  std::string all;
  for (const EmbeddedSource* s = kEmbeddedSources; s->name != nullptr; ++s)
    all += std::string(s->name) + '\0' + s->text + '\0';
  return hex_digest(all).substr(0, 16);
}

}  // namespace

std::string layer_text(const Graph& graph, const Node& node) {
  std::string text = std::string(op_name(node.op)) + "(" + operands_text(graph, node.inputs) +
                     ") -> " + operands_text(graph, node.outputs);
  const std::string attributes = attributes_text(node);
  if (!attributes.empty()) text += " {" + attributes + "}";
  return text;
}

std::string tactic_environment(const Target& target) {
  static const std::string sources = sources_digest();
  const GpuTraits& gpu = target.gpu;
  return "sm_" + std::to_string(gpu.sm) + " features=sm_" + std::to_string(gpu.source_sm) +
         " pdl=" + (gpu.has_pdl ? "1" : "0") +
         " multiprocessors=" + std::to_string(gpu.multiprocessors) +
         " smem=" + std::to_string(gpu.smem_per_block) + " compiler=\"" + nvrtc_line(gpu.nvrtc) +
         "\" kernels=" + sources + " codegen=" + std::to_string(kCodegenFormat);
}

std::string tactic_hash(const std::string& layer, const std::string& environment) {
  return hex_digest(layer + "\n" + environment);
}

TacticKey tactic_key(const Graph& graph, const Node& node, const std::string& environment) {
  TacticKey key;
  key.layer = layer_text(graph, node);
  key.environment = environment;
  key.hash = tactic_hash(key.layer, environment);
  return key;
}

}  // namespace stint::builder
