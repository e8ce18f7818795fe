// Thin C++ over stint.h: owns what C leaves to the caller to destroy, adds nothing else. No
// exceptions, no allocation. Errors are stint_status, as in C; `stint::ok(status)` reads well.
#pragma once

#include <utility>

#include "stint/stint.h"

namespace stint {

inline bool ok(const stint_status& status) { return status.code == STINT_OK; }

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
  uint32_t target_count() const { return stint_plan_target_count(&plan_); }
  const char* target_name(uint32_t index) const { return stint_plan_target_name(&plan_, index); }
  uint32_t target_sm(uint32_t index) const { return stint_plan_target_sm(&plan_, index); }
  uint32_t batches(const char* target, uint32_t* batches, uint32_t capacity) const {
    return stint_plan_batches(&plan_, target, batches, capacity);
  }
  uint32_t input_count(const char* target, uint32_t batch) const {
    return stint_plan_input_count(&plan_, target, batch);
  }
  uint32_t output_count(const char* target, uint32_t batch) const {
    return stint_plan_output_count(&plan_, target, batch);
  }
  STINT_NODISCARD stint_status input(const char* target, uint32_t batch, uint32_t index,
                                     stint_binding_info* info) const {
    return stint_plan_input(&plan_, target, batch, index, info);
  }
  STINT_NODISCARD stint_status output(const char* target, uint32_t batch, uint32_t index,
                                      stint_binding_info* info) const {
    return stint_plan_output(&plan_, target, batch, index, info);
  }
  STINT_NODISCARD stint_status requirements(const char* target, uint32_t batch,
                                            const stint_options& options,
                                            stint_requirements* out) const {
    return stint_plan_requirements(&plan_, target, batch, &options, out);
  }

  const stint_plan* get() const { return &plan_; }

 private:
  stint_plan plan_ = {};
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

  STINT_NODISCARD stint_status create(const Plan& plan, const char* target, uint32_t batch,
                                      const stint_options& options, const stint_memory& memory) {
    stint_session_destroy(std::exchange(session_, nullptr));
    return stint_session_create(plan.get(), target, batch, &options, &memory, &session_);
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
  STINT_NODISCARD stint_status set_active_slots(uint32_t slots) {
    return stint_set_active_slots(session_, slots);
  }
  STINT_NODISCARD stint_status detections(uint32_t slot, const stint_detection** detections,
                                          uint32_t* count) const {
    return stint_detections(session_, slot, detections, count);
  }
  STINT_NODISCARD stint_status set_detection_limits(float score_threshold, float iou_threshold,
                                                    uint32_t max_detections) {
    return stint_set_detection_limits(session_, score_threshold, iou_threshold, max_detections);
  }
  STINT_NODISCARD stint_status read_profile(stint_step_profile* steps, uint32_t capacity,
                                            uint32_t* count) const {
    return stint_profile_read(session_, steps, capacity, count);
  }
  void reset_profile() { stint_profile_reset(session_); }

  stint_session* get() const { return session_; }

 private:
  stint_session* session_ = nullptr;
};

}  // namespace stint
