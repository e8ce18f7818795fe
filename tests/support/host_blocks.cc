// glibc's checked longjmp takes a switch of stacks for a mistake.
#undef _FORTIFY_SOURCE
#include "tests/support/host_blocks.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tests/support/host_factors.h"

namespace stint::test {
namespace {

constexpr size_t kStackBytes = 256 * 1024, kPage = 4096;
constexpr unsigned kWarp = 32;
// A shared address: the offset in the block's shared memory behind kSharedStart, with the block's
// rank + 1 above it if it names another block of the cluster.
constexpr unsigned kSharedStart = 1024, kRankShift = 24, kOffsetMask = (1u << kRankShift) - 1;

}  // namespace

/// A stack that runs one thread of the kernel after another.
struct HostBlocks::Stack {
  Stack() {
    void* p = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, kPage, PROT_NONE) != 0)
      throw std::runtime_error("no memory for the stack of a device thread");
    memory = p;
  }
  ~Stack() { munmap(memory, kStackBytes); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void* memory;
  bool started = false;
  jmp_buf context;
};

HostBlocks* HostBlocks::current = nullptr;

HostBlocks::HostBlocks(HostThreads* threads, unsigned cluster, size_t shared_bytes,
                       void (*body)(void*), void* context)
    : threads_(threads),
      shared_bytes_(shared_bytes),
      body_(body),
      context_(context),
      block_threads_(threads->block_dim.x),
      blocks_(cluster),
      fibers_(static_cast<size_t>(cluster) * block_threads_) {
  if (threads->block_dim.y != 1 || threads->block_dim.z != 1)
    throw std::runtime_error("blocks with more than one dimension do not run on the host");
  for (Block& block : blocks_) {
    block.storage.resize(shared_bytes + kSharedStart);
    const auto at = reinterpret_cast<uintptr_t>(block.storage.data());
    block.shared = block.storage.data() + (kSharedStart - at % kSharedStart) % kSharedStart;
  }
  threads->fail = serve_fail;
  threads->wait_for_steps = serve_wait_for_steps;
  threads->barrier = serve_barrier;
  threads->shuffle_xor = serve_shuffle_xor;
  threads->load_matrices = serve_load_matrices;
  threads->multiply = serve_multiply;
  threads->copy_async = serve_copy_async;
  threads->commit_copies = serve_commit_copies;
  threads->wait_for_copies = serve_wait_for_copies;
  threads->fence_async_proxy = serve_fence_async_proxy;
  threads->init_barrier = serve_init_barrier;
  threads->arrive_at_barrier = serve_arrive_at_barrier;
  threads->arrive_and_expect_bytes = serve_arrive_and_expect_bytes;
  threads->copy_async_bulk = serve_copy_async_bulk;
  threads->wait_at_barrier = serve_wait_at_barrier;
  threads->wgmma = serve_wgmma;
  threads->wgmma_commit = serve_wgmma_commit;
  threads->wgmma_wait = serve_wgmma_wait;
  threads->arrive_at_cluster = serve_arrive_at_cluster;
  threads->wait_for_cluster = serve_wait_for_cluster;
  threads->shared_address = serve_shared_address;
  threads->address_in_block = serve_address_in_block;
  threads->own_shared = serve_own_shared;
  threads->cluster_shared = serve_cluster_shared;
}

HostBlocks::~HostBlocks() = default;

void HostBlocks::run(const HostDim3& first) {
  current = this;
  first_ = first;
  alive_ = static_cast<unsigned>(fibers_.size());
  cluster_arrived_ = 0;
  for (Block& block : blocks_) {
    std::memset(block.shared, 0xFF, shared_bytes_);  // NaN
    block.unseen.assign((shared_bytes_ + 15) / 16, false);
    block.barriers.clear();
    block.alive = block_threads_;
    block.at_barrier = 0;
    block.started = false;
  }
  for (unsigned i = 0; i < fibers_.size(); ++i) {
    Fiber& fiber = fibers_[i];
    fiber.block = i / block_threads_;
    fiber.thread = i % block_threads_;
    fiber.waits = Waits::kForNothing;
    fiber.passed_wait = fiber.arrived = false;
    fiber.copies.clear();
    fiber.groups = 0;
    fiber.unseen.clear();
    fiber.products.clear();
  }
  const unsigned warps = (block_threads_ + kWarp - 1) / kWarp;
  const unsigned all = warps * static_cast<unsigned>(blocks_.size());
  while (alive_ > 0) {
    bool progress = false;
    const unsigned start = next_random() % all;
    const bool up = next_random() % 2 == 0;
    for (unsigned i = 0; i < all; ++i) {
      const unsigned at = (start + (up ? i : all - i)) % all;
      progress |= run_warp(at / warps, at % warps);
    }
    progress |= release_barriers();
    if (!progress && alive_ > 0) throw_stuck();
  }
}

