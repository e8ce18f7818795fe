#include "host_builder/builder/noise/noise_run.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "host_builder/builder/pass_list.h"
#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/graph/op_def.h"
#include "host_builder/passes/passes.h"
#include "host_builder/support/error.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

/// Uniform in 0..1; the standard's generator and this division are the same everywhere.
class Uniform {
 public:
  float next() { return static_cast<float>(random_() >> 8) * 0x1p-24f; }

 private:
  std::mt19937 random_{1};
};

template <typename T>
void fill_with(HostTensor& tensor, T value) {
  for (size_t i = 0; i + sizeof(T) <= tensor.data.size(); i += sizeof(T))
    std::memcpy(&tensor.data[i], &value, sizeof(T));
}

void fill(HostTensor& tensor, int64_t width, Uniform& uniform) {
  const size_t count = tensor.data.size() / dtype_bytes(tensor.dtype);
  switch (tensor.dtype) {
    case DType::kF32:
      for (size_t i = 0; i < count; ++i) tensor.as<float>()[i] = uniform.next();
      return;
    case DType::kF16:
      for (size_t i = 0; i < count; ++i) tensor.as<F16>()[i] = to_f16(uniform.next());
      return;
    case DType::kF64:
      for (size_t i = 0; i < count; ++i) tensor.as<double>()[i] = uniform.next();
      return;
    case DType::kI64:
    case DType::kU64:
      return fill_with<int64_t>(tensor, width);
    case DType::kI32:
    case DType::kU32:
      return fill_with<int32_t>(tensor, static_cast<int32_t>(width));
    case DType::kU8:  // images as well
      for (size_t i = 0; i < count; ++i)
        tensor.as<uint8_t>()[i] = static_cast<uint8_t>(uniform.next() * 255.0f);
      return;
    default:
      std::fill(tensor.data.begin(), tensor.data.end(), std::byte{1});
  }
}

HostTensor tensor_of(const Value& value) {
  return {value.dtype, value.shape, std::vector<std::byte>(static_cast<size_t>(value.bytes()))};
}

/// The network's input [n, channels, height, width] as --preprocess makes it of noise.
HostTensor picture(const Value& value, const PreprocessAttributes& a, Uniform& uniform) {
  HostTensor tensor = tensor_of(value);
  const auto count = static_cast<size_t>(value.elements());
  const auto plane = static_cast<size_t>(a.width * a.height);
  for (size_t i = 0; i < count; ++i) {
    const size_t c = i / plane % static_cast<size_t>(a.channels);
    const float pixel = uniform.next() * 255.0f;
    if (value.dtype == DType::kU8)
      tensor.as<uint8_t>()[i] = static_cast<uint8_t>(pixel);
    else
      tensor.as<float>()[i] = (pixel - a.mean.at(c)) * a.scale.at(c);
  }
  return tensor;
}

}  // namespace

double network_flops(const Graph& graph) {
  double products = 0;
  for (const NodeId n : graph.order())
    products += op_def(graph.node(n).op).products(graph, graph.node(n));
  return 2 * products;
}

std::vector<HostTensor> run_on_noise(const Graph& graph, const InsertedDecoder& decoder) {
  Graph network = graph;
  network.detections.clear();
  network.images.clear();
  network.outputs.clear();
  for (const ValueId id : decoder.operands)
    if (!network.value(id).is_constant() && !network.is_output(id)) network.outputs.push_back(id);
  remove_dead_code(network);  // the decoder, and what reads its results
  Uniform uniform;
  HostTensors inputs;
  for (const NodeId n : std::vector<NodeId>(network.order())) {
    const Node& node = network.node(n);
    if (node.op != Op::kPreprocess) continue;
    const ValueId made = node.outputs.at(0);
    inputs[network.value(made).name] =
        picture(network.value(made), node.as<PreprocessAttributes>(), uniform);
    network.remove_node(n);
    network.inputs.push_back(made);
  }
  for (const ValueId id : graph.inputs) {
    HostTensor tensor = tensor_of(graph.value(id));
    fill(tensor, decoder.attributes.input_width, uniform);
    inputs[graph.value(id).name] = std::move(tensor);
  }
  std::vector<std::string> names;
  for (const ValueId id : decoder.operands) names.push_back(network.value(id).name);
  run_passes(network, all_passes(), {find_target("cpu")}, {});
  const HostTensors results = evaluate_graph(network, inputs);
  std::vector<HostTensor> operands;
  for (size_t i = 0; i < names.size(); ++i) {
    const Value& value = graph.value(decoder.operands[i]);
    operands.push_back(value.is_constant() ? HostTensor{value.dtype, value.shape, *value.constant}
                                           : results.at(names[i]));
  }
  return operands;
}

}  // namespace stint::builder
