// Lowers one node with a chosen kernel family and runs the step on strided, poisoned tensors.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <map>
#include <random>

#include "host_builder/lowering/family.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {

struct LoweredStep {
  builder::Graph graph;
  builder::Node node;

  LoweredStep() { graph.channels_last = true; }

  /// A run-time operand, uniform in [-1, 1].
  builder::ValueId input(const std::string& name, builder::Shape shape, std::mt19937& random,
                         int64_t gap = 0) {
    const builder::ValueId id = graph.add_value(name, DType::kF32, shape);
    Tensor& t = tensors_.emplace_back(DType::kF32, shape, gap);
    t.fill_uniform<float>(random, -1, 1);
    by_id_[id] = &t;
    return id;
  }
  /// A constant operand; its values are returned by values().
  builder::ValueId constant(const std::string& name, builder::Shape shape, std::mt19937& random) {
    int64_t n = 1;
    for (const int64_t e : shape) n *= e;
    std::vector<float> data(static_cast<size_t>(n));
    std::uniform_real_distribution<float> value(-1, 1);
    for (float& v : data) v = value(random);
    return graph.add_constant(name, DType::kF32, std::move(shape), data);
  }
  builder::ValueId output(const std::string& name, DType dtype, builder::Shape shape,
                          int64_t gap = 0) {
    const builder::ValueId id = graph.add_value(name, dtype, shape);
    by_id_[id] = &tensors_.emplace_back(dtype, shape, gap);
    return id;
  }
  /// The output shares storage with the operand (as an in-place plan does).
  void alias(builder::ValueId output_id, builder::ValueId input_id) {
    by_id_[output_id] = by_id_.at(input_id);
  }
  Tensor& tensor(builder::ValueId id) { return *by_id_.at(id); }
  std::vector<float> values(builder::ValueId id) {
    const builder::Value& v = graph.value(id);
    if (!v.is_constant()) return tensor(id).get<float>();
    std::vector<float> data(static_cast<size_t>(v.elements()));
    std::memcpy(data.data(), v.constant->data(), data.size() * sizeof(float));
    return data;
  }

  builder::StepSpec lower(const builder::Family& family) {
    const builder::Target& cpu = builder::find_target("cpu");
    const std::vector<builder::Tactic> tactics = family.tactics(graph, node, cpu);
    REQUIRE(!tactics.empty());
    CHECK(tactics[0].predicted_us > 0);
    return family.lower(graph, node, cpu, tactics[0]);
  }
  /// The call of a lowered step; constants become dense tensors.
  KernelCall call(const builder::StepSpec& step) {
    KernelCall c{step.kernel.value(),      step.params, {}, {}, step.workspace_bytes,
                 step.worker_scratch_bytes};
    for (const builder::ValueId id : step.inputs) c.inputs.push_back(&materialized(id));
    for (const builder::ValueId id : step.outputs) c.outputs.push_back(&tensor(id));
    return c;
  }

 private:
  Tensor& materialized(builder::ValueId id) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) return *found->second;
    const builder::Value& v = graph.value(id);
    Tensor& t = tensors_.emplace_back(v.dtype, v.shape);
    std::memcpy(t.view().data, v.constant->data(), v.constant->size());
    return *(by_id_[id] = &t);
  }
  std::deque<Tensor> tensors_;
  std::map<builder::ValueId, Tensor*> by_id_;
};

/// act(x) in double precision.
inline double reference_activation(Activation act, double alpha, double beta, double x) {
  switch (act) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::fmax(x, 0);
    case Activation::kClip:
      return std::fmin(std::fmax(x, alpha), beta);
    case Activation::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kHardSigmoid:
      return std::fmin(std::fmax(alpha * x + beta, 0), 1);
    case Activation::kHardSwish:
      return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    case Activation::kMish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case Activation::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
  }
  return 0;
}

inline double reference_epilogue(const builder::Epilogue& e, double sum, double bias,
                                 double residual) {
  sum += bias;
  if (!e.residual_after_act) sum += residual;
  sum = reference_activation(e.act, e.alpha, e.beta, sum);
  return e.residual_after_act ? sum + residual : sum;
}

}  // namespace stint::test
