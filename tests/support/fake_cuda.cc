#include "tests/support/fake_cuda.h"

#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace stint::test {

using namespace stint::cuda;

namespace {

FakeCuda* fake = nullptr;

constexpr Result kInjected = 999;  // CUDA_ERROR_UNKNOWN
constexpr Result kInvalidImage = 200;
constexpr Result kNotFound = 500;
constexpr Result kNoContext = 201;
constexpr size_t kPage = 4096;
constexpr uint64_t kRetained = 1;     // handle of the primary context
constexpr uint64_t kApplication = 2;  // and of the application's own

template <typename Handle>
Handle handle(uint64_t value) {
  return reinterpret_cast<Handle>(value);
}

struct FakeEvent {
  uint64_t time = 0;
};

size_t index_of(const FakeGraph& graph, GraphNode node) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (static_cast<void*>(graph.nodes[i].get()) == static_cast<void*>(node)) return i;
  }
  return graph.nodes.size();
}

FakeGraph* graph_of(void* handle) { return static_cast<FakeGraph*>(handle); }

/// Fills `order`; false if there is a cycle.
bool sort(FakeGraph* graph) {
  const size_t count = graph->nodes.size();
  std::vector<size_t> waits(count, 0);
  for (const FakeEdge& edge : graph->edges) ++waits[edge.to];
  std::vector<bool> done(count, false);
  graph->order.clear();
  for (size_t n = 0; n < count; ++n) {
    size_t next = count;
    for (size_t i = 0; i < count; ++i) {
      if (!done[i] && waits[i] == 0) next = i;  // the last one made that is free to run
    }
    if (next == count) return false;
    done[next] = true;
    graph->order.push_back(next);
    for (const FakeEdge& edge : graph->edges) waits[edge.to] -= edge.from == next;
  }
  return true;
}

}  // namespace

/// The entries of the table.
struct FakeEntries {
  static Result enter() {
    ++fake->calls_;
    return fake->until_failure_-- == 0 ? kInjected : kSuccess;
  }
  /// Of a call that needs a current context.
  static Result enter_context() {
    if (Result result = enter(); result != kSuccess) return result;
    if (!fake->stack_.empty()) return kSuccess;
    fake->blame("a call without a current context");
    return kNoContext;
  }

  static Result init(unsigned) { return enter(); }
  static Result driver_version(int* version) {
    *version = fake->driver_version;
    return enter();
  }
  static Result device_count(int* count) {
    *count = fake->devices;
    return enter();
  }
  static Result device_get(Device* device, int ordinal) {
    *device = ordinal;
    return enter();
  }
  static Result device_attribute(int* value, int attribute, Device) {
    switch (attribute) {
      case kMaxThreadsPerBlock:
      case kMaxBlockX:
      case kMaxBlockX + 1:
        *value = 1024;
        break;
      case kMaxBlockX + 2:
        *value = 64;
        break;
      case kMaxGridX:
        *value = fake->max_grid_x;
        break;
      case kMaxGridX + 1:
      case kMaxGridX + 2:
        *value = 65535;
        break;
      case kMaxSharedPerBlockOptIn:
        *value = fake->max_shared;
        break;
      case kMaxSharedPerBlock:
        *value = 49152;
        break;
      case kMultiprocessors:
        *value = 16;
        break;
      case kCapabilityMajor:
        *value = fake->sm / 10;
        break;
      case kCapabilityMinor:
        *value = fake->sm % 10;
        break;
      default:
        return kInvalidValue;
    }
    return enter();
  }
  static Result device_name(char* name, int length, Device) {
    std::strncpy(name, "fake", static_cast<size_t>(length));
    return enter();
  }
  static Result device_memory(size_t* bytes, Device) {
    *bytes = fake->memory_bytes;
    return enter();
  }
  static Result primary_retain(Context* context, Device) {
    if (Result result = enter(); result != kSuccess) return result;
    *context = handle<Context>(kRetained);
    ++fake->live_;
    return kSuccess;
  }
  static Result primary_release(Device) {
    --fake->live_;
    return enter();
  }
  static Result context_current(Context* context) {
    *context = fake->stack_.empty() ? nullptr : fake->stack_.back();
    return enter();
  }
  static Result context_device(Device* device) {
    *device = 0;
    return enter();
  }
  static Result context_push(Context context) {
    if (Result result = enter(); result != kSuccess) return result;
    if (context == nullptr) fake->blame("a null context was pushed");
    fake->stack_.push_back(context);
    ++fake->live_;
    return kSuccess;
  }
  static Result context_pop(Context* context) {
    *context = fake->stack_.back();
    fake->stack_.pop_back();
    --fake->live_;
    return kSuccess;  // a real driver's cannot fail after a push that did not
  }

