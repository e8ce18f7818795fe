// Conveniences above the runtime that do allocate, at load only: a plan mapped from a file, and a
// session with memory of its own. For programs, tests and examples; embedded code with its own
// memory uses stint.h or stint.hpp. No exceptions: a failed allocation or a missing file is a
// status like every other error.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "stint/stint.hpp"

namespace stint {

/// One line for people, e.g. "truncated-plan: the file is shorter than its header says (found 72,
/// needed 4096)".
inline std::string describe(const stint_status& status) {
  std::string text = std::string(stint_status_name(status.code)) + ": " + status.message;
  if (status.found != 0 || status.needed != 0) {
    text += " (found " + std::to_string(status.found) + ", needed " +
            std::to_string(status.needed) + ")";
  }
  if (status.detail != 0xFFFFFFFFu) text += " [item " + std::to_string(status.detail) + "]";
  return text;
}

/// A plan file, mapped read-only. The file must not be changed while it is mapped: writers rename a
/// new one into place.
class PlanFile {
 public:
  PlanFile() = default;
  ~PlanFile() { close(); }
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;
  PlanFile(PlanFile&& other) noexcept { swap(other); }
  PlanFile& operator=(PlanFile&& other) noexcept {
    PlanFile(std::move(other)).swap(*this);
    return *this;
  }

  STINT_NODISCARD stint_status open(const char* path) {
    close();
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return file_error("the plan file cannot be opened", errno);
    struct stat info = {};
    const bool known = ::fstat(file, &info) == 0;
    if (!known || !S_ISREG(info.st_mode)) {
      const int error = !known ? errno : S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
      ::close(file);
      return file_error("the plan is not a regular file", error);
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    void* bytes = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    const int error = errno;
    ::close(file);
    if (bytes == MAP_FAILED) return file_error("the plan file cannot be mapped", error);
    if (bytes == nullptr)
      return {STINT_TRUNCATED_PLAN, 0xFFFFFFFFu, "the plan file is empty", 0, 1};
    bytes_ = bytes;
    size_ = size;
    const stint_status status = plan_.open(bytes_, size_);
    if (!ok(status)) close();
    return status;
  }

  void close() {
    plan_ = Plan();
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
    bytes_ = nullptr;
    size_ = 0;
  }

  const Plan& plan() const { return plan_; }
  uint64_t size() const { return size_; }

 private:
  static stint_status file_error(const char* message, int error) {
    return {STINT_FILE_FAILED, 0xFFFFFFFFu, message, error, 0};
  }
  void swap(PlanFile& other) noexcept {
    std::swap(plan_, other.plan_);
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
  }

  Plan plan_;
  void* bytes_ = nullptr;
  uint64_t size_ = 0;
};

/// A session and the memory it runs in. The plan must outlive it. On a CUDA target the blocks of
/// the host are pinned, so that copies are fast and runs can be enqueued.
class Engine {
 public:
  Engine() = default;
  ~Engine() { release(); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&& other) noexcept { swap(other); }
  Engine& operator=(Engine&& other) noexcept {
    Engine(std::move(other)).swap(*this);
    return *this;
  }

  /// `target` null: the plan's CPU variant. Without `own_io` there are no buffers for inputs and
  /// outputs: all must be bound before a run.
  STINT_NODISCARD stint_status create(const Plan& plan, const char* target, uint32_t batch,
                                      const stint_options& options, bool own_io = true) {
    release();
    stint_requirements needed = {};
    if (stint_status status = plan.requirements(target, batch, options, &needed); !ok(status))
      return status;
    const bool on_cuda = needed.space[STINT_SPACE_DEVICE].bytes != 0;
    for (int i = 0; i < STINT_SPACE_COUNT; ++i) {
      if (i == STINT_SPACE_IO && !own_io) continue;
      const stint_status status = on_cuda ? allocate_cuda(options.device, i, needed.space[i])
                                          : allocate(needed.space[i], &memory_.space[i]);
      if (!ok(status)) {
        release();
        return status;
      }
    }
    const stint_status status = session_.create(plan, target, batch, options, memory_);
    if (!ok(status)) release();
    return status;
  }

  void release() {
    session_ = Session();
    for (int i = 0; i < STINT_SPACE_COUNT; ++i) {
      if (cuda_[i].data != nullptr) {
        stint_cuda_free(&cuda_[i]);
      } else {
        std::free(memory_.space[i].data);
      }
      memory_.space[i] = {};
    }
  }

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  const stint_memory& memory() const { return memory_; }

 private:
  static stint_status allocate(const stint_requirement& need, stint_block* block) {
    *block = {};
    if (need.bytes == 0) return {STINT_OK, 0xFFFFFFFFu, "ok", 0, 0};
    const uint64_t rounded = (need.bytes + need.alignment - 1) / need.alignment * need.alignment;
    if (rounded >= need.bytes) block->data = std::aligned_alloc(need.alignment, rounded);
    if (block->data == nullptr) {
      return {STINT_OUT_OF_MEMORY, 0xFFFFFFFFu, "there is not enough memory for the session", 0,
              static_cast<int64_t>(need.bytes)};
    }
    block->bytes = need.bytes;
    return {STINT_OK, 0xFFFFFFFFu, "ok", 0, 0};
  }

  stint_status allocate_cuda(uint32_t device, int space, const stint_requirement& need) {
    if (need.bytes == 0) return {STINT_OK, 0xFFFFFFFFu, "ok", 0, 0};
    const uint32_t kind =
        space == STINT_SPACE_DEVICE ? STINT_CUDA_DEVICE_MEMORY : STINT_CUDA_PINNED_MEMORY;
    // The driver aligns to 256 bytes; arenas may ask for more.
    const uint64_t room = need.alignment > 256 ? need.alignment : 0;
    const stint_status status = stint_cuda_allocate(device, kind, need.bytes + room, &cuda_[space]);
    if (!ok(status)) return status;
    const auto address = reinterpret_cast<uintptr_t>(cuda_[space].data);
    const uintptr_t aligned = (address + need.alignment - 1) / need.alignment * need.alignment;
    memory_.space[space] = {reinterpret_cast<void*>(aligned), need.bytes};
    return status;
  }

  void swap(Engine& other) noexcept {
    std::swap(session_, other.session_);
    std::swap(memory_, other.memory_);
    std::swap(cuda_, other.cuda_);
  }

  stint_memory memory_ = {};
  stint_cuda_memory cuda_[STINT_SPACE_COUNT] = {};
  Session session_;
};

}  // namespace stint
