// The host's stand-in for a GPU: finds what kernels do wrong. With or without a GPU.
#include "tests/support/cuda_on_host.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

using namespace stint;
using namespace stint::test;

namespace {

/// A kernel with `body` for `blocks` x 64 threads: `in` and `out` are 4-byte numbers, one a thread.
builder::GpuLaunch kernel(const std::string& body, unsigned blocks = 1,
                          const std::string& attribute = "") {
  builder::GpuLaunch launch;
  launch.symbol = "test";
  launch.block = {64, 1, 1};
  launch.grid = {blocks, 1, 1};
  launch.dynamic_smem = 256;
  launch.source =
      R"(#include "async_copy.cuh"
#include "bulk_copy.cuh"
#include "cluster.cuh"
#include "shared_memory.cuh"
#include "vector.cuh"
#include "warpgroup.cuh"
struct Args { const float* in; float* out; };
extern "C" __global__ void )" +
      attribute + R"( test(const __grid_constant__ Args args) {
  STINT_DYNAMIC_SHARED(float, shared, 16);
  const int thread = static_cast<int>(threadIdx.x);
)" + body +
      "\n}\n";
  return launch;
}

const std::string kWait = "STINT_WAIT();\n";
const std::string kTurnAround = "args.out[thread] = shared[63 - thread];";

/// True if the kernel turns its 64 numbers around.
bool turns_around(const std::string& body) {
  alignas(16) float in[64];
  float out[64] = {};
  std::iota(in, in + 64, 1.0f);
  HostKernel(kernel(kWait + body)).run({in, out});
  for (int i = 0; i < 64; ++i)
    if (!(out[i] == in[63 - i])) return false;
  return true;
}