/// Until every lane waits for something outside of the warp. True if any lane moved.
bool HostBlocks::run_warp(unsigned block, unsigned warp) {
  Fiber* const lanes = &fibers_[block * block_threads_ + warp * kWarp];
  const unsigned count =
      block_threads_ - warp * kWarp < kWarp ? block_threads_ - warp * kWarp : kWarp;
  bool moved = false;
  for (;;) {
    unsigned meeting = 0, moved_now = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (lanes[i].waits == Waits::kForNothing) {
        resume(lanes[i]);
        ++moved_now;
      }
      meeting += lanes[i].waits == Waits::kForWarp;
    }
    moved |= moved_now > 0;
    if (meeting < kWarp) return moved;
    meet(lanes, count);
  }
}

bool HostBlocks::release_barriers() {
  bool released = false;
  for (unsigned b = 0; b < blocks_.size(); ++b) {
    Block& block = blocks_[b];
    if (block.at_barrier == 0 || block.at_barrier < block.alive) continue;
    for (unsigned t = 0; t < block_threads_; ++t) {
      Fiber& fiber = fibers_[b * block_threads_ + t];
      if (fiber.waits == Waits::kForBlock) fiber.waits = Waits::kForNothing;
    }
    block.at_barrier = 0;
    released = true;
  }
  for (Fiber& fiber : fibers_) {
    if (fiber.waits != Waits::kForShared) continue;
    // The last of the expected copies may have been started since.
    const SharedBarrier& barrier = blocks_[fiber.block].barriers[fiber.address];
    if (!barrier.is_complete() && barrier.ended == fiber.phases) continue;
    fiber.waits = Waits::kForNothing;
    released = true;
  }
  for (Fiber& fiber : fibers_)
    if (fiber.waits == Waits::kForCluster && fiber.arrived_generation != cluster_generation_) {
      fiber.waits = Waits::kForNothing;
      released = true;
    }
  return released;
}

void HostBlocks::throw_stuck() const {
  unsigned waiting[6] = {};
  for (const Fiber& fiber : fibers_) ++waiting[static_cast<int>(fiber.waits)];
  throw std::runtime_error(
      "block " + std::to_string(first_.x) + "," + std::to_string(first_.y) +
      ": threads wait for ever: " + std::to_string(waiting[1]) + " at a barrier of the block, " +
      std::to_string(waiting[2]) + " at a meeting of their warp, " + std::to_string(waiting[3]) +
      " at a barrier of the cluster, " + std::to_string(waiting[4]) +
      " at a barrier in shared memory; " + std::to_string(waiting[5]) + " have ended");
}

void HostBlocks::fiber_main() {
  HostBlocks& own = *current;
  for (;;) {
    own.body_(own.context_);
    Fiber& fiber = *own.running_;
    if (!fiber.passed_wait) own.fail("it ends without STINT_WAIT()");
    if (fiber.products.under_way()) own.fail("it ends while its wgmmas are in flight");
    fiber.waits = Waits::kDone;
    --own.alive_;
    --own.blocks_[fiber.block].alive;
    own.complete_cluster_arrival();
    own.switch_to_scheduler();
  }
}

