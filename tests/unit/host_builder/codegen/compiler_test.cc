#include "host_builder/codegen/compiler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "host_builder/codegen/nvrtc_release.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

const char* const kScale = R"(
#include "stint.cuh"
struct Args { const half_t* x; float* y; };
extern "C" __global__ void scale(const __grid_constant__ Args args) {
  STINT_LAUNCH_DEPENDENTS();
  STINT_WAIT();
  args.y[threadIdx.x] = 2.0f * to_float(args.x[threadIdx.x]);
}
)";

CompileOptions no_cache() {
  CompileOptions options;
  options.use_cache = false;
  return options;
}

bool is_there(NvrtcFamily family) {
  if (!nvrtc_version(family).empty()) return true;
  MESSAGE("skipped: the CUDA compiler library of this family is not installed");
  return false;
}

/// The SM an ELF of device code was made for: the second byte of e_flags; its low byte before
/// CUDA 13.
uint32_t sm_of(const Cubin& cubin) {
  uint32_t flags = 0;
  std::memcpy(&flags, cubin->data() + 48, sizeof flags);
  const uint32_t newer = (flags >> 8) & 0xff, older = flags & 0xff;
  return newer != 0 && (cubin->at(8) >= std::byte{8}) ? newer : older;
}

}  // namespace

TEST_CASE("machine code is made for exactly the target's SM, without a GPU") {
  for (const char* name : {"orin", "orin-jp5", "orin-jp7", "thor", "sm_90", "sm_120", "xavier"}) {
    const Target& target = find_target(name);
    if (!is_there(target.gpu.nvrtc)) continue;
    CAPTURE(name);
    const auto cubins = compile_cuda({kScale, kScale}, target, no_cache()).cubins;
    REQUIRE(cubins.size() == 2);
    CHECK(cubins[0] == cubins[1]);  // equal sources are compiled once
    CHECK(std::memcmp(cubins[0]->data(),
                      "\x7f"
                      "ELF",
                      4) == 0);
    CHECK(sm_of(cubins[0]) == target.gpu.sm);
    CHECK(*compile_cuda({kScale}, target, no_cache()).cubins[0] == *cubins[0]);
  }
}

TEST_CASE("a GPU can run what another one gets: no feature of its own is used") {
  const Target target = dressed_as(find_target("sm_90"), find_target("orin"));
  if (!is_there(target.gpu.nvrtc)) return;
  CHECK(target.gpu.multiprocessors == 16);
  const std::string source = std::string(kScale) + R"(
static_assert(STINT_SM == 87 && STINT_PDL == 0);
)";
  CHECK(sm_of(compile_cuda({source}, target, no_cache()).cubins[0]) == 90);
}

TEST_CASE("machine code of sm_90 may use what only sm_90 has") {
  const Target& target = find_target("sm_90");
  if (!is_there(target.gpu.nvrtc)) return;
  const std::string source = R"(
#include "warpgroup.cuh"
extern "C" __global__ void multiply(float* y) {
  float sums[4][4] = {};
  wgmma_fence(sums);
  wgmma(sums, planes_descriptor(1024, 1040), swizzled_descriptor(9216, 0));
  wgmma_commit();
  wgmma_wait<0>(sums);
  y[threadIdx.x] = sums[0][0];
}
)";
  CHECK(sm_of(compile_cuda({source}, target, no_cache()).cubins[0]) == 90);
  CHECK_THROWS_AS(compile_cuda({source}, find_target("sm_100"), no_cache()), BuildError);
}

TEST_CASE("a kernel that does not compile gives the compiler's words") {
  const Target& target = find_target("sm_90");
  if (!is_there(target.gpu.nvrtc)) return;
  try {
    compile_cuda({"extern \"C\" __global__ void k() { undeclared(); }"}, target, no_cache());
    FAIL("it compiled");
  } catch (const BuildError& error) {
    CHECK(std::string(error.what()).find("undeclared") != std::string::npos);
  }
}

TEST_CASE("the compiler's exact release is known, and the plan says which one it was") {
  for (const char* name : {"orin-jp5", "orin", "sm_90"}) {
    const Target& target = find_target(name);
    if (!is_there(target.gpu.nvrtc)) continue;
    CAPTURE(name);
    const NvrtcRelease& pinned = pinned_nvrtc(target.gpu.nvrtc);
    const std::string version = nvrtc_version(target.gpu.nvrtc);
    // "NVRTC 12.6.85": three numbers.
    CHECK(std::count(version.begin(), version.end(), '.') == 2);
    CHECK(nvrtc_line(target.gpu.nvrtc) == version.substr(0, version.rfind('.')));
    const CompiledCode code = compile_cuda({kScale}, target, no_cache());
    CHECK(code.how.find(version + " --gpu-architecture=") == 0);
    const bool same = version == std::string("NVRTC ") + pinned.version;
    CHECK(code.warnings.size() == (same ? 0 : 1));
  }
}

}  // namespace stint::builder
