// A small transformer as exporters before opset 17 write it: which steps are left, and that they
// compute the same.
#include <cmath>
#include <cstring>
#include <map>

#include "host_builder/builder/pass_list.h"
#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/lowering/cuda/passes/view_transposes.h"
#include "host_builder/passes/passes.h"
#include "pass_check.h"
#include "tests/support/aligned_bytes.h"
#include "tests/support/cuda_on_host.h"
#include "tests/support/pass_context.h"

using namespace stint;
using namespace stint::builder;
using namespace stint::builder::test;
using stint::test::AlignedBytes;

namespace {

constexpr int64_t kTokens = 19, kHeads = 2, kDepth = 16, kWidth = kHeads * kDepth;

class TransformerMaker : public GraphMaker {
 public:
  TransformerMaker() {
    ValueId x = input("x", {2, kTokens, kWidth});
    for (int layer = 0; layer < 2; ++layer) {
      x = add(x, attention(layer_norm(x), layer));
      x = add(x, linear(gelu(linear(layer_norm(x), 2 * kWidth)), kWidth));
    }
    const ValueId mean =
        op(Op::kReduce, ReduceAttributes{ReduceOp::kMean, {1}, false}, {layer_norm(x)});
    output(op(Op::kSoftmax, SoftmaxAttributes{-1, false}, {linear(mean, 10)}));
    graph.value(graph.outputs[0]).name = "y";
  }

 private:
  ValueId linear(ValueId x, int64_t columns) {
    const int64_t rows = graph.value(x).shape.back();
    const float bound = 1.5f / std::sqrt(static_cast<float>(rows));
    return add(matmul(x, constant({rows, columns}, -bound, bound)), constant({columns}));
  }
  ValueId mean(ValueId x) {
    return op(Op::kReduce, ReduceAttributes{ReduceOp::kMean, {-1}, true}, {x});
  }
  ValueId layer_norm(ValueId x) {
    const ValueId centred = binary(EltOp::kSub, x, mean(x));
    const ValueId variance = mean(binary(EltOp::kPow, centred, filled({}, 2.0f)));
    const ValueId deviation = unary(EltOp::kSqrt, add(variance, filled({}, 1e-5f)));
    const ValueId normal = binary(EltOp::kDiv, centred, deviation);
    return add(mul(normal, constant({kWidth}, 0.5f, 1.5f)), constant({kWidth}));
  }
  ValueId gelu(ValueId x) {
    const ValueId erf = unary(EltOp::kErf, binary(EltOp::kDiv, x, filled({}, std::sqrt(2.0f))));
    return mul(mul(x, add(erf, filled({}, 1.0f))), filled({}, 0.5f));
  }
  ValueId heads(ValueId x, std::vector<int64_t> perm) {
    return transpose(reshape(linear(x, kWidth), {2, kTokens, kHeads, kDepth}), std::move(perm));
  }
  /// Scaled behind the product or, as newer exporters do, both operands before it.
  ValueId attention(ValueId x, int layer) {
    ValueId q = heads(x, {0, 2, 1, 3}), k = heads(x, {0, 2, 3, 1});
    const float root = std::sqrt(static_cast<float>(kDepth));
    if (layer == 1) {
      q = mul(q, filled({}, 1.0f / std::sqrt(root)));
      k = mul(k, filled({}, 1.0f / std::sqrt(root)));
    }
    ValueId scores = matmul(q, k);
    if (layer == 0) scores = binary(EltOp::kDiv, scores, filled({}, root));
    const ValueId weights = op(Op::kSoftmax, SoftmaxAttributes{-1, false}, {scores});
    const ValueId values = matmul(weights, heads(x, {0, 2, 1, 3}));
    return linear(reshape(transpose(values, {0, 2, 1, 3}), {2, kTokens, kWidth}), kWidth);
  }
};

HostTensors host_inputs(const Tensors& inputs) {
  HostTensors result;
  for (const auto& [name, tensor] : inputs) {
    HostTensor& t = result[name];
    t.dtype = DType::kF32;
    t.shape = tensor.shape;
    for (double v : tensor.data) {
      const auto f = static_cast<float>(v);
      const auto* p = reinterpret_cast<const std::byte*>(&f);
      t.data.insert(t.data.end(), p, p + sizeof f);
    }
  }
  return result;
}

/// Runs every step's kernel for the target on the host, in the graph's order. Every storage is its
/// own. Returns the first output.
std::vector<float> run_gpu_steps(Graph graph, const Target& target, const HostTensors& inputs) {
  std::map<ValueId, AlignedBytes> storages;
  const auto address = [&](ValueId id) -> void* {
    const Value& value = graph.value(id);
    const ValueId root = value.view ? value.view->base : id;
    AlignedBytes& storage = storages[root];
    if (storage.size() == 0) {
      const Value& base = graph.value(root);
      storage = AlignedBytes(static_cast<size_t>(base.bytes()));
      std::memset(storage.data(), 0xFF, storage.size());  // NaN
      if (base.constant) std::memcpy(storage.data(), base.constant->data(), storage.size());
      if (const auto in = inputs.find(base.name); in != inputs.end())
        std::memcpy(storage.data(), in->second.data.data(), storage.size());
    }
    return storage.data() + (value.view ? value.view->offset * dtype_bytes(value.dtype) : 0);
  };
  for (const NodeId n : std::vector<NodeId>(graph.order())) {
    const Node node = graph.node(n);
    const StepSpec step =
        lower_candidate(graph, node, target, candidates_for(graph, node, target).front());
    INFO(step.name << ": " << step.tactic);
    AlignedBytes workspace(step.workspace_bytes + 16), state(step.state_bytes + 16);
    std::memset(state.data(), 0, state.size());
    std::vector<void*> arguments;
    for (const ValueId id : step.inputs) arguments.push_back(address(id));
    for (const ValueId id : step.outputs) arguments.push_back(address(id));
    if (step.workspace_bytes > 0) arguments.push_back(workspace.data());
    if (step.state_bytes > 0) arguments.push_back(state.data());
    stint::test::HostKernel(*step.launch, target.gpu.source_sm).run(arguments);
  }
  const Value& y = graph.value(graph.outputs.front());
  REQUIRE(y.dtype == DType::kF32);
  std::vector<float> result(static_cast<size_t>(y.elements()));
  std::memcpy(result.data(), address(graph.outputs.front()), result.size() * sizeof(float));
  return result;
}

}  // namespace

