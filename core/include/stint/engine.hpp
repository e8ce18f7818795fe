// Conveniences above the runtime that do allocate, at load only: a plan read from a file, engines
// and sessions with memory of their own. For programs, tests and examples; embedded code with its
// own memory uses stint.h or stint.hpp. No exceptions: a failed allocation or a missing file is a
// status like every other error.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "stint/stint.hpp"

namespace stint {

/// One line for people, e.g. "truncated-plan: the file is shorter than its header says (found 72,
/// needed 4096)", or "... [step 3]".
inline std::string describe(const stint_status& status) {
  std::string text = std::string(stint_status_name(status.code)) + ": " + status.message;
  if (status.found != 0 || status.needed != 0) {
    text += " (found " + std::to_string(status.found) + ", needed " +
            std::to_string(status.needed) + ")";
  }
  if (status.detail_kind != STINT_DETAIL_NONE) {
    text += std::string(" [") + stint_detail_name(status.detail_kind) + " " +
            std::to_string(status.detail) + "]";
  }
  return text;
}

/// An error of the conveniences themselves.
inline stint_status failure(stint_code code, const char* message, int64_t found, int64_t needed) {
  return {static_cast<uint32_t>(code), STINT_DETAIL_NONE, 0xFFFFFFFFu, 0, message, found, needed};
}

/// A regular file opened for reading, at once: a FIFO, a device or a folder is refused and not
/// waited for. For those who read whole files: a plan, labels.
class RegularFile {
 public:
  RegularFile() = default;
  ~RegularFile() {
    if (number_ >= 0) ::close(number_);
  }
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  /// 0, or an errno: EISDIR for a folder, EINVAL for what is neither that nor a regular file.
  int open(const char* path) {
    // Asked first: even the opening of a device may do something.
    if (::stat(path, &info_) != 0) return errno;
    if (const int error = kind_error(); error != 0) return error;
    // Does not wait, should a FIFO have taken the file's place since.
    number_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (number_ < 0 || ::fstat(number_, &info_) != 0) return errno;
    return kind_error();
  }

  /// Of the open file, as it was then.
  const struct stat& info() const { return info_; }
  uint64_t size() const { return static_cast<uint64_t>(info_.st_size); }

  /// Goes on reading where the last read() ended, until `size` bytes are there or the file ends.
  /// Returns 0 or an errno; `*got` is how many were read.
  int read(void* to, uint64_t size, uint64_t* got) {
    for (*got = 0; *got < size;) {
      const ssize_t n = ::read(number_, static_cast<char*>(to) + *got, size - *got);
      if (n == 0) break;
      if (n > 0) {
        *got += static_cast<uint64_t>(n);
      } else if (errno != EINTR) {
        return errno;
      }
    }
    return 0;
  }

 private:
  int kind_error() const {
    return S_ISREG(info_.st_mode) ? 0 : S_ISDIR(info_.st_mode) ? EISDIR : EINVAL;
  }

  int number_ = -1;
  struct stat info_ = {};
};

/// A verified plan in a private, read-only copy of its file. What happens to the file afterwards
/// (overwritten in place, truncated, removed) changes nothing here. The price: the plan's size in
/// memory of this process alone, and one reading of the file, measured as 0.8 s of CPU per GB that
/// is in the page cache (two cores of a busy x86-64 server). A mapping would share the pages, but
/// whoever writes into the file would write into the running network, and whoever shortens it would
/// end the process (SIGBUS); no check can prevent that.
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
    RegularFile file;
    if (const int error = file.open(path); error != 0) {
      const bool other_kind = error == EISDIR || error == EINVAL;
      return file_error(other_kind ? "the plan is a folder, a pipe or a device; give a plan file"
                                   : "the plan file cannot be opened",
                        error);
    }
    const stint_status copied = copy(file);
    const stint_status status = ok(copied) ? plan_.open(bytes_, size_) : copied;
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
  const void* data() const { return bytes_; }
  uint64_t size() const { return size_; }

 private:
  static stint_status file_error(const char* message, int error) {
    return failure(STINT_FILE_FAILED, message, error, 0);
  }