/// What is said of a kernel that does what no device can do.
std::string complaint(const builder::GpuLaunch& launch, uint32_t sm = 90) {
  alignas(16) float in[128] = {}, out[128] = {};
  try {
    HostKernel(launch, sm).run({in, out});
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("device sources on the host: barriers, copies and waits that are missing") {
  if (!can_run_device_code_on_host()) return;
  CHECK(turns_around("shared[thread] = args.in[thread]; __syncthreads();" + kTurnAround));
  CHECK(!turns_around("shared[thread] = args.in[thread];" + kTurnAround));

  const std::string copy =
      "if (thread < 16) copy_async_16(shared_address(shared + thread * 4), args.in + thread * 4, "
      "16);\ncommit_copies();";
  CHECK(turns_around(copy + "wait_for_copies<0>(); __syncthreads();" + kTurnAround));
  CHECK(!turns_around(copy + "__syncthreads();" + kTurnAround));
  CHECK(!turns_around(copy + "wait_for_copies<1>(); __syncthreads();" + kTurnAround));

  CHECK(complaint(kernel("")).find("ends without STINT_WAIT()") != std::string::npos);
  CHECK(complaint(kernel(kWait)).empty());
}

TEST_CASE("device sources on the host: threads that wait for ever") {
  if (!can_run_device_code_on_host()) return;
  const std::string shuffle = "args.out[thread] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);";
  CHECK(complaint(kernel(kWait + shuffle)).empty());
  const std::string stuck =
      complaint(kernel(kWait + "if (thread != 5) " + shuffle + "else __syncthreads();"));
  CAPTURE(stuck);
  CHECK(stuck.find("wait for ever: 1 at a barrier of the block, 31 at a meeting") !=
        std::string::npos);
}

TEST_CASE("device sources on the host: addresses, alignment, instructions of other SMs") {
  if (!can_run_device_code_on_host()) return;
  const auto says = [](const std::string& body, const char* text, uint32_t sm = 90) {
    const std::string said = complaint(kernel(kWait + body), sm);
    CAPTURE(said);
    CHECK(said.find(text) != std::string::npos);
  };
  says("float v[4]; load_vector<4>(v, args.in + 1);", "not aligned");
  says("store_shared_4(shared_address(shared) + 256, 0);", "4 bytes at 256 of 256 bytes");
  says("store_shared_8(shared_address(shared) + 4, {0, 0});", "not aligned");
  says("copy_async_16(shared_address(shared), args.in, 16);", "does not have", 75);
}

TEST_CASE("device sources on the host: blocks of a cluster") {
  if (!can_run_device_code_on_host()) return;
  const std::string give = R"(
  if (thread < 32) {
    const float first = blockIdx.x * 64.0f + thread * 2, v[2] = {first, first + 1};
    const uint32_t own = shared_address(shared) + thread * 8;
    store_distributed_shared(address_in_block(own, 1 - blockIdx.x), v);
  }
)";
  const std::string meet = "arrive_at_cluster(); wait_for_cluster();\n";
  const std::string take = "args.out[blockIdx.x * 64 + thread] = shared[thread];";
  const std::string pair = "__cluster_dims__(2, 1, 1)";
  float in[1] = {}, out[128] = {};
  HostKernel(kernel(kWait + meet + give + meet + take, 2, pair), 90).run({in, out});
  for (int i = 0; i < 128; ++i) CHECK(out[i] == static_cast<float>(i ^ 64));
  CHECK(complaint(kernel(kWait + give + meet + take, 2, pair)).find("has not started") !=
        std::string::npos);
}

TEST_CASE("device sources on the host: barriers in shared memory and bulk copies") {
  if (!can_run_device_code_on_host()) return;
  // Thread 0 copies 64 floats; the others take them. `when` they wait.
  const auto copy = [](const std::string& expect, const std::string& when) {
    builder::GpuLaunch launch = kernel(R"(
  const uint32_t data = shared_address(shared), full = data + 256, used = data + 264;
  if (thread == 0) {
    init_barrier(full, 1);
    init_barrier(used, 2);
    fence_barrier_init();
  }
  __syncthreads();
  STINT_WAIT();
  if (thread == 0) {
)" + expect + R"(
    copy_async_bulk(data, args.in, 256, full);
  }
)" + when + R"(
  args.out[thread] = shared[thread];
  if (thread % 32 == 0) arrive_at_barrier(used);
  wait_at_barrier(used, 0);
)");
    launch.dynamic_smem = 256 + 16;
    return launch;
  };
  alignas(16) float in[64];
  for (int i = 0; i < 64; ++i) in[i] = static_cast<float>(i);
  float out[64] = {};
  const std::string expect = "arrive_and_expect_bytes(full, 256);",
                    wait = "wait_at_barrier(full, 0);";
  HostKernel(copy(expect, wait), 90).run({in, out});
  for (int i = 0; i < 64; ++i) CHECK(out[i] == in[i]);
  HostKernel(copy(expect, ""), 90).run({in, out});  // nobody waits for the bytes
  CHECK(std::isnan(out[5]));
  CHECK(complaint(copy("arrive_and_expect_bytes(full, 128);", wait)).find("more bytes") !=
        std::string::npos);
  CHECK(complaint(copy("arrive_and_expect_bytes(full, 272);", wait)).find("wait for ever") !=
        std::string::npos);
  CHECK(complaint(copy(expect, "wait_at_barrier(full + 16, 0);")).find("not initialised") !=
        std::string::npos);
  CHECK(complaint(copy(expect + expect, wait)).find("more arrive") != std::string::npos);
  CHECK(complaint(copy(expect, wait), 87).find("does not have") != std::string::npos);
}

TEST_CASE("device sources on the host: products by warpgroups") {
  if (!can_run_device_code_on_host()) return;
  // 64 rows of 1.0 (A) and 32 columns of what is copied (B); `then` between start and wait.
  const auto product = [](const std::string& before, const std::string& then) {
    builder::GpuLaunch launch = kernel(
        R"(
  const uint32_t a = shared_address(shared), b = a + 8192;
  const uint32_t ones = 0x3C003C00;
  for (int i = 0; i < 4; ++i)
    store_shared_16(a + (thread * 4 + i) * 16, make_uint4(ones, ones, ones, ones));
  STINT_WAIT();
  for (int i = 0; i < 2; ++i) copy_async_16(b + (thread * 2 + i) * 16, args.in + i * 4, 16);
  commit_copies();
)" + before +
        R"(
  __syncthreads();
  float sums[4][4] = {};
  wgmma_fence(sums);
  wgmma(sums, swizzled_descriptor(a, 0), swizzled_descriptor(b, 0));
  wgmma_commit();
)" + then +
        R"(
  args.out[thread % 64] = sums[0][0];
)");
    launch.block = {128, 1, 1};
    launch.dynamic_smem = 8192 + 4096;
    return launch;
  };
  const std::string arrive = "wait_for_copies<0>(); ", show = "fence_async_proxy(); ";
  const std::string wait = "wgmma_wait<0>(sums); ";
  alignas(16) uint16_t in[16];
  for (uint16_t& half : in) half = 0x3800;  // 0.5
  float out[128] = {};
  HostKernel(product(arrive + show, wait), 90).run({in, out});
  CHECK(out[5] == 8.0f);
  HostKernel(product(show, wait), 90).run({in, out});  // before the copies have arrived
  CHECK(std::isnan(out[5]));
  CHECK(complaint(product(arrive, wait)).find("not shown") != std::string::npos);
  CHECK(complaint(product(arrive + show, "")).find("in flight") != std::string::npos);
  const std::string again = "copy_async_16(b, args.in, 16); ";
  CHECK(complaint(product(arrive + show, again + wait)).find("changes") != std::string::npos);
  CHECK(complaint(product(arrive + show, wait + again)).empty());
  CHECK(complaint(product(arrive + show, wait), 87).find("wgmma") != std::string::npos);
}
