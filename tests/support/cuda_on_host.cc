#include "tests/support/cuda_on_host.h"

#include <dlfcn.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace stint::test {
namespace {

struct Dim3 {
  unsigned x, y, z;
};
/// The same as in tests/support/cuda_on_host/stint.cuh.
struct HostThreads {
  Dim3 thread, block, block_dim, grid_dim;
  void (*barrier)();
};

constexpr size_t kStackBytes = 128 * 1024;

/// The block that runs. One at a time in this process.
class Block {
 public:
  Block(HostThreads* threads, void (*body)(void*), void* context)
      : threads_(threads), body_(body), context_(context) {
    current = this;
  }

  /// All threads of one block. As long as no thread has met a barrier, they need no stacks of their
  /// own: the first one tells, barriers being met by all or by none.
  void run() {
    const unsigned count = threads_->block_dim.x;
    fibers_.resize(count);
    met_barrier_ = false;
    alive_ = count;
    start(0);
    if (!met_barrier_) {
      plain_ = true;
      for (unsigned t = 1; t < count; ++t) {
        threads_->thread = {t, 0, 0};
        body_(context_);
      }
      plain_ = false;
      return;
    }
    for (unsigned t = 1; t < count; ++t) start(t);
    while (alive_ > 0)
      for (unsigned t = 0; t < count; ++t)
        if (!fibers_[t].done) resume(t);
  }

  static void barrier() { current->wait(); }

 private:
  struct Fiber {
    std::unique_ptr<char[]> stack;
    ucontext_t context;
    bool done = false;
  };

  static void entry() {
    current->body_(current->context_);
    current->fibers_[current->running_].done = true;
    --current->alive_;
  }
  void start(unsigned t) {
    Fiber& fiber = fibers_[t];
    if (!fiber.stack) fiber.stack.reset(new char[kStackBytes]);
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &main_;
    makecontext(&fiber.context, entry, 0);
    resume(t);
  }
  void resume(unsigned t) {
    running_ = t;
    threads_->thread = {t, 0, 0};
    swapcontext(&main_, &fibers_[t].context);
  }
  void wait() {
    if (plain_) {
      std::fputs("a barrier that the first thread of the block does not meet\n", stderr);
      std::abort();
    }
    met_barrier_ = true;
    swapcontext(&fibers_[running_].context, &main_);
  }

  static inline Block* current = nullptr;
  HostThreads* threads_;
  void (*body_)(void*);
  void* context_;
  ucontext_t main_;
  std::vector<Fiber> fibers_;
  unsigned running_ = 0, alive_ = 0;
  bool met_barrier_ = false, plain_ = false;
};

std::filesystem::path scratch_folder() {
  static const std::filesystem::path folder = [] {
    auto path =
        std::filesystem::temp_directory_path() / ("stint_device_" + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
    std::atexit([] {
      std::error_code ignored;
      std::filesystem::remove_all(
          std::filesystem::temp_directory_path() / ("stint_device_" + std::to_string(::getpid())),
          ignored);
    });
    return path;
  }();
  return folder;
}

}  // namespace

bool can_run_device_code_on_host() {
  static const bool can = std::system(STINT_HOST_COMPILER " --version > /dev/null 2>&1") == 0;
  return can;
}

HostKernel::HostKernel(const builder::GpuLaunch& launch) : launch_(launch) {
  static int number = 0;
  const std::string base = (scratch_folder() / std::to_string(number++)).string();
  // The kernel's parameter is a struct by value: the wrapper takes its address.
  std::ofstream(base + ".cc") << launch.source
                              << "\nextern \"C\" void stint_host_entry(const void* args) {\n  "
                              << launch.symbol << "(*static_cast<const Args*>(args));\n}\n";
  const std::string command =
      std::string(STINT_HOST_COMPILER) +
      " -std=c++17 -O0 -ffp-contract=off -fno-strict-aliasing -w -shared -fPIC "
      "-I" STINT_SOURCE_FOLDER
      "/tests/support/cuda_on_host "
      "-I" STINT_SOURCE_FOLDER "/kernels/cuda -o " +
      base + ".so " + base + ".cc -lm 2> " + base + ".log";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(base + ".log");
    throw std::runtime_error("the host's compiler refuses the source of " + launch.symbol + ":\n" +
                             std::string(std::istreambuf_iterator<char>(log), {}));
  }
  library_ = dlopen((base + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) throw std::runtime_error(dlerror());
  entry_ = dlsym(library_, "stint_host_entry");
}

HostKernel::~HostKernel() {
  if (library_ != nullptr) dlclose(library_);
}

void HostKernel::run(const std::vector<void*>& arguments) const {
  HostThreads threads = {};
  threads.block_dim = {launch_.block[0], launch_.block[1], launch_.block[2]};
  threads.grid_dim = {launch_.grid[0], launch_.grid[1], launch_.grid[2]};
  threads.barrier = Block::barrier;
  *static_cast<HostThreads**>(dlsym(library_, "stint_host_threads")) = &threads;
  struct Call {
    void (*entry)(const void*);
    const void* arguments;
  } call = {reinterpret_cast<void (*)(const void*)>(entry_), arguments.data()};
  Block block(
      &threads, [](void* c) { static_cast<Call*>(c)->entry(static_cast<Call*>(c)->arguments); },
      &call);
  for (unsigned z = 0; z < threads.grid_dim.z; ++z)
    for (unsigned y = 0; y < threads.grid_dim.y; ++y)
      for (unsigned x = 0; x < threads.grid_dim.x; ++x) {
        threads.block = {x, y, z};
        block.run();
      }
}

}  // namespace stint::test
