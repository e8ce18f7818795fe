#include "tests/gpu/support/device.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace stint::test {
namespace {

constexpr std::align_val_t kHostAlignment{256};  // as cuMemAlloc's
void* host_bytes(CuAddress address) { return reinterpret_cast<void*>(address); }

// The first failure of these only means that there is no GPU to use.
bool open_device(Device& d) {
  d.driver = cuda_driver();
  CuDevice ordinal = 0;
  CuContext context = nullptr;
  if (d.driver == nullptr || d.driver->init(0) != 0 || d.driver->device_get(&ordinal, 0) != 0 ||
      d.driver->primary_context_retain(&context, ordinal) != 0 ||
      d.driver->context_set_current(context) != 0)
    return false;
  char name[128] = "";
  int major = 0, minor = 0;
  check_cuda(d.driver->device_get_name(name, sizeof name, ordinal), "cuDeviceGetName");
  check_cuda(d.driver->device_get_attribute(&major, kCuAttributeComputeMajor, ordinal),
             "cuDeviceGetAttribute");
  check_cuda(d.driver->device_get_attribute(&minor, kCuAttributeComputeMinor, ordinal),
             "cuDeviceGetAttribute");
  check_cuda(d.driver->driver_get_version(&d.driver_version), "cuDriverGetVersion");
  check_cuda(d.driver->stream_create(&d.stream, 1), "cuStreamCreate");
  d.name = name;
  d.sm = static_cast<uint32_t>(major * 10 + minor);
  return true;
}

const Device* find_device() {
  static Device found;
  static const bool usable = open_device(found);
  return usable ? &found : nullptr;
}

}  // namespace

bool no_device() {
  if (find_device() != nullptr) return false;
  static bool said = false;
  if (!said) std::puts("skipped: no CUDA device");
  said = true;
  return true;
}

bool on_host() { return find_device() == nullptr && can_run_device_code_on_host(); }

const Device& device() {
  const Device* found = find_device();
  if (found == nullptr) throw std::runtime_error("there is no CUDA device");
  return *found;
}

builder::Target test_target() {
  if (on_host()) return builder::find_target("sm_90");
  const builder::Target own = builder::find_target("sm_" + std::to_string(device().sm));
  const char* like = std::getenv("STINT_GPU_AS");
  return like == nullptr ? own : builder::dressed_as(own, builder::find_target(like));
}

std::vector<builder::Cubin> compile_launches(const std::vector<builder::GpuLaunch>& launches,
                                             const builder::Target& target) {
  std::vector<builder::Cubin> result;
  if (on_host()) {
    for (const builder::GpuLaunch& launch : launches) {
      const std::string path = compile_on_host(launch, target.gpu.source_sm);
      const auto* bytes = reinterpret_cast<const std::byte*>(path.data());
      result.push_back(std::make_shared<std::vector<std::byte>>(bytes, bytes + path.size()));
    }
    return result;
  }
  std::vector<std::string> sources;
  for (const builder::GpuLaunch& launch : launches) sources.push_back(launch.source);
  return builder::compile_cuda(sources, target, {}).cubins;
}

void check_cuda(CuResult code, const char* what) {
  if (code == 0) return;
  const char* name = nullptr;
  cuda_driver()->get_error_name(code, &name);
  throw std::runtime_error(std::string(what) + ": " + (name == nullptr ? "unknown error" : name) +
                           " (" + std::to_string(code) + ")");
}

DeviceMemory::DeviceMemory(size_t bytes) : size_(bytes) {
  if (bytes > 0 && on_host())
    address_ = reinterpret_cast<CuAddress>(::operator new(bytes, kHostAlignment));
  else if (bytes > 0)
    check_cuda(device().driver->mem_alloc(&address_, bytes), "cuMemAlloc");
}

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  return *this;
}

DeviceMemory::~DeviceMemory() {
  if (address_ != 0 && on_host())
    ::operator delete(host_bytes(address_), kHostAlignment);
  else if (address_ != 0)
    device().driver->mem_free(address_);
}

void DeviceMemory::upload(const void* from, size_t bytes, size_t at) {
  if (at > size_ || bytes > size_ - at)
    throw std::runtime_error("upload past the end of a device block");
  if (bytes > 0 && on_host())
    std::memcpy(host_bytes(address_ + at), from, bytes);
  else if (bytes > 0)
    check_cuda(device().driver->memcpy_to_device(address_ + at, from, bytes), "cuMemcpyHtoD");
}