void HostBlocks::resume(Fiber& fiber) {
  if (!fiber.stack) {
    if (free_stacks_.empty()) free_stacks_.push_back(std::make_unique<Stack>());
    fiber.stack = std::move(free_stacks_.back());
    free_stacks_.pop_back();
    blocks_[fiber.block].started = true;
  }
  running_ = &fiber;
  threads_->thread = {fiber.thread, 0, 0};
  threads_->block = {first_.x + fiber.block, first_.y, first_.z};
  threads_->shared = blocks_[fiber.block].shared;
  const int how = _setjmp(scheduler_);
  if (how == 0) {
    Stack& stack = *fiber.stack;
    if (stack.started) _longjmp(stack.context, 1);
    stack.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = static_cast<char*>(stack.memory) + kPage;
    context.uc_stack.ss_size = kStackBytes - kPage;
    context.uc_link = nullptr;
    makecontext(&context, &HostBlocks::fiber_main, 0);
    setcontext(&context);
  }
  if (how == 2) throw std::runtime_error(error_);
  if (running_->waits == Waits::kDone) free_stacks_.push_back(std::move(running_->stack));
}

void HostBlocks::switch_to_scheduler() {
  if (_setjmp(running_->stack->context) == 0) _longjmp(scheduler_, 1);
}

void HostBlocks::wait(Waits what) {
  running_->waits = what;
  switch_to_scheduler();
}

void HostBlocks::fail(const std::string& what) {
  error_ = "block " + std::to_string(threads_->block.x) + "," + std::to_string(threads_->block.y) +
           "," + std::to_string(threads_->block.z) + " thread " +
           std::to_string(threads_->thread.x) + ": " + what;
  _longjmp(scheduler_, 2);
}

unsigned HostBlocks::next_random() {
  random_ = random_ * 1664525u + 1013904223u;
  return random_ >> 8;
}

void HostBlocks::complete_cluster_arrival() {
  if (cluster_arrived_ < alive_ || cluster_arrived_ == 0) return;
  cluster_arrived_ = 0;
  ++cluster_generation_;
}

unsigned char* HostBlocks::shared_at(unsigned block, unsigned offset, unsigned bytes,
                                     const char* what) {
  if (offset < kSharedStart || offset - kSharedStart + bytes > shared_bytes_)
    fail(std::string(what) + " of " + std::to_string(bytes) + " bytes at " +
         std::to_string(static_cast<long>(offset) - static_cast<long>(kSharedStart)) + " of " +
         std::to_string(shared_bytes_) + " bytes of shared memory");
  if (offset % bytes != 0) fail(std::string(what) + " of shared memory that is not aligned");
  return blocks_[block].shared + (offset - kSharedStart);
}

// Meetings of a warp.

void HostBlocks::bring(Meeting meeting) {
  running_->meeting = meeting;
  wait(Waits::kForWarp);
}

void HostBlocks::meet(Fiber* lanes, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (lanes[i].meeting != lanes[0].meeting)
      throw std::runtime_error("lanes of a warp meet at different instructions");
  switch (lanes[0].meeting) {
    case Meeting::kShuffle:
      for (unsigned i = 0; i < count; ++i) lanes[i].result = lanes[i ^ lanes[i].address].value;
      break;
    case Meeting::kLoadMatrices:
      load_matrices(lanes);
      break;
    case Meeting::kLoadTransposed:
      load_transposed(lanes);
      break;
    case Meeting::kMultiply:
      multiply(lanes);
      break;
    case Meeting::kWgmma:
    case Meeting::kWgmmaCommit:
    case Meeting::kWgmmaWait:
      if (const std::string wrong = products(lanes); !wrong.empty())
        throw std::runtime_error("block " + std::to_string(first_.x + lanes->block) + " thread " +
                                 std::to_string(lanes->thread) + ": " + wrong);
      break;
  }
  for (unsigned i = 0; i < count; ++i) lanes[i].waits = Waits::kForNothing;
}

/// ldmatrix.x4: lane i names row i % 8 of matrix i / 8; lane i gets word i % 4 of row i / 4 of
/// each.
void HostBlocks::load_matrices(Fiber* lanes) {
  for (unsigned m = 0; m < 4; ++m)
    for (unsigned i = 0; i < kWarp; ++i) {
      const Fiber& row = lanes[m * 8 + i / 4];
      std::memcpy(lanes[i].words + m,
                  blocks_[row.block].shared + (row.address - kSharedStart) + i % 4 * 4, 4);
    }
}

