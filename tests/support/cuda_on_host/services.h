// What a device source that is compiled for the host asks of the harness that runs it. Included by
// both sides, by device sources without any standard header.
#pragma once

struct HostDim3 {
  unsigned x, y, z;
};

/// What tensor cores multiply: f16, or bytes, the first factor signed or not.
enum HostFactors { kHostHalves, kHostSignedBytes, kHostUnsignedBytes };

/// 32 bytes of k of an operand of wgmma.
struct HostOperand {
  unsigned address;
  unsigned pitch;  // from plane to plane; 0: swizzled rows (kernels/cuda/warpgroup.cuh)
};

/// The thread that runs, and what it can ask for. Shared memory has 32-bit addresses as on the
/// device; every access by one is checked.
struct HostThreads {
  HostDim3 thread, block, block_dim, grid_dim;
  unsigned char* shared;  // dynamic, of the thread's block

  void (*fail)(const char* what);  // does not return
  void (*wait_for_steps)();        // STINT_WAIT()
  void (*barrier)();
  float (*shuffle_xor)(float value, unsigned apart);
  void (*load_matrices)(unsigned* words, unsigned address, bool transposed);
  void (*multiply)(void* d, const unsigned* a, unsigned b0, unsigned b1, HostFactors factors);
  void (*copy_async)(unsigned address, const void* global, unsigned bytes, unsigned width);
  void (*commit_copies)();
  void (*wait_for_copies)(int pending);
  void (*fence_async_proxy)();  // the thread's finished copies, for wgmma
  void (*init_barrier)(unsigned barrier, unsigned arrivals);
  void (*arrive_at_barrier)(unsigned barrier);
  void (*arrive_and_expect_bytes)(unsigned barrier, unsigned bytes);
  void (*copy_async_bulk)(unsigned to, const void* from, unsigned bytes, unsigned barrier);
  void (*wait_at_barrier)(unsigned barrier, unsigned parity);
  void (*wgmma)(void* d, unsigned blocks, HostOperand a, HostOperand b, HostFactors factors);
  void (*wgmma_commit)();
  void (*wgmma_wait)(int pending);
  void (*arrive_at_cluster)();
  void (*wait_for_cluster)();
  unsigned (*shared_address)(const void* p);
  unsigned (*address_in_block)(unsigned address, unsigned rank);
  void* (*own_shared)(unsigned address, unsigned bytes);
  void* (*cluster_shared)(unsigned address, unsigned bytes);
};
