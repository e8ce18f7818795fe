#include "host_builder/codegen/nvrtc_search.h"

#include <doctest/doctest.h>

#include "host_builder/codegen/nvrtc_release.h"
#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kFolders = {"cu13/lib", "cuda_nvrtc/lib"};
constexpr const char* kLibrary = "libnvrtc.so.13";

fs::path put(const fs::path& folder) {
  fs::create_directories(folder);
  std::ofstream(folder / kLibrary) << "x";
  return folder / kLibrary;
}

}  // namespace

TEST_CASE("the CUDA compiler is looked for in the documented places, in their order") {
  const test::TemporaryFolder folder;
  const fs::path root = folder.path("");
  NvrtcSurroundings where;
  where.program = root / "opt/bin/stint";
  where.virtual_env = root / "venv";
  where.data_home = root / "home/.local/share";
  where.home = root / "home";
  CHECK_FALSE(find_nvrtc(where, kFolders, kLibrary));
  // From the last place to the first: each new one wins.
  for (const char* place :
       {"home/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib",
        "home/.local/share/stint/nvrtc/nvidia/cuda_nvrtc/lib",
        "venv/lib/python3.12/site-packages/nvidia/cu13/lib",
        "opt/lib/python3.9/site-packages/nvidia/cu13/lib", "opt/lib/stint/nvrtc/cuda_nvrtc/lib",
        "opt/lib/stint", "opt/lib", "opt/bin"}) {
    CAPTURE(place);
    const fs::path library = put(root / place);
    const auto found = find_nvrtc(where, kFolders, kLibrary);
    REQUIRE(found);
    CHECK(*found == library);
  }
  const fs::path given = put(root / "given");
  where.nvrtc_path = (root / "venv").string() + ":" + (root / "given").string();
  CHECK(find_nvrtc(where, kFolders, kLibrary) == given);
}

TEST_CASE("STINT_NVRTC_PATH is the only place, and a wrong one is an error") {
  const test::TemporaryFolder folder;
  const fs::path root = folder.path("");
  NvrtcSurroundings where;
  where.program = put(root / "bin");
  REQUIRE(find_nvrtc(where, kFolders, kLibrary));
  fs::create_directories(root / "empty");
  where.nvrtc_path = (root / "empty").string();
  CHECK_FALSE(find_nvrtc(where, kFolders, kLibrary));
  where.nvrtc_path += ":" + (root / "typo").string();
  CHECK_THROWS_WITH_AS(find_nvrtc(where, kFolders, kLibrary), doctest::Contains("typo"),
                       BuildError);
  where.nvrtc_path = (root / "bin" / kLibrary).string();  // the library itself
  CHECK_THROWS_WITH_AS(find_nvrtc(where, kFolders, kLibrary), doctest::Contains("no folder"),
                       BuildError);
}

TEST_CASE("the advice works where the system manages Python") {
  for (const auto family : {NvrtcFamily::kCuda11, NvrtcFamily::kCuda12, NvrtcFamily::kCuda13}) {
    const NvrtcRelease& release = pinned_nvrtc(family);
    const std::string advice = nvrtc_advice(family);
    // pip refuses to touch the system's own packages (EXTERNALLY-MANAGED), but not a folder.
    CHECK(advice.find("--target ~/.local/share/stint/nvrtc ") != std::string::npos);
    CHECK(advice.find(std::string(release.wheel) + "==" + release.version) != std::string::npos);
  }
}

}  // namespace stint::builder