/// ldmatrix.x4.trans: lane i gets rows i % 4 * 2 and the next one of column i / 4 of each matrix.
void HostBlocks::load_transposed(Fiber* lanes) {
  for (unsigned m = 0; m < 4; ++m)
    for (unsigned i = 0; i < kWarp; ++i)
      for (unsigned half = 0; half < 2; ++half) {
        const Fiber& row = lanes[m * 8 + i % 4 * 2 + half];
        std::memcpy(reinterpret_cast<unsigned char*>(lanes[i].words + m) + half * 2,
                    blocks_[row.block].shared + (row.address - kSharedStart) + i / 4 * 2, 2);
      }
}

/// mma.m16n8k16 of f16 or m16n8k32 of bytes with the fragments that the PTX manual describes: lane
/// i has rows i / 4 and i / 4 + 8 of a and d, columns i / 4 of b and i % 4 * 2 of d.
void HostBlocks::multiply(Fiber* lanes) {
  const HostFactors kind = lanes[0].factors;
  float a[16][kFactorBytes], b[8][kFactorBytes];
  const auto unpack = [&](float* row, unsigned at, unsigned word, bool first) {
    unsigned char bytes[4];
    std::memcpy(bytes, &word, 4);
    unpack_factors(row + factor_count(kind, at), bytes, 4, kind, first);
  };
  for (unsigned i = 0; i < kWarp; ++i) {
    const unsigned row = i / 4, at = i % 4 * 4;
    for (unsigned part = 0; part < 4; ++part)
      unpack(a[row + part % 2 * 8], at + part / 2 * 16, lanes[i].a[part], true);
    unpack(b[row], at, lanes[i].b[0], false);
    unpack(b[row], at + 16, lanes[i].b[1], false);
  }
  for (unsigned i = 0; i < kWarp; ++i)
    for (unsigned e = 0; e < 4; ++e)
      add_products(lanes[i].sums, e, a[i / 4 + e / 2 * 8], b[i % 4 * 2 + e % 2], kind);
}

/// The lanes' wgmma instruction. Each of the four warps of a warpgroup does its part on its own.
std::string HostBlocks::products(Fiber* lanes) {
  const Block& block = blocks_[lanes->block];
  const SharedTiles memory = {block.shared, kSharedStart, static_cast<unsigned>(shared_bytes_),
                              &block.unseen};
  std::vector<void*> sums;
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(lanes[i].operands == lanes->operands) || lanes[i].pending != lanes->pending)
      return "lanes of a warp want different products";
    sums.push_back(lanes[i].sums);
  }
  if (lanes->meeting == Meeting::kWgmmaWait) return lanes->products.wait(memory, lanes->pending);
  if (lanes->meeting == Meeting::kWgmma)
    return lanes->products.start(memory, lanes->thread / kWarp, lanes->operands, sums);
  lanes->products.commit();
  return "";
}

// What threads ask for.

void HostBlocks::serve_fail(const char* what) { current->fail(what); }
void HostBlocks::serve_wait_for_steps() { current->running_->passed_wait = true; }

void HostBlocks::serve_barrier() {
  ++current->blocks_[current->running_->block].at_barrier;
  current->wait(Waits::kForBlock);
}

float HostBlocks::serve_shuffle_xor(float value, unsigned apart) {
  Fiber& self = *current->running_;
  if (apart >= kWarp) current->fail("a shuffle with a lane that there is not");
  self.value = value;
  self.address = apart;
  current->bring(Meeting::kShuffle);
  return self.result;
}

void HostBlocks::serve_load_matrices(unsigned* words, unsigned address, bool transposed) {
  HostBlocks& own = *current;
  own.shared_at(own.running_->block, address, 16, "ldmatrix");
  own.running_->words = words;
  own.running_->address = address;
  own.bring(transposed ? Meeting::kLoadTransposed : Meeting::kLoadMatrices);
}

void HostBlocks::serve_multiply(void* d, const unsigned* a, unsigned b0, unsigned b1,
                                HostFactors factors) {
  Fiber& self = *current->running_;
  self.factors = factors;
  self.sums = d;
  self.a = a;
  self.b[0] = b0;
  self.b[1] = b1;
  current->bring(Meeting::kMultiply);
}