void DeviceMemory::fill(unsigned char value) {
  if (size_ == 0) return;
  if (on_host()) {
    std::memset(host_bytes(address_), value, size_);
    return;
  }
  check_cuda(device().driver->memset_d8(address_, value, size_), "cuMemsetD8");
  synchronize();
}

std::vector<std::byte> DeviceMemory::download() const {
  std::vector<std::byte> bytes(size_);
  if (size_ > 0 && on_host())
    std::memcpy(bytes.data(), host_bytes(address_), size_);
  else if (size_ > 0)
    check_cuda(device().driver->memcpy_to_host(bytes.data(), address_, size_), "cuMemcpyDtoH");
  return bytes;
}

Kernel::Kernel(const std::vector<std::byte>& cubin, const builder::GpuLaunch& launch)
    : launch_(launch) {
  if (on_host()) {
    on_host_ = std::make_unique<HostKernel>(
        launch, std::string(reinterpret_cast<const char*>(cubin.data()), cubin.size()));
    return;
  }
  const CudaDriver& d = *device().driver;
  check_cuda(d.module_load_data(&module_, cubin.data()), "cuModuleLoadData");
  check_cuda(d.module_get_function(&function_, module_, launch.symbol.c_str()),
             launch.symbol.c_str());
  if (launch.dynamic_smem > 48 * 1024)  // more than every kernel may have
    check_cuda(d.function_set_attribute(function_, kCuFunctionMaxDynamicShared,
                                        static_cast<int>(launch.dynamic_smem)),
               "dynamic shared memory");
}

Kernel::~Kernel() {
  if (module_ != nullptr) device().driver->module_unload(module_);
}

void Kernel::launch(const std::vector<uint64_t>& parameters, bool programmatic) const {
  if (on_host_ != nullptr) {
    std::vector<void*> pointers;
    for (const uint64_t p : parameters) pointers.push_back(host_bytes(p));
    return on_host_->run(pointers);
  }
  CuLaunchAttribute attribute = {};
  attribute.id = kCuLaunchProgrammaticSerialization;
  attribute.flag = 1;
  CuLaunchConfig config = {{launch_.grid[0], launch_.grid[1], launch_.grid[2]},
                           {launch_.block[0], launch_.block[1], launch_.block[2]},
                           launch_.dynamic_smem,
                           device().stream,
                           programmatic ? &attribute : nullptr,
                           programmatic ? 1u : 0u};
  void* block = const_cast<uint64_t*>(parameters.data());
  check_cuda(device().driver->launch_kernel(&config, function_, &block, nullptr),
             launch_.symbol.c_str());
}

void CapturedGraph::begin() {
  check_cuda(device().driver->stream_begin_capture(device().stream, kCuCaptureThreadLocal),
             "cuStreamBeginCapture");
}

void CapturedGraph::end() {
  const CudaDriver& d = *device().driver;
  check_cuda(d.stream_end_capture(device().stream, &graph_), "cuStreamEndCapture");
  check_cuda(d.graph_instantiate(&exec_, graph_, 0), "cuGraphInstantiate");
}

CapturedGraph::~CapturedGraph() {
  if (exec_ != nullptr) device().driver->graph_exec_destroy(exec_);
  if (graph_ != nullptr) device().driver->graph_destroy(graph_);
}

double CapturedGraph::microseconds(int launches) const {
  const Device& gpu = device();
  CuEvent start = nullptr, end = nullptr;
  check_cuda(gpu.driver->event_create(&start, 0), "cuEventCreate");
  check_cuda(gpu.driver->event_create(&end, 0), "cuEventCreate");
  check_cuda(gpu.driver->event_record(start, gpu.stream), "cuEventRecord");
  for (int i = 0; i < launches; ++i)
    check_cuda(gpu.driver->graph_launch(exec_, gpu.stream), "cuGraphLaunch");
  check_cuda(gpu.driver->event_record(end, gpu.stream), "cuEventRecord");
  check_cuda(gpu.driver->event_synchronize(end), "cuEventSynchronize");
  float milliseconds = 0;
  check_cuda(gpu.driver->event_elapsed_time(&milliseconds, start, end), "cuEventElapsedTime");
  gpu.driver->event_destroy(start);
  gpu.driver->event_destroy(end);
  return milliseconds * 1e3 / launches;
}

void synchronize() {
  if (on_host()) return;
  check_cuda(device().driver->stream_synchronize(device().stream), "cuStreamSynchronize");
}

}  // namespace stint::test
