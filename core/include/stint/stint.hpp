// Thin C++ over stint.h: owns what C leaves to the caller to destroy, sets every struct_size, adds
// nothing else. No exceptions, no allocation. Errors are stint_status, as in C; `stint::ok(status)`
// reads well.
#pragma once

#include <utility>

#include "stint/stint.h"

namespace stint {

inline bool ok(const stint_status& status) { return status.code == STINT_OK; }

inline stint_status ok_result() {
  return {STINT_OK, STINT_DETAIL_NONE, 0xFFFFFFFFu, 0, "ok", 0, 0};
}

/// A struct of the C API with its struct_size set and everything else 0.
template <typename T>
struct Sized : T {
  Sized() : T() { this->struct_size = sizeof(T); }
};

using Options = Sized<stint_options>;
using Requirements = Sized<stint_requirements>;
using Memory = Sized<stint_memory>;
using Image = Sized<stint_image>;
using TargetInfo = Sized<stint_target_info>;
using ProgramInfo = Sized<stint_program_info>;
using BindingInfo = Sized<stint_binding_info>;
using CudaDeviceInfo = Sized<stint_cuda_device_info>;
using CudaMemory = Sized<stint_cuda_memory>;

/// A verified plan over bytes that the caller keeps.
class Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  Plan(Plan&& other) noexcept : plan_(std::exchange(other.plan_, stint_plan{})) {}
  Plan& operator=(Plan&& other) noexcept {
    plan_ = std::exchange(other.plan_, stint_plan{});
    return *this;
  }

  STINT_NODISCARD stint_status open(const void* bytes, uint64_t size) {
    return stint_plan_open(bytes, size, &plan_);
  }

  const char* name() const { return stint_plan_name(&plan_); }
  uint32_t label_count() const { return stint_plan_label_count(&plan_); }
  const char* label(uint32_t class_id) const { return stint_plan_label(&plan_, class_id); }
  /// 0 of a plan that was not opened; every other has one.
  uint32_t target_count() const {
    uint32_t count = 0;
    return ok(stint_plan_target_count(&plan_, &count)) ? count : 0;
  }
  STINT_NODISCARD stint_status target(uint32_t index, TargetInfo* info) const {
    return stint_plan_target(&plan_, index, info);
  }
  STINT_NODISCARD stint_status choose_target(stint_device_kind kind, uint32_t ordinal,
                                             TargetInfo* info) const {
    return stint_plan_choose_target(&plan_, kind, ordinal, info);
  }
  STINT_NODISCARD stint_status batches(const char* target, uint32_t* batches, uint32_t capacity,
                                       uint32_t* count) const {
    return stint_plan_batches(&plan_, target, batches, capacity, count);
  }

  const stint_plan* get() const { return &plan_; }

 private:
  stint_plan plan_ = {};
};

/// The network of one target at one batch size. A value: valid as long as the plan's bytes.
class Program {
 public:
  STINT_NODISCARD stint_status open(const Plan& plan, const char* target, uint32_t batch) {
    return stint_plan_program(plan.get(), target, batch, &program_);
  }

  STINT_NODISCARD stint_status describe(ProgramInfo* info) const {
    return stint_program_describe(&program_, info);
  }
  STINT_NODISCARD stint_status input(uint32_t index, BindingInfo* info) const {
    return stint_program_input(&program_, index, info);
  }
  STINT_NODISCARD stint_status output(uint32_t index, BindingInfo* info) const {
    return stint_program_output(&program_, index, info);
  }
  STINT_NODISCARD stint_status find_input(const char* name, BindingInfo* info) const {
    return stint_program_find_input(&program_, name, info);
  }
  STINT_NODISCARD stint_status find_output(const char* name, BindingInfo* info) const {
    return stint_program_find_output(&program_, name, info);
  }
  STINT_NODISCARD stint_status requirements(const stint_options& options,
                                            Requirements* need) const {
    return stint_program_requirements(&program_, &options, need);
  }

  const stint_program* get() const { return &program_; }

 private:
  stint_program program_ = {};
};