void HostBlocks::serve_copy_async(unsigned address, const void* global, unsigned bytes,
                                  unsigned width) {
  HostBlocks& own = *current;
  Fiber& self = *own.running_;
  if (bytes != 0 && bytes != width) own.fail("cp.async of " + std::to_string(bytes) + " bytes");
  if (reinterpret_cast<uintptr_t>(global) % width != 0) own.fail("cp.async from a wrong alignment");
  unsigned char* to = own.shared_at(self.block, address, width, "cp.async");
  std::memset(to, 0xFF, width);
  self.copies.push_back({to, global, bytes, width, self.groups});
}

void HostBlocks::serve_commit_copies() { ++current->running_->groups; }

void HostBlocks::serve_wait_for_copies(int pending) {
  Fiber& self = *current->running_;
  size_t done = 0;
  for (; done < self.copies.size(); ++done) {
    const Copy& copy = self.copies[done];
    if (copy.group + static_cast<unsigned>(pending) >= self.groups) break;
    std::memset(copy.to, 0, copy.width);
    std::memcpy(copy.to, copy.from, copy.bytes);
    Block& block = current->blocks_[self.block];
    const size_t chunk = static_cast<size_t>(copy.to - block.shared) / 16;
    if (!block.unseen[chunk]) self.unseen.push_back(chunk);
    block.unseen[chunk] = true;
  }
  self.copies.erase(self.copies.begin(), self.copies.begin() + static_cast<std::ptrdiff_t>(done));
}

void HostBlocks::serve_fence_async_proxy() {
  Fiber& self = *current->running_;
  for (const size_t chunk : self.unseen) current->blocks_[self.block].unseen[chunk] = false;
  self.unseen.clear();
}

HostBlocks::SharedBarrier& HostBlocks::barrier_at(unsigned address) {
  auto& barriers = blocks_[running_->block].barriers;
  const auto found = barriers.find(address);
  if (found == barriers.end()) fail("a barrier in shared memory that was not initialised");
  return found->second;
}

void HostBlocks::serve_init_barrier(unsigned barrier, unsigned arrivals) {
  HostBlocks& own = *current;
  own.shared_at(own.running_->block, barrier, 8, "a barrier");
  if (arrivals == 0) own.fail("a barrier at which nobody arrives");
  SharedBarrier fresh;
  fresh.arrivals = arrivals;
  if (!own.blocks_[own.running_->block].barriers.emplace(barrier, fresh).second)
    own.fail("a barrier is initialised twice");
}

void HostBlocks::arrive(SharedBarrier& barrier) {
  if (barrier.arrived == barrier.arrivals)
    fail("more arrive at a barrier than it is initialised for");
  ++barrier.arrived;
}

/// Bytes come when somebody waits for them, never before.
void HostBlocks::end_phase(Block& block, SharedBarrier& barrier) {
  for (const auto& copy : barrier.copies) {
    std::memcpy(copy.to, copy.from, copy.bytes);
    const auto first = static_cast<std::ptrdiff_t>(copy.to - block.shared) / 16;
    std::fill_n(block.unseen.begin() + first, copy.bytes / 16, false);
  }
  barrier.copies.clear();
  barrier.arrived = barrier.expected = barrier.in_flight = 0;
  ++barrier.ended;
}

void HostBlocks::serve_arrive_at_barrier(unsigned barrier) {
  HostBlocks& own = *current;
  SharedBarrier& b = own.barrier_at(barrier);
  own.arrive(b);
  if (b.expected == 0 && b.is_complete()) own.end_phase(own.blocks_[own.running_->block], b);
}

void HostBlocks::serve_arrive_and_expect_bytes(unsigned barrier, unsigned bytes) {
  HostBlocks& own = *current;
  SharedBarrier& b = own.barrier_at(barrier);
  if (bytes == 0 || bytes >= 1u << 20) own.fail("too many bytes are expected, or none");
  own.arrive(b);
  b.expected += bytes;
}