  /// Reads the file into bytes_. What does not even begin as a plan of this version is refused
  /// before there is memory for all of it.
  stint_status copy(RegularFile& file) {
    const uint64_t size = file.size();
    if (size == 0) return failure(STINT_TRUNCATED_PLAN, "the plan file is empty", 0, 1);
    alignas(64) unsigned char head[256];
    uint64_t in_head = 0;
    if (const int error = file.read(head, size < sizeof head ? size : sizeof head, &in_head);
        error != 0) {
      return file_error("the plan file cannot be read", error);
    }
    const stint_status begins = Plan().open(head, in_head);
    if (begins.code == STINT_NOT_A_PLAN || begins.code == STINT_INCOMPATIBLE_VERSION ||
        begins.code == STINT_UNKNOWN_FEATURE) {
      return begins;
    }
    void* bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
      return failure(STINT_OUT_OF_MEMORY, "there is not enough memory for the plan", 0,
                     static_cast<int64_t>(size));
    }
    bytes_ = bytes;
    size_ = size;
    std::memcpy(bytes, head, in_head);
    uint64_t got = 0;
    if (const int error = file.read(static_cast<char*>(bytes) + in_head, size - in_head, &got);
        error != 0) {
      return file_error("the plan file cannot be read", error);
    }
    if (in_head + got < size) {
      return failure(STINT_TRUNCATED_PLAN,
                     "the plan file became shorter while it was read; write a new file and rename "
                     "it into place",
                     static_cast<int64_t>(in_head + got), static_cast<int64_t>(size));
    }
    ::mprotect(bytes, size, PROT_READ);  // a stray write ends here instead of in wrong results
    return ok_result();
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

/// Batch sizes of a target, ascending.
STINT_NODISCARD inline stint_status list_batches(const Plan& plan, const char* target,
                                                 std::vector<uint32_t>* batches) {
  uint32_t count = 0;
  const stint_status status = plan.batches(target, nullptr, 0, &count);
  if (!ok(status)) return status;
  batches->resize(count);
  return plan.batches(target, batches->data(), count, &count);
}

/// Names of the plan's targets, for people: "cpu, sm_87".
inline std::string target_names(const Plan& plan) {
  std::string names;
  for (uint32_t i = 0; i < plan.target_count(); ++i) {
    TargetInfo target;
    if (ok(plan.target(i, &target)))
      names += (names.empty() ? "" : ", ") + std::string(target.name);
  }
  return names;
}

/// All inputs and outputs of a program, in order.
STINT_NODISCARD inline stint_status list_bindings(const Program& program,
                                                  std::vector<BindingInfo>* inputs,
                                                  std::vector<BindingInfo>* outputs) {
  ProgramInfo info;
  stint_status status = program.describe(&info);
  inputs->assign(info.input_count, {});
  outputs->assign(info.output_count, {});
  for (uint32_t i = 0; ok(status) && i < info.input_count; ++i)
    status = program.input(i, &(*inputs)[i]);
  for (uint32_t i = 0; ok(status) && i < info.output_count; ++i)
    status = program.output(i, &(*outputs)[i]);
  return status;
}

/// Memory for an engine or a session, as large as it asks for.
class OwnedBlocks {
 public:
  OwnedBlocks() = default;
  ~OwnedBlocks() { release(); }
  OwnedBlocks(const OwnedBlocks&) = delete;
  OwnedBlocks& operator=(const OwnedBlocks&) = delete;
  OwnedBlocks(OwnedBlocks&& other) noexcept { swap(other); }
  OwnedBlocks& operator=(OwnedBlocks&& other) noexcept {
    OwnedBlocks(std::move(other)).swap(*this);
    return *this;
  }

  /// `device`: of what is needed there. `pinned`: host memory comes from the CUDA driver, so that
  /// copies are fast and runs can be enqueued. Without `io` there are no buffers for inputs and
  /// outputs.
  STINT_NODISCARD stint_status allocate(const stint_requirements& need, uint32_t device,
                                        bool pinned, bool io = true) {
    release();
    for (int i = 0; i < STINT_MAX_SPACES; ++i) {
      if (need.space[i].bytes == 0 || (i == STINT_SPACE_IO && !io)) continue;
      const stint_status status = i == STINT_SPACE_DEVICE || pinned
                                      ? allocate_cuda(device, i, need.space[i])
                                      : allocate_here(need.space[i], &memory_.space[i]);
      if (!ok(status)) {
        release();
        return status;
      }
    }
    return ok_result();
  }

  void release() {
    for (int i = 0; i < STINT_MAX_SPACES; ++i) {
      if (cuda_[i].data != nullptr) {
        stint_cuda_free(&cuda_[i]);
      } else {
        std::free(memory_.space[i].data);
      }
      memory_.space[i] = {};
    }
  }

  /// Leaves the memory where it is, for good: something that outlives this still uses it.
  void abandon() {
    for (int i = 0; i < STINT_MAX_SPACES; ++i) {
      cuda_[i] = CudaMemory();
      memory_.space[i] = {};
    }
  }

  const stint_memory& memory() const { return memory_; }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const stint_block& block : memory_.space) sum += block.bytes;
    return sum;
  }

 private:
  static stint_status allocate_here(const stint_requirement& need, stint_block* block) {
    *block = {};
    const uint64_t rounded = (need.bytes + need.alignment - 1) / need.alignment * need.alignment;
    if (rounded >= need.bytes) block->data = std::aligned_alloc(need.alignment, rounded);
    if (block->data == nullptr) {
      return failure(STINT_OUT_OF_MEMORY, "there is not enough memory for the engine or session", 0,
                     static_cast<int64_t>(need.bytes));
    }
    block->bytes = need.bytes;
    return ok_result();
  }

  stint_status allocate_cuda(uint32_t device, int space, const stint_requirement& need) {
    const stint_cuda_memory_kind kind =
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

  void swap(OwnedBlocks& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(cuda_, other.cuda_);
  }

  Memory memory_;
  CudaMemory cuda_[STINT_MAX_SPACES];
};