  static Result allocate(DeviceAddress* address, size_t bytes) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (bytes > fake->memory_bytes) return kOutOfDeviceMemory;
    *address = reinterpret_cast<DeviceAddress>(fake->map_device(bytes));
    ++fake->live_;
    ++fake->allocations_;
    return kSuccess;
  }
  static Result release(DeviceAddress address) {
    const auto found = fake->memory_.find(address);
    if (found == fake->memory_.end() || found->second.pinned) {
      fake->blame("memory was freed that is not the device's");
      return kInvalidValue;
    }
    munmap(reinterpret_cast<void*>(address), (found->second.bytes + kPage - 1) / kPage * kPage);
    fake->memory_.erase(found);
    --fake->live_;
    return enter_context();
  }
  static Result allocate_host(void** data, size_t bytes, unsigned) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (posix_memalign(data, kPage, bytes) != 0) return kOutOfDeviceMemory;
    std::memset(*data, 0xAA, bytes);
    fake->memory_[reinterpret_cast<uint64_t>(*data)] = {bytes, true};
    ++fake->live_;
    ++fake->allocations_;
    return kSuccess;
  }
  static Result release_host(void* data) {
    if (fake->memory_.erase(reinterpret_cast<uint64_t>(data)) == 0)
      fake->blame("memory was freed that was not pinned");
    std::free(data);
    --fake->live_;
    return enter_context();
  }

  static void move(void* to, const void* from, size_t bytes) {
    fake->set_access(true);
    std::memmove(to, from, bytes);
    fake->set_access(false);
  }
  static bool is_device(DeviceAddress address, size_t bytes) {
    const auto* memory = fake->memory_of(address, bytes);
    return memory != nullptr && !memory->pinned;
  }
  static Result copy(DeviceAddress to, DeviceAddress from, size_t bytes) {
    if (Result result = enter_context(); result != kSuccess) return result;
    move(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
    return kSuccess;
  }
  static Result upload(DeviceAddress to, const void* from, size_t bytes, Stream stream) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (!is_device(to, bytes)) fake->blame("an upload leaves the device's memory");
    if (is_device(reinterpret_cast<DeviceAddress>(from), 1))
      fake->blame("an upload comes from the device");
    if (stream == nullptr) fake->blame("an upload on the default stream");
    ++fake->uploads_;
    fake->uploaded_bytes_ += bytes;
    move(reinterpret_cast<void*>(to), from, bytes);
    return kSuccess;
  }
  static Result download(void* to, DeviceAddress from, size_t bytes, Stream stream) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (!is_device(from, bytes)) fake->blame("a download leaves the device's memory");
    if (is_device(reinterpret_cast<DeviceAddress>(to), 1))
      fake->blame("a download goes to the device");
    if (stream == nullptr) fake->blame("a download on the default stream");
    ++fake->downloads_;
    move(to, reinterpret_cast<const void*>(from), bytes);
    return kSuccess;
  }
  static Result fill(DeviceAddress to, unsigned char value, size_t bytes, Stream) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (!is_device(to, bytes)) fake->blame("a fill leaves the device's memory");
    fake->set_access(true);
    std::memset(reinterpret_cast<void*>(to), value, bytes);
    fake->set_access(false);
    return kSuccess;
  }
  static Result pointer_attribute(void* value, int attribute, DeviceAddress address) {
    if (Result result = enter_context(); result != kSuccess) return result;
    const auto* memory = fake->memory_of(address, 1);
    if (attribute != kPointerMemoryType || memory == nullptr) return kInvalidValue;
    const uint32_t type = memory->pinned ? 1 : 2;
    std::memcpy(value, &type, sizeof type);
    return kSuccess;
  }

  static Result stream_create(Stream* stream, unsigned) {
    if (Result result = enter_context(); result != kSuccess) return result;
    *stream = handle<Stream>(0x5000);
    ++fake->live_;
    return kSuccess;
  }
  static Result stream_destroy(Stream) {
    --fake->live_;
    return enter_context();
  }
  static Result stream_synchronize(Stream) { return enter_context(); }
  static Result event_create(Event* event, unsigned) {
    if (Result result = enter_context(); result != kSuccess) return result;
    *event = reinterpret_cast<Event>(new FakeEvent());
    ++fake->live_;
    return kSuccess;
  }
  static Result event_destroy(Event event) {
    delete reinterpret_cast<FakeEvent*>(event);
    --fake->live_;
    return enter_context();
  }
  static Result event_elapsed(float* milliseconds, Event from, Event to) {
    *milliseconds = static_cast<float>(reinterpret_cast<FakeEvent*>(to)->time -
                                       reinterpret_cast<FakeEvent*>(from)->time);
    return enter_context();
  }

  static Result event_record(Event event, Stream stream) {
    if (event == nullptr) fake->blame("no event is recorded");
    if (stream == nullptr) fake->blame("an event on the default stream");
    return enter_context();
  }
  static Result event_query(Event) {
    const Result result = enter_context();
    return result == kSuccess && fake->is_busy ? kNotReady : result;
  }
  static Result event_synchronize(Event) {
    fake->is_busy = false;
    return enter_context();
  }

  static Result load(const void* code) {
    if (Result result = enter_context(); result != kSuccess) return result;
    if (std::strcmp(static_cast<const char*>(code) + sizeof(Elf64_Ehdr), "broken") == 0)
      return kInvalidImage;
    ++fake->live_;
    ++fake->modules_loaded_;
    return kSuccess;
  }
  static Result find(const char* symbol, void** kernel) {
    if (Result result = enter_context(); result != kSuccess) return result;
    const auto found = fake->kernels_.find(symbol);
    if (found == fake->kernels_.end()) return kNotFound;
    *kernel = &found->second;
    return kSuccess;
  }
  static Result module_load(Module* module, const void* code) {
    const Result result = load(code);
    if (result == kSuccess) *module = handle<Module>(0x4000);
    return result;
  }
  static Result module_unload(Module) {
    --fake->live_;
    return enter_context();
  }
  static Result module_function(Function* function, Module, const char* symbol) {
    return find(symbol, reinterpret_cast<void**>(function));
  }
  static Result library_load(Library* library, const void* code, int*, void**, unsigned, int*,
                             void**, unsigned) {
    const Result result = load(code);
    if (result == kSuccess) *library = handle<Library>(0x4000);
    return result;
  }
  static Result library_unload(Library) {
    --fake->live_;
    return enter_context();
  }
  static Result library_kernel(Kernel* kernel, Library, const char* symbol) {
    return find(symbol, reinterpret_cast<void**>(kernel));
  }
  static Result kernel_function(Function* function, Kernel kernel) {
    *function = reinterpret_cast<Function>(kernel);
    return enter_context();
  }

  static FakeCuda::KernelInfo& info(Function function) {
    return *reinterpret_cast<FakeCuda::KernelInfo*>(function);
  }
  static Result function_attribute(int* value, int attribute, Function function) {
    *value = attribute == kFunctionMaxThreads         ? fake->kernel_max_threads
             : attribute == kFunctionStaticShared     ? fake->kernel_static_shared
             : attribute == kFunctionMaxDynamicShared ? info(function).allowed_shared
                                                      : 0;
    return enter_context();
  }
  static Result function_set_attribute(Function function, int attribute, int value) {
    if (attribute == kFunctionMaxDynamicShared) info(function).allowed_shared = value;
    return enter_context();
  }
  static Result function_param_info(Function function, size_t index, size_t* offset, size_t* size) {
    if (index > 0) return kInvalidValue;
    *offset = 0;
    *size =
        fake->kernel_param_bytes != 0 ? fake->kernel_param_bytes : info(function).pointer_count * 8;
    return enter_context();
  }

  static Result graph_create(Graph* graph, unsigned) {
    if (Result result = enter_context(); result != kSuccess) return result;
    *graph = reinterpret_cast<Graph>(new FakeGraph());
    ++fake->live_;
    return kSuccess;
  }
  static Result graph_destroy(Graph graph) {
    delete graph_of(graph);
    --fake->live_;
    return enter_context();
  }
  static FakeNode read_node(const KernelNodeParams& params) {
    const FakeCuda::KernelInfo& kernel = info(params.function);
    FakeNode node;
    node.kind = FakeNode::Kind::kKernel;
    node.symbol = kernel.symbol;
    node.pointers.resize(kernel.pointer_count);
    std::memcpy(node.pointers.data(), params.params[0], kernel.pointer_count * 8);
    for (size_t axis = 0; axis < 3; ++axis) {
      node.grid[axis] = params.grid[axis];
      node.block[axis] = params.block[axis];
    }
    node.dynamic_shared = params.dynamic_shared;
    if (static_cast<int>(node.dynamic_shared) > kernel.allowed_shared)
      fake->blame("a kernel needs more shared memory than was allowed for it");
    for (const uint64_t pointer : node.pointers) {
      // The place of a tensor without elements may lie behind the memory, or nowhere.
      if (pointer != 0 && !is_device(pointer, 0))
        fake->blame("a pointer of " + node.symbol + " leaves the device");
    }
    return node;
  }
  static Result add(GraphNode* result, Graph handle, const GraphNode* after, size_t count,
                    FakeNode node) {
    FakeGraph& graph = *graph_of(handle);
    graph.nodes.push_back(std::make_unique<FakeNode>(std::move(node)));
    *result = reinterpret_cast<GraphNode>(graph.nodes.back().get());
    for (size_t i = 0; i < count; ++i)
      graph.edges.push_back({index_of(graph, after[i]), graph.nodes.size() - 1, false});
    return kSuccess;
  }
  static Result graph_add_kernel(GraphNode* node, Graph graph, const GraphNode* after, size_t count,
                                 const KernelNodeParams* params) {
    if (Result result = enter_context(); result != kSuccess) return result;
    return add(node, graph, after, count, read_node(*params));
  }
  static Result graph_add_empty(GraphNode* node, Graph graph, const GraphNode* after,
                                size_t count) {
    if (Result result = enter_context(); result != kSuccess) return result;
    return add(node, graph, after, count, {});
  }
  static Result graph_add_event(GraphNode* node, Graph graph, const GraphNode* after, size_t count,
                                Event event) {
    if (Result result = enter_context(); result != kSuccess) return result;
    FakeNode made;
    made.kind = FakeNode::Kind::kEvent;
    made.event = event;
    return add(node, graph, after, count, std::move(made));
  }
  static Result add_edge(Graph handle, GraphNode from, GraphNode to, bool programmatic) {
    if (Result result = enter_context(); result != kSuccess) return result;
    FakeGraph& graph = *graph_of(handle);
    const FakeEdge edge = {index_of(graph, from), index_of(graph, to), programmatic};
    if (edge.from == graph.nodes.size() || edge.to == graph.nodes.size()) return kInvalidValue;
    graph.edges.push_back(edge);
    return kSuccess;
  }
  static Result graph_add_edges(Graph graph, const GraphNode* from, const GraphNode* to, size_t) {
    return add_edge(graph, *from, *to, false);
  }
  static Result graph_add_typed_edges(Graph graph, const GraphNode* from, const GraphNode* to,
                                      const EdgeData* data, size_t) {
    const bool programmatic = data->from_port == 1 && data->to_port == 0 && data->type == 1;
    if (!programmatic) fake->blame("a typed edge that is not a programmatic one");
    return add_edge(graph, *from, *to, programmatic);
  }
  static Result graph_instantiate(GraphExec* exec, Graph handle, uint64_t) {
    if (Result result = enter_context(); result != kSuccess) return result;
    const FakeGraph& graph = *graph_of(handle);
    // The instance keeps the nodes, so that the handles of the graph's nodes name it as they do in
    // CUDA.
    auto instance = std::make_unique<FakeGraph>();
    for (const auto& node : graph.nodes)
      instance->nodes.push_back(std::make_unique<FakeNode>(*node));
    instance->edges = graph.edges;
    if (!sort(instance.get())) return kInvalidValue;
    fake->last_ = instance.get();
    source = &graph;
    *exec = reinterpret_cast<GraphExec>(instance.get());
    fake->graphs_.push_back(std::move(instance));
    ++fake->live_;
    return kSuccess;
  }
  static Result graph_exec_destroy(GraphExec) {
    --fake->live_;
    return enter_context();
  }
  static Result graph_upload(GraphExec, Stream) { return enter_context(); }
  static Result graph_launch(GraphExec exec, Stream) {
    if (Result result = enter_context(); result != kSuccess) return result;
    ++fake->launches_;
    const FakeGraph& graph = *graph_of(exec);
    fake->set_access(true);
    for (const size_t i : graph.order) {
      const FakeNode& node = *graph.nodes[i];
      ++fake->clock_;
      if (node.kind == FakeNode::Kind::kEvent)
        reinterpret_cast<FakeEvent*>(node.event)->time = fake->clock_;
      if (node.kind == FakeNode::Kind::kKernel)
        fake->kernels_.find(node.symbol)->second.body(node.pointers.data());
    }
    fake->set_access(false);
    return kSuccess;
  }
  static Result graph_set_kernel(GraphExec exec, GraphNode node, const KernelNodeParams* params) {
    if (Result result = enter_context(); result != kSuccess) return result;
    const size_t index = index_of(*source, node);
    if (index == source->nodes.size()) return kInvalidValue;
    *graph_of(exec)->nodes[index] = read_node(*params);
    ++fake->patches_;
    return kSuccess;
  }

  static inline const FakeGraph* source = nullptr;  // of the last instance
};