void HostBlocks::serve_copy_async_bulk(unsigned to, const void* from, unsigned bytes,
                                       unsigned barrier) {
  HostBlocks& own = *current;
  SharedBarrier& b = own.barrier_at(barrier);
  if (bytes % 16 != 0 || reinterpret_cast<uintptr_t>(from) % 16 != 0)
    own.fail("cp.async.bulk of a wrong alignment");
  if (b.in_flight + bytes > b.expected) own.fail("more bytes come than were expected");
  unsigned char* const place = own.shared_at(own.running_->block, to, 16, "cp.async.bulk");
  own.shared_at(own.running_->block, to + bytes - 16, 16, "cp.async.bulk");
  std::memset(place, 0xFF, bytes);
  b.copies.push_back({place, from, bytes});
  b.in_flight += bytes;
}

void HostBlocks::serve_wait_at_barrier(unsigned barrier, unsigned parity) {
  HostBlocks& own = *current;
  Fiber& self = *own.running_;
  SharedBarrier& b = own.barrier_at(barrier);
  // The phase of that parity is the latest one that has ended, or the one that has not.
  if (b.ended % 2 != parity) return;
  if (!b.is_complete()) {
    self.address = barrier;
    self.phases = b.ended;
    own.wait(Waits::kForShared);
  }
  if (b.ended % 2 == parity && b.is_complete()) own.end_phase(own.blocks_[self.block], b);
}

void HostBlocks::serve_wgmma(void* d, unsigned blocks, HostOperand a, HostOperand b,
                             HostFactors factors) {
  Fiber& self = *current->running_;
  if (current->block_threads_ % 128 != 0) current->fail("wgmma without whole warpgroups");
  self.sums = d;
  self.operands = {blocks, a, b, factors};
  current->bring(Meeting::kWgmma);
}

void HostBlocks::serve_wgmma_commit() { current->bring(Meeting::kWgmmaCommit); }

void HostBlocks::serve_wgmma_wait(int pending) {
  current->running_->pending = pending;
  current->bring(Meeting::kWgmmaWait);
}

void HostBlocks::serve_arrive_at_cluster() {
  HostBlocks& own = *current;
  Fiber& self = *own.running_;
  if (self.arrived) own.fail("it arrives at the cluster's barrier twice");
  self.arrived = true;
  self.arrived_generation = own.cluster_generation_;
  ++own.cluster_arrived_;
  own.complete_cluster_arrival();
}

void HostBlocks::serve_wait_for_cluster() {
  HostBlocks& own = *current;
  Fiber& self = *own.running_;
  if (!self.arrived) own.fail("it waits at the cluster's barrier without having arrived");
  self.arrived = false;
  if (self.arrived_generation == own.cluster_generation_) own.wait(Waits::kForCluster);
}

unsigned HostBlocks::serve_shared_address(const void* p) {
  HostBlocks& own = *current;
  const auto offset = static_cast<const unsigned char*>(p) - own.threads_->shared;
  if (offset < 0 || static_cast<size_t>(offset) > own.shared_bytes_)
    own.fail("the shared address of something that is not dynamic shared memory");
  return kSharedStart + static_cast<unsigned>(offset);
}

unsigned HostBlocks::serve_address_in_block(unsigned address, unsigned rank) {
  HostBlocks& own = *current;
  if (rank >= own.blocks_.size()) own.fail("a block that is not in the cluster");
  return (address & kOffsetMask) | (rank + 1) << kRankShift;
}

void* HostBlocks::serve_own_shared(unsigned address, unsigned bytes) {
  HostBlocks& own = *current;
  return own.shared_at(own.running_->block, address, bytes, "an access");
}

void* HostBlocks::serve_cluster_shared(unsigned address, unsigned bytes) {
  HostBlocks& own = *current;
  const unsigned rank = address >> kRankShift;
  const unsigned block = rank == 0 ? own.running_->block : rank - 1;
  if (!own.blocks_[block].started) own.fail("a store to a block that has not started");
  if (own.blocks_[block].alive == 0) own.fail("a store to a block that has ended");
  return own.shared_at(block, address & kOffsetMask, bytes, "a store to another block");
}

}  // namespace stint::test
