// Runs the threads of a block, or of the blocks of a cluster, as fibers of one host thread.
//
// A warp runs until all of its lanes wait for others, then the next one: what a missing barrier
// would let happen on a device happens here. Warps take turns in a random, repeatable order.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/cuda_on_host/services.h"
#include "tests/support/host_warpgroup.h"

namespace stint::test {

class HostBlocks {
 public:
  /// `threads` is what the kernel's library looks at; `body(context)` is one thread of the kernel.
  HostBlocks(HostThreads* threads, unsigned cluster, size_t shared_bytes, void (*body)(void*),
             void* context);
  ~HostBlocks();

  /// The blocks first.x .. first.x + cluster - 1. Throws std::runtime_error if the kernel does what
  /// a device could not do, or waits for ever.
  void run(const HostDim3& first);

 private:
  enum class Waits : uint8_t { kForNothing, kForBlock, kForWarp, kForCluster, kForShared, kDone };
  enum class Meeting : uint8_t {
    kShuffle,
    kLoadMatrices,
    kLoadTransposed,
    kMultiply,
    kWgmma,
    kWgmmaCommit,
    kWgmmaWait
  };
  struct Stack;
  struct Copy {
    unsigned char* to;
    const void* from;
    unsigned bytes, width, group;
  };
  /// A barrier in shared memory, for arrivals and for copies of whole blocks.
  struct SharedBarrier {
    struct BulkCopy {
      unsigned char* to;
      const void* from;
      unsigned bytes;
    };
    unsigned arrivals = 0;  // of a phase
    unsigned ended = 0;     // phases
    // Of this phase:
    unsigned arrived = 0, expected = 0, in_flight = 0;  // the latter two in bytes
    std::vector<BulkCopy> copies;
    bool is_complete() const { return arrived == arrivals && in_flight == expected; }
  };
  struct Fiber {
    unsigned block = 0, thread = 0;  // block: rank in the cluster
    Waits waits = Waits::kForNothing;
    bool passed_wait = false;
    std::unique_ptr<Stack> stack;  // from its start to its end
    std::vector<Copy> copies;
    unsigned groups = 0;         // committed
    std::vector<size_t> unseen;  // of its block: what it copied and has not shown
    WarpProducts products;       // of its warp, in the warp's first lane
    bool arrived = false;
    unsigned arrived_generation = 0;
    // What it brings to a meeting of its warp and takes from it.
    Meeting meeting = Meeting::kShuffle;
    float value = 0, result = 0;
    unsigned address = 0;  // of a matrix row, a barrier; of a shuffle: how far apart the lanes are
    unsigned phases = 0;   // that had ended at the barrier where it waits
    unsigned* words = nullptr;
    void* sums = nullptr;
    HostFactors factors = kHostHalves;
    const unsigned* a = nullptr;
    unsigned b[2] = {};
    WarpProducts::Operands operands;
    int pending = 0;
  };
  struct Block {
    std::vector<unsigned char> storage;
    unsigned char* shared = nullptr;             // aligned
    std::vector<bool> unseen;                    // SharedTiles
    std::map<unsigned, SharedBarrier> barriers;  // by address
    unsigned alive = 0, at_barrier = 0;
    bool started = false;
  };

  [[noreturn]] static void fiber_main();
  void resume(Fiber& fiber);
  void switch_to_scheduler();
  void wait(Waits what);
  [[noreturn]] void fail(const std::string& what);
  bool run_warp(unsigned block, unsigned warp);
  void meet(Fiber* lanes, unsigned count);
  void multiply(Fiber* lanes);
  void load_matrices(Fiber* lanes);
  void load_transposed(Fiber* lanes);
  std::string products(Fiber* lanes);
  void bring(Meeting meeting);
  bool release_barriers();
  void complete_cluster_arrival();
  SharedBarrier& barrier_at(unsigned address);
  void arrive(SharedBarrier& barrier);
  void end_phase(Block& block, SharedBarrier& barrier);
  void throw_stuck() const;
  unsigned char* shared_at(unsigned block, unsigned offset, unsigned bytes, const char* what);
  unsigned next_random();

  static void serve_fail(const char* what);
  static void serve_wait_for_steps();
  static void serve_barrier();
  static float serve_shuffle_xor(float value, unsigned apart);
  static void serve_load_matrices(unsigned* words, unsigned address, bool transposed);
  static void serve_multiply(void* d, const unsigned* a, unsigned b0, unsigned b1,
                             HostFactors factors);
  static void serve_copy_async(unsigned address, const void* global, unsigned bytes,
                               unsigned width);
  static void serve_commit_copies();
  static void serve_wait_for_copies(int pending);
  static void serve_fence_async_proxy();
  static void serve_init_barrier(unsigned barrier, unsigned arrivals);
  static void serve_arrive_at_barrier(unsigned barrier);
  static void serve_arrive_and_expect_bytes(unsigned barrier, unsigned bytes);
  static void serve_copy_async_bulk(unsigned to, const void* from, unsigned bytes,
                                    unsigned barrier);
  static void serve_wait_at_barrier(unsigned barrier, unsigned parity);
  static void serve_wgmma(void* d, unsigned blocks, HostOperand a, HostOperand b,
                          HostFactors factors);
  static void serve_wgmma_commit();
  static void serve_wgmma_wait(int pending);
  static void serve_arrive_at_cluster();
  static void serve_wait_for_cluster();
  static unsigned serve_shared_address(const void* p);
  static unsigned serve_address_in_block(unsigned address, unsigned rank);
  static void* serve_own_shared(unsigned address, unsigned bytes);
  static void* serve_cluster_shared(unsigned address, unsigned bytes);

  static HostBlocks* current;
  HostThreads* threads_;
  size_t shared_bytes_;
  void (*body_)(void*);
  void* context_;
  unsigned block_threads_;
  HostDim3 first_ = {};
  std::vector<Block> blocks_;
  std::vector<Fiber> fibers_;
  std::vector<std::unique_ptr<Stack>> free_stacks_;
  Fiber* running_ = nullptr;
  jmp_buf scheduler_;
  unsigned alive_ = 0, cluster_arrived_ = 0, cluster_generation_ = 0;
  uint32_t random_ = 1;
  std::string error_;
};

}  // namespace stint::test
