#include "host_builder/targets/target.h"

#include <doctest/doctest.h>

#include "host_builder/support/error.h"

namespace stint::builder {

TEST_CASE("targets are found by name") {
  CHECK_FALSE(find_target("cpu").is_gpu);
  CHECK(find_target("orin").gpu.sm == 87);
  CHECK(find_target("thor").gpu.has_pdl);
  CHECK_FALSE(find_target("orin").gpu.has_pdl);
  for (const Target& target : all_targets()) {
    CAPTURE(target.name);
    if (!target.is_gpu) continue;
    CHECK(target.gpu.sm == target.gpu.source_sm);
    CHECK(target.gpu.smem_per_block > 48 * 1024);
    CHECK(target.gpu.memory_gb_per_s > 100);
    CHECK(target.gpu.multiprocessors >= 8);
    CHECK(target.gpu.has_wgmma() == (target.name == "sm_90"));
  }
}

TEST_CASE("shared memory and threads of a multiprocessor are those of the compute capability") {
  // CUDA C++ Programming Guide, technical specifications per compute capability.
  struct Published {
    uint32_t sm, block_kib, kib, threads;
  };
  for (const Published& p :
       {Published{72, 96, 96, 2048}, Published{75, 64, 64, 1024}, Published{80, 163, 164, 2048},
        Published{86, 99, 100, 1536}, Published{87, 163, 164, 1536}, Published{89, 99, 100, 1536},
        Published{90, 227, 228, 2048}, Published{100, 227, 228, 2048},
        Published{110, 227, 228, 1536}, Published{120, 99, 100, 1536}}) {
    CAPTURE(p.sm);
    size_t found = 0;
    for (const Target& target : all_targets()) {
      if (target.gpu.sm != p.sm) continue;
      ++found;
      CHECK(target.gpu.smem_per_block == p.block_kib * 1024);
      CHECK(target.gpu.smem_per_multiprocessor == p.kib * 1024);
      CHECK(target.gpu.threads_per_multiprocessor == p.threads);
    }
    CHECK(found > 0);
  }
}

TEST_CASE("a device's code is made by a compiler of its driver's family") {
  for (const Target& target : all_targets()) {
    if (!target.is_gpu) continue;
    CAPTURE(target.name);
    const uint32_t family = target.gpu.nvrtc == NvrtcFamily::kCuda11   ? 11
                            : target.gpu.nvrtc == NvrtcFamily::kCuda12 ? 12
                                                                       : 13;
    CHECK(target.gpu.min_driver / 1000 == family);
  }
}

TEST_CASE("machine code is named after the SM, with the features of sm_90 alone") {
  CHECK(find_target("orin").gpu.architecture() == "sm_87");
  CHECK(find_target("sm_90").gpu.architecture() == "sm_90a");
  CHECK(find_target("sm_100").gpu.architecture() == "sm_100");
  const Target dressed = dressed_as(find_target("sm_90"), find_target("orin"));
  CHECK(dressed.gpu.architecture() == "sm_90a");
  CHECK_FALSE(dressed.gpu.has_wgmma());
}

TEST_CASE("an unknown target is refused with the known ones") {
  CHECK_THROWS_WITH_AS(find_target("pi"), doctest::Contains("orin"), UsageError);
  CHECK_THROWS_AS(dressed_as(find_target("cpu"), find_target("orin")), UsageError);
}

}  // namespace stint::builder
