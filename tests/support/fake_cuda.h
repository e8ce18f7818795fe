// A CUDA driver for machines without a GPU: counts what is made and destroyed, refuses what a real
// driver would refuse, fails on demand, and runs "kernels" that are functions of the test. Its
// device memory cannot be touched but through it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/cuda/driver.h"

namespace stint::test {

/// One kernel node of a graph, as it was added or last patched.
struct FakeNode {
  enum class Kind { kKernel, kEmpty, kEvent };
  Kind kind = Kind::kEmpty;
  std::string symbol;
  std::array<unsigned, 3> grid{}, block{};
  unsigned dynamic_shared = 0;
  std::vector<uint64_t> pointers;  // the parameter block
  cuda::Event event = nullptr;
};

struct FakeEdge {
  size_t from = 0, to = 0;
  bool programmatic = false;
};

struct FakeGraph {
  std::vector<std::unique_ptr<FakeNode>> nodes;  // a node's handle is its address
  std::vector<FakeEdge> edges;
  std::vector<size_t>
      order;  // of an instance: valid, and as unlike the order of creation as can be
};

/// Replaces the driver while it lives. One at a time.
class FakeCuda {
 public:
  /// `pointers` of the parameter block; device memory can be touched while it runs.
  using KernelBody = std::function<void(const uint64_t* pointers)>;

  FakeCuda();
  ~FakeCuda();
  FakeCuda(const FakeCuda&) = delete;
  FakeCuda& operator=(const FakeCuda&) = delete;

  void add_kernel(const std::string& symbol, size_t pointer_count, KernelBody body);

  // What the machine is; change before a session is made.
  int devices = 1;
  int sm = 87;
  int driver_version = 12060;
  int max_shared = 166912;
  int max_grid_x = 2147483647;
  int kernel_max_threads = 1024;
  int kernel_static_shared = 0;
  size_t kernel_param_bytes = 0;  // 0: what add_kernel said
  size_t memory_bytes = 1 << 26;
  bool is_busy = false;  // what was enqueued is not complete yet: no event is
  cuda::Driver table;    // entries may be set to null to be missing

  /// The n-th call from now on (0: the next) returns an error, once.
  void fail_call(int64_t n) { until_failure_ = n; }
  uint64_t calls() const { return calls_; }

  /// Things that exist: contexts retained, streams, events, graphs, modules, allocations, pushed
  /// contexts. 0 when nothing is left behind.
  int64_t live() const { return live_; }
  uint64_t allocations() const { return allocations_; }
  uint64_t launches() const { return launches_; }
  uint64_t uploads() const { return uploads_; }
  uint64_t uploaded_bytes() const { return uploaded_bytes_; }
  uint64_t modules_loaded() const { return modules_loaded_; }
  uint64_t downloads() const { return downloads_; }
  uint64_t patches() const { return patches_; }
  const std::string& misuse() const { return misuse_; }  // first rule that a caller broke, or ""

  /// A current context on device 0 that the application made.
  void make_application_context();

  /// The last graph that was instantiated, with patches.
  const FakeGraph& graph() const { return *last_; }

  /// Memory that the test hands to the runtime as its own.
  void* device_block(size_t bytes);
  void read_device(void* to, const void* from, size_t bytes);
  void write_device(void* to, const void* from, size_t bytes);

 private:
  friend struct FakeEntries;
  struct Memory {
    size_t bytes = 0;
    bool pinned = false;
  };
  struct KernelInfo {
    std::string symbol;
    size_t pointer_count = 0;
    int allowed_shared = 49152;
    KernelBody body;
  };

  const Memory* memory_of(uint64_t address, size_t bytes) const;
  void* map_device(size_t bytes);
  void unmap_all();
  void set_access(bool allowed);
  void blame(const std::string& what);

  std::map<uint64_t, Memory> memory_;
  std::map<std::string, KernelInfo> kernels_;
  std::vector<cuda::Context> stack_;
  std::vector<std::unique_ptr<FakeGraph>> graphs_;
  FakeGraph* last_ = nullptr;
  int64_t until_failure_ = -1;
  uint64_t calls_ = 0;
  int64_t live_ = 0;
  uint64_t allocations_ = 0, launches_ = 0, uploads_ = 0, downloads_ = 0, patches_ = 0,
           uploaded_bytes_ = 0, modules_loaded_ = 0;
  uint64_t clock_ = 0;
  std::string misuse_;
};

}  // namespace stint::test