/// An engine in blocks that the caller keeps until it is gone. It outlives its sessions: destroyed
/// before them it would stay as it is, and its blocks would have to.
class Engine {
 public:
  Engine() = default;
  ~Engine() { stint_engine_destroy(engine_); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)) {}
  Engine& operator=(Engine&& other) noexcept {
    if (this != &other) {
      stint_engine_destroy(engine_);
      engine_ = std::exchange(other.engine_, nullptr);
    }
    return *this;
  }

  static stint_status requirements(const Plan& plan, const char* target,
                                   const stint_options& options, Requirements* need) {
    return stint_engine_requirements(plan.get(), target, &options, need);
  }
  STINT_NODISCARD stint_status create(const Plan& plan, const char* target,
                                      const stint_options& options, const stint_memory& memory) {
    if (stint_status status = destroy(); !ok(status)) return status;
    return stint_engine_create(plan.get(), target, &options, &memory, &engine_);
  }
  /// Fails while there are sessions, and then changes nothing.
  stint_status destroy() {
    const stint_status status = stint_engine_destroy(engine_);
    if (ok(status)) engine_ = nullptr;
    return status;
  }

  stint_engine* get() const { return engine_; }

 private:
  stint_engine* engine_ = nullptr;
};

/// Detections of a batch slot, best first; valid until the session's next run.
class Detections : public Sized<stint_detection_list> {
 public:
  uint32_t size() const { return count; }
  bool empty() const { return count == 0; }
  const stint_detection& operator[](uint32_t index) const {
    return *stint_detection_at(this, index);
  }
};

/// A session in blocks that the caller keeps until it is gone.
class Session {
 public:
  Session() = default;
  ~Session() { stint_session_destroy(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Session& operator=(Session&& other) noexcept {
    if (this != &other) {
      stint_session_destroy(session_);
      session_ = std::exchange(other.session_, nullptr);
    }
    return *this;
  }

  STINT_NODISCARD stint_status create(const Engine& engine, const Program& program,
                                      const stint_options& options, const stint_memory& memory) {
    stint_session_destroy(std::exchange(session_, nullptr));
    return stint_session_create(engine.get(), program.get(), &options, &memory, &session_);
  }

  STINT_NODISCARD stint_status bind_input(uint32_t index, const void* data, uint64_t bytes) {
    return stint_bind_input(session_, index, data, bytes);
  }
  STINT_NODISCARD stint_status bind_output(uint32_t index, void* data, uint64_t bytes) {
    return stint_bind_output(session_, index, data, bytes);
  }
  STINT_NODISCARD stint_status bind_image(uint32_t index, uint32_t slot, const stint_image& image) {
    return stint_bind_image(session_, index, slot, &image);
  }
  void* input_data(uint32_t index) { return stint_input_data(session_, index); }
  const void* output_data(uint32_t index) { return stint_output_data(session_, index); }
  STINT_NODISCARD stint_status run() { return stint_run(session_); }
  STINT_NODISCARD stint_status enqueue(void* stream = nullptr) {
    return stint_enqueue(session_, stream);
  }
  STINT_NODISCARD stint_status synchronize() { return stint_synchronize(session_); }
  STINT_NODISCARD stint_status poll(bool* done) {
    uint32_t is_done = 0;
    const stint_status status = stint_poll(session_, &is_done);
    *done = is_done != 0;
    return status;
  }
  STINT_NODISCARD stint_status completion_event(void** event) {
    return stint_completion_event(session_, event);
  }
  STINT_NODISCARD stint_status set_active_slots(uint32_t slots) {
    return stint_set_active_slots(session_, slots);
  }
  STINT_NODISCARD stint_status detections(uint32_t slot, Detections* found) const {
    return stint_detections(session_, slot, found);
  }
  STINT_NODISCARD stint_status set_detection_limits(float score_threshold, float iou_threshold,
                                                    uint32_t max_detections) {
    return stint_set_detection_limits(session_, score_threshold, iou_threshold, max_detections);
  }
  STINT_NODISCARD stint_status read_profile(stint_step_profile* steps, uint32_t capacity,
                                            uint32_t* count) const {
    return stint_profile_read(session_, steps, sizeof *steps, capacity, count);
  }
  void reset_profile() { stint_profile_reset(session_); }

  stint_session* get() const { return session_; }

 private:
  stint_session* session_ = nullptr;
};

}  // namespace stint
