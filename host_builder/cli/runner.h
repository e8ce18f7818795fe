// A plan file opened and ready to run, for the commands that execute plans.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "host_builder/graph/host_tensor.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/require_ok.h"

namespace stint::builder {

struct RunnerOptions {
  std::string device = "auto";  // auto, cpu, cuda or cuda:N
  uint32_t batch = 0;           // 0: the plan's smallest
  uint32_t threads = 1;
  bool profile = false;
  uint64_t frame_bytes = 0;  // stint_options
};

/// Owns a copy of the plan, an engine with one session and their memory. Every function throws
/// BuildError on failure.
class Runner {
 public:
  Runner(const std::string& plan_path, const RunnerOptions& options);

  const Plan& plan() const { return file_.plan(); }
  /// What runs, whatever has become of the file since.
  std::vector<std::byte> plan_bytes() const {
    const auto* begin = static_cast<const std::byte*>(file_.data());
    return {begin, begin + file_.size()};
  }
  const stint_options& session_options() const { return session_options_; }
  Session& session() { return loaded_.session(); }
  uint32_t batch() const { return batch_; }
  /// Of the plan that runs: "cpu", "sm_90".
  const std::string& target() const { return target_; }
  bool on_cuda() const { return on_cuda_; }
  uint32_t device() const { return device_; }  // CUDA ordinal
  /// "cpu", or "cuda:0 NVIDIA H200 (sm_90, driver CUDA 13.0)".
  std::string device_text() const;
  const std::vector<BindingInfo>& inputs() const { return inputs_; }
  const std::vector<BindingInfo>& outputs() const { return outputs_; }

  /// Index of a named input. The message of the error lists the names there are.
  uint32_t input_index(const std::string& name) const;
  /// Copies a tensor into an input's own buffer; dtype and shape must be the binding's.
  void set_input(uint32_t index, const HostTensor& tensor);
  void run();
  /// Milliseconds to verify the plan and to make an engine and a session of it: memory, upload of
  /// the weights and machine code of all its batch sizes, graph. The CUDA context and the file's
  /// bytes are there already. The new session takes the place of the old one, whose bindings and
  /// profile are gone.
  double reload_ms();
  /// Copy of a tensor output. For detections: f32 [batch, max, 6] of x1, y1, x2, y2, score, class.
  HostTensor output(uint32_t index);

 private:
  void choose_device(const std::string& wanted, const std::string& plan_path);
  void choose_batch(uint32_t wanted, const std::string& plan_path);

  const std::string path_;
  PlanFile file_;
  Options session_options_;
  SingleSession loaded_;
  std::string target_;
  bool on_cuda_ = false;
  uint32_t device_ = 0;
  uint32_t batch_ = 0;
  std::vector<BindingInfo> inputs_;
  std::vector<BindingInfo> outputs_;
};

Shape binding_shape(const stint_binding_info& info);

/// Dense tensor of the binding's type with seeded values: floats uniform in 0..1, integers in 0..7.
HostTensor random_tensor(const stint_binding_info& info, uint64_t seed);

}  // namespace stint::builder
