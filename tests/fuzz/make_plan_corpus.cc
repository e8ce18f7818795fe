// Small plans with every kernel the builder emits, as seeds for plan_fuzz: compiles every ONNX
// model below a folder (the unpacked node tests, build/release/onnx_node_tests) and keeps the plans
// that are small.
//   make_plan_corpus MODELS OUT
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/builder/builder.h"

namespace {

namespace fs = std::filesystem;

constexpr size_t kLargestPlan = 16
                                << 10;  // mutations of larger ones rarely hit a field that matters

std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> models;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODELS OUT\n", argv[0]);
    return 2;
  }
  const fs::path out = argv[2];
  fs::create_directories(out);
  size_t kept = 0, refused = 0, large = 0;
  for (const fs::path& model : models_below(argv[1])) {
    try {
      const std::vector<std::byte> plan = stint::builder::build_plan(model, {}, nullptr);
      if (plan.size() > kLargestPlan) {
        ++large;
        continue;
      }
      stint::builder::write_file_atomically(
          out / (model.parent_path().filename().string() + ".plan"), plan);
      ++kept;
    } catch (const std::exception&) {
      ++refused;  // what the builder cannot compile is the conformance suite's business
    }
  }
  std::printf("%zu plans kept, %zu too large, %zu models not compiled\n", kept, large, refused);
  return kept == 0 ? 1 : 0;
}