/// An engine and the memory it lies in: on a CUDA device, the weights. The plan's bytes and this
/// must outlive its sessions; should it not, it leaks its memory instead of taking it from them.
class OwnedEngine {
 public:
  OwnedEngine() = default;
  ~OwnedEngine() {
    if (!ok(release())) blocks_.abandon();
  }
  OwnedEngine(const OwnedEngine&) = delete;
  OwnedEngine& operator=(const OwnedEngine&) = delete;
  OwnedEngine(OwnedEngine&& other) noexcept { swap(other); }
  OwnedEngine& operator=(OwnedEngine&& other) noexcept {
    OwnedEngine(std::move(other)).swap(*this);
    return *this;
  }

  /// `target` null: the plan's CPU variant.
  STINT_NODISCARD stint_status create(const Plan& plan, const char* target,
                                      const stint_options& options) {
    if (stint_status status = release(); !ok(status)) return status;
    Requirements need;
    stint_status status = Engine::requirements(plan, target, options, &need);
    if (ok(status)) status = blocks_.allocate(need, options.device, false);
    if (ok(status)) status = engine_.create(plan, target, options, blocks_.memory());
    if (!ok(status)) blocks_.release();
    device_ = options.device;
    return status;
  }
  /// Fails while there are sessions, and then changes nothing.
  stint_status release() {
    const stint_status status = engine_.destroy();
    if (ok(status)) blocks_.release();
    return status;
  }

  const Engine& engine() const { return engine_; }
  uint32_t device() const { return device_; }
  const OwnedBlocks& blocks() const { return blocks_; }

 private:
  void swap(OwnedEngine& other) noexcept {
    std::swap(blocks_, other.blocks_);
    std::swap(engine_, other.engine_);
    std::swap(device_, other.device_);
  }

  OwnedBlocks blocks_;  // outlives what lies in it
  Engine engine_;
  uint32_t device_ = 0;
};

/// A session and the memory it runs in. Its engine must outlive it. On a CUDA device the blocks of
/// the host are pinned.
class OwnedSession {
 public:
  OwnedSession() = default;
  OwnedSession(OwnedSession&&) = default;
  OwnedSession& operator=(OwnedSession&& other) noexcept {
    OwnedSession old(std::move(*this));  // its session goes before its blocks
    blocks_ = std::move(other.blocks_);
    session_ = std::move(other.session_);
    return *this;
  }

  /// Without `own_io` all inputs and outputs must be bound before a run.
  STINT_NODISCARD stint_status create(const OwnedEngine& engine, const Program& program,
                                      const stint_options& options, bool own_io = true) {
    release();
    Requirements need;
    stint_status status = program.requirements(options, &need);
    const bool on_cuda = need.space[STINT_SPACE_DEVICE].bytes != 0;
    if (ok(status)) status = blocks_.allocate(need, engine.device(), on_cuda, own_io);
    if (ok(status)) status = session_.create(engine.engine(), program, options, blocks_.memory());
    if (!ok(status)) release();
    return status;
  }
  void release() {
    session_ = Session();
    blocks_.release();
  }

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  const OwnedBlocks& blocks() const { return blocks_; }

 private:
  OwnedBlocks blocks_;
  Session session_;
};

/// An engine with one session, for who needs no more: one target, one batch size, one thread.
class SingleSession {
 public:
  SingleSession() = default;
  SingleSession(SingleSession&&) = default;
  SingleSession& operator=(SingleSession&& other) noexcept {
    release();
    program_ = other.program_;
    engine_ = std::move(other.engine_);
    session_ = std::move(other.session_);
    return *this;
  }

  STINT_NODISCARD stint_status create(const Plan& plan, const char* target, uint32_t batch,
                                      const stint_options& options, bool own_io = true) {
    release();
    stint_status status = program_.open(plan, target, batch);
    if (ok(status)) status = engine_.create(plan, target, options);
    if (ok(status)) status = session_.create(engine_, program_, options, own_io);
    if (!ok(status)) release();
    return status;
  }
  void release() {
    session_.release();
    engine_.release();  // it had but that session
  }

  Session& session() { return session_.session(); }
  const Session& session() const { return session_.session(); }
  const Program& program() const { return program_; }

 private:
  Program program_;
  OwnedEngine engine_;
  OwnedSession session_;  // destroyed before its engine
};

}  // namespace stint
