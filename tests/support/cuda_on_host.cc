#include "tests/support/cuda_on_host.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "tests/support/host_blocks.h"

namespace stint::test {
namespace {

namespace fs = std::filesystem;

/// The source tree: STINT_SOURCE_FOLDER, else where a build folder's programs have it. A bundle for
/// a machine with a GPU has none (script/gpu-bundle).
fs::path source_folder() {
  if (const char* given = std::getenv("STINT_SOURCE_FOLDER"); given != nullptr) return given;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);  // build/PRESET/bin/NAME
  return program.parent_path().parent_path().parent_path().parent_path();
}

const char* why_not_on_host() {
  std::error_code ignored;
  for (const char* part : {"kernels/cuda/stint.cuh", "tests/support/cuda_on_host/stint.cuh"})
    if (!fs::exists(source_folder() / part, ignored)) return "the device sources are not here";
  if (std::system(STINT_HOST_COMPILER " --version > /dev/null 2>&1") != 0)
    return "the compiler of this build is not on this machine";
  return nullptr;
}

fs::path scratch_path() {
  return fs::temp_directory_path() / ("stint_device_" + std::to_string(::getpid()));
}

/// This process's folder for libraries, with the headers in kernels/: includes look next to the
/// file that includes first, so stand-ins must lie where the device's headers lie.
const fs::path& scratch_folder() {
  static const fs::path folder = [] {
    const fs::path path = scratch_path();
    fs::create_directories(path);
    std::atexit([] {
      std::error_code ignored;
      fs::remove_all(scratch_path(), ignored);
    });
    const fs::path source = source_folder(), headers = path / "kernels";
    fs::copy(source / "kernels/cuda", headers,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    for (const auto& stand_in : fs::directory_iterator(source / "tests/support/cuda_on_host"))
      fs::copy(stand_in, headers / stand_in.path().filename(),
               fs::copy_options::overwrite_existing);
    return path;
  }();
  return folder;
}

/// Blocks of a cluster: the source says so, the launch does not.
unsigned cluster_of(const std::string& source) {
  const std::string attribute = "__cluster_dims__(";
  const size_t at = source.find(attribute);
  return at == std::string::npos
             ? 1
             : static_cast<unsigned>(std::stoul(source.substr(at + attribute.size())));
}

}  // namespace

bool can_run_device_code_on_host() {
  static const char* const why_not = [] {
    const char* why = why_not_on_host();
    if (why != nullptr) std::printf("skipped: device sources on the host: %s\n", why);
    return why;
  }();
  return why_not == nullptr;
}

std::string compile_on_host(const builder::GpuLaunch& launch, uint32_t sm) {
  static std::map<std::pair<std::string, uint32_t>, std::string> compiled;
  std::string& library = compiled[{launch.source, sm}];
  if (!library.empty()) return library;
  const std::string base = (scratch_folder() / std::to_string(compiled.size())).string();
  // The kernel's parameter is a struct by value: the wrapper takes its address.
  std::ofstream(base + ".cc") << launch.source
                              << "\nextern \"C\" __attribute__((visibility(\"default\"))) void "
                                 "stint_host_entry(const void* args) {\n  "
                              << launch.symbol << "(*static_cast<const Args*>(args));\n}\n";
  // Hidden: of several libraries, each has its own static variables of templates.
  const std::string command =
      std::string(STINT_HOST_COMPILER) +
      " -std=c++17 -O1"
      " -ffp-contract=off -fno-strict-aliasing -w -shared -fPIC -fvisibility=hidden -DSTINT_SM=" +
      std::to_string(sm) + " -I" + (scratch_folder() / "kernels").string() + " -o " + base +
      ".so " + base + ".cc -lm 2> " + base + ".log";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(base + ".log");
    throw std::runtime_error("the host's compiler refuses the source of " + launch.symbol + ":\n" +
                             std::string(std::istreambuf_iterator<char>(log), {}));
  }
  return library = base + ".so";
}

HostKernel::HostKernel(const builder::GpuLaunch& launch, const std::string& library)
    : launch_(launch), library_(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)) {
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
  *static_cast<HostThreads**>(dlsym(library_, "stint_host_threads")) = &threads;
  struct Call {
    void (*entry)(const void*);
    const void* arguments;
  } call = {reinterpret_cast<void (*)(const void*)>(entry_), arguments.data()};
  const unsigned cluster = cluster_of(launch_.source);
  HostBlocks blocks(
      &threads, cluster, launch_.dynamic_smem,
      [](void* c) { static_cast<Call*>(c)->entry(static_cast<Call*>(c)->arguments); }, &call);
  if (threads.grid_dim.x % cluster != 0)
    throw std::runtime_error("the grid is not a whole number of clusters");
  for (unsigned z = 0; z < threads.grid_dim.z; ++z)
    for (unsigned y = 0; y < threads.grid_dim.y; ++y)
      for (unsigned x = 0; x < threads.grid_dim.x; x += cluster) blocks.run({x, y, z});
}

}  // namespace stint::test
