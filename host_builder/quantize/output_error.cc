#include "host_builder/quantize/output_error.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/exec/session.h"

namespace stint::builder {
namespace {

/// Relative squared errors beyond this are all equally useless.
constexpr double kMostError = 1024.0;
constexpr double kUnit = 0x1p40;

uint64_t in_units(double error) {
  return static_cast<uint64_t>((std::isfinite(error) ? std::min(error, kMostError) : kMostError) *
                               kUnit);
}

double relative_error(const float* got, const float* want, size_t count) {
  double apart = 0.0, size = 0.0;
  for (size_t i = 0; i < count; ++i) {
    const double w = want[i], d = got[i] - w;
    if (!std::isfinite(w)) continue;
    apart += d * d;
    size += w * w;
  }
  return size > 0 ? apart / size : apart > 0 ? kMostError : 0.0;
}

bool is_dense(const cpu::TensorView& view) {
  int64_t stride = 1;
  for (int axis = view.rank - 1; axis >= 0; --axis) {
    if (view.shape[axis] != 1 && view.strides[axis] != stride) return false;
    stride *= view.shape[axis];
  }
  return true;
}

size_t bytes_of(const cpu::TensorView& view) {
  return static_cast<size_t>(view.elements()) * dtype_bytes(view.dtype);
}

/// The operands and results of one step, and a copy of its operands: a result may lie in an
/// operand's place.
class Step {
 public:
  explicit Step(const StepState& step) : step_(step) {
    for (uint32_t i = 0; i < args().input_count; ++i)
      can_repeat_ = can_repeat_ && is_dense(args().inputs[i]);
    bool has_result = false;
    for (uint32_t i = 0; i < args().output_count; ++i) {
      can_repeat_ = can_repeat_ && is_dense(args().outputs[i]);
      has_result = has_result || args().outputs[i].dtype == DType::kF32;
    }
    can_repeat_ = can_repeat_ && has_result;
  }

  /// Whether it can be run again and again, and has a result in f32.
  bool can_repeat() const { return can_repeat_; }

  void save_operands() {
    operands_.resize(args().input_count);
    for (uint32_t i = 0; i < args().input_count; ++i)
      if (is_overwritten(args().inputs[i])) operands_[i] = copy_of(args().inputs[i]);
  }
  void restore_operands() {
    for (uint32_t i = 0; i < args().input_count; ++i)
      if (!operands_[i].empty())
        std::memcpy(args().inputs[i].data, operands_[i].data(), operands_[i].size());
  }
  /// Keeps a copy of this operand, wherever it lies.
  void save_operand(uint32_t i) { operands_[i] = copy_of(args().inputs[i]); }
  const float* saved(uint32_t i) const {
    return reinterpret_cast<const float*>(operands_[i].data());
  }

  void run() const { step_.kernel->run(step_.args); }
  void save_results() {
    for (uint32_t i = 0; i < args().output_count; ++i)
      results_.push_back(copy_of(args().outputs[i]));
  }
  double error() const {
    double error = 0.0;
    for (uint32_t i = 0; i < args().output_count; ++i) {
      const cpu::TensorView& view = args().outputs[i];
      if (view.dtype == DType::kF32)
        error +=
            relative_error(view.as<float>(), reinterpret_cast<const float*>(results_[i].data()),
                           static_cast<size_t>(view.elements()));
    }
    return error;
  }

  const cpu::StepArgs& args() const { return step_.args; }

 private:
  static std::vector<std::byte> copy_of(const cpu::TensorView& view) {
    const auto* data = static_cast<const std::byte*>(view.data);
    return {data, data + bytes_of(view)};
  }
  bool is_overwritten(const cpu::TensorView& operand) const {
    const auto* begin = static_cast<const std::byte*>(operand.data);
    for (uint32_t i = 0; i < args().output_count; ++i) {
      const auto* out = static_cast<const std::byte*>(args().outputs[i].data);
      if (out < begin + bytes_of(operand) && begin < out + bytes_of(args().outputs[i])) return true;
    }
    return false;
  }

  const StepState& step_;
  bool can_repeat_ = true;
  std::vector<std::vector<std::byte>> operands_, results_;
};

class Comparison {
 public:
  Comparison(const ObservedNetwork& network, ObservedRun& run,
             const std::vector<std::vector<float>>& candidates)
      : run_(run), candidates_(candidates), errors_(candidates.size()) {
    for (size_t v = 0; v < candidates.size(); ++v) errors_[v].resize(candidates[v].size());
    has_reader_.resize(candidates.size());
    uses_of_step_.resize(run.session().get()->step_count);
    for (const ObservedNetwork::Use& use : network.uses()) {
      if (candidates[use.value].size() < 2) continue;
      if (!Step(step(use.step)).can_repeat()) continue;
      uses_of_step_[use.step].push_back(use);
      has_reader_[use.value] = true;
    }
  }

  OutputErrors run() {
    run_.run(
        [&](size_t value, const float* x, size_t count) {
          if (candidates_[value].size() > 1 && !has_reader_[value]) compare_itself(value, x, count);
        },
        [&](uint32_t i) {
          if (!uses_of_step_[i].empty()) compare_readers(i);
        });
    return std::move(errors_);
  }

 private:
  const StepState& step(uint32_t i) { return run_.session().get()->steps[i]; }

  void compare_itself(size_t value, const float* x, size_t count) {
    std::vector<float> rounded(count);
    for (size_t c = 0; c < candidates_[value].size(); ++c) {
      round_to_steps(x, rounded.data(), count, candidates_[value][c]);
      errors_[value][c] += in_units(relative_error(rounded.data(), x, count));
    }
  }

  void compare_readers(uint32_t i) {
    Step reader(step(i));
    reader.save_operands();
    for (const ObservedNetwork::Use& use : uses_of_step_[i]) reader.save_operand(use.operand);
    reader.run();
    reader.save_results();
    for (const ObservedNetwork::Use& use : uses_of_step_[i]) {
      const cpu::TensorView& operand = reader.args().inputs[use.operand];
      for (size_t c = 0; c < candidates_[use.value].size(); ++c) {
        reader.restore_operands();
        round_to_steps(reader.saved(use.operand), operand.as<float>(),
                       static_cast<size_t>(operand.elements()), candidates_[use.value][c]);
        reader.run();
        errors_[use.value][c] += in_units(reader.error());
      }
    }
    reader.restore_operands();
  }

  ObservedRun& run_;
  const std::vector<std::vector<float>>& candidates_;
  OutputErrors errors_;
  std::vector<bool> has_reader_;
  std::vector<std::vector<ObservedNetwork::Use>> uses_of_step_;
};

}  // namespace

void round_to_steps(const float* from, float* to, size_t count, float threshold) {
  constexpr float kMost = 127.0f;
  // At this size an f32 has no binary places left: adding it rounds to the nearest whole number.
  constexpr float kNoPlaces = 12582912.0f;
  const float step = threshold / kMost, per_step = kMost / threshold;
  for (size_t i = 0; i < count; ++i) {
    const float steps = std::clamp(from[i] * per_step, -kMost, kMost);
    to[i] = ((steps + kNoPlaces) - kNoPlaces) * step;
  }
}

OutputErrors output_errors(const ObservedNetwork& network, ObservedRun& run,
                           const std::vector<std::vector<float>>& candidates) {
  return Comparison(network, run, candidates).run();
}

}  // namespace stint::builder