FakeCuda::FakeCuda() {
  if (fake != nullptr) std::abort();
  fake = this;
#define STINT_FAKE_ENTRY(field, symbol, ...) table.field = FakeEntries::field;
  STINT_CUDA_REQUIRED(STINT_FAKE_ENTRY)
  STINT_CUDA_OPTIONAL(STINT_FAKE_ENTRY)
#undef STINT_FAKE_ENTRY
  set_driver_for_test(&table);
}

FakeCuda::~FakeCuda() {
  set_driver_for_test(nullptr);
  unmap_all();
  fake = nullptr;
}

void FakeCuda::add_kernel(const std::string& symbol, size_t pointer_count, KernelBody body) {
  kernels_[symbol] = {symbol, pointer_count, 49152, std::move(body)};
}

void FakeCuda::make_application_context() { stack_.push_back(handle<Context>(kApplication)); }

void* FakeCuda::device_block(size_t bytes) { return map_device(bytes); }

void FakeCuda::read_device(void* to, const void* from, size_t bytes) {
  FakeEntries::move(to, from, bytes);
}
void FakeCuda::write_device(void* to, const void* from, size_t bytes) {
  FakeEntries::move(to, from, bytes);
}

const FakeCuda::Memory* FakeCuda::memory_of(uint64_t address, size_t bytes) const {
  auto next = memory_.upper_bound(address);
  if (next == memory_.begin()) return nullptr;
  const auto& [begin, memory] = *--next;
  return address + bytes <= begin + memory.bytes ? &memory : nullptr;
}

void* FakeCuda::map_device(size_t bytes) {
  const size_t pages = (bytes + kPage - 1) / kPage * kPage;
  void* data = mmap(nullptr, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) std::abort();
  std::memset(data, 0xAA, pages);
  mprotect(data, pages, PROT_NONE);
  memory_[reinterpret_cast<uint64_t>(data)] = {bytes, false};
  return data;
}

void FakeCuda::unmap_all() {
  for (const auto& [address, memory] : memory_) {
    if (memory.pinned) {
      std::free(reinterpret_cast<void*>(address));
    } else {
      munmap(reinterpret_cast<void*>(address), (memory.bytes + kPage - 1) / kPage * kPage);
    }
  }
  memory_.clear();
}

void FakeCuda::set_access(bool allowed) {
  for (const auto& [address, memory] : memory_) {
    if (memory.pinned) continue;
    mprotect(reinterpret_cast<void*>(address), (memory.bytes + kPage - 1) / kPage * kPage,
             allowed ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
}

void FakeCuda::blame(const std::string& what) {
  if (misuse_.empty()) misuse_ = what;
}

}  // namespace stint::test