TEST_CASE("a transformer's steps are products, softmax and normalisations") {
  TransformerMaker m;
  const Tensors inputs = random_inputs(m.graph, 11);
  const Tensors expected = evaluate_reference(m.graph, inputs);
  bool gpu = false;
  SUBCASE("cpu") {}
  SUBCASE("gpu") { gpu = true; }
  Graph half = m.graph;
  run_passes(m.graph, all_passes(), gpu ? PassContext{find_target("sm_90")} : on_cpu(), {});
  INFO(to_text(m.graph));
  MESSAGE("transformer of two layers: ", m.graph.live_node_count(), " steps");
  const size_t keys = gpu ? 0 : 2;                // transposed on their own
  CHECK(m.graph.live_node_count() == 22 + keys);  // queries, keys and values are one product
  CHECK(count(m.graph, Op::kLayerNorm) == 5);
  CHECK(count(m.graph, Op::kSoftmax) == 3);
  CHECK(count(m.graph, Op::kReduce) == 1);
  CHECK(count(m.graph, Op::kUnary) + count(m.graph, Op::kBinary) + count(m.graph, Op::kPointwise) ==
        0);
  CHECK(count(m.graph, Op::kReshape) == 0);
  CHECK(count(m.graph, Op::kTranspose) == keys);
  const HostTensors found = evaluate_graph(m.graph, host_inputs(inputs));
  const auto& y = expected.at("y");
  const float* f = found.at("y").as<float>();
  for (size_t i = 0; i < y.data.size(); ++i)
    CHECK(static_cast<double>(f[i]) == doctest::Approx(y.data[i]).epsilon(1e-4));
  if (!gpu) return;
  // What a GPU with tensor cores runs them with.
  run_passes(half, all_passes(), {find_target("sm_90"), true}, {});
  for (const char* name : {"sm_90", "orin"}) {
    const Target& target = find_target(name);
    for (const NodeId n : std::vector<NodeId>(half.order())) {
      const Node& node = half.node(n);
      const std::string family = candidates_for(half, node, target).front().family->name;
      CAPTURE(node.name);
      if (node.op == Op::kSoftmax || node.op == Op::kLayerNorm) CHECK(family == "rows");
      if (node.op == Op::kMatMul) {
        CHECK(family != "generic");
        CHECK((family == "batch_gemm") == !half.value(node.inputs[1]).is_constant());
      }
    }
    if (!stint::test::can_run_device_code_on_host()) continue;
    const std::vector<float> found_half = run_gpu_steps(half, target, host_inputs(inputs));
    for (size_t i = 0; i < y.data.size(); ++i)
      CHECK(static_cast<double>(found_half[i]) == doctest::Approx(y.data[i]).epsilon(1e-2));
  }
}
