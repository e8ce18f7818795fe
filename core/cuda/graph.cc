// A program as one CUDA graph: a kernel node per step, the plan's edges between them.
#include <cstring>

#include "core/cuda/cuda_session.h"
#include "core/plan/step_operands.h"

namespace stint::cuda {
namespace {

constexpr const char* kNoGraph = "the CUDA graph of the program cannot be built";

/// The kernel takes one parameter, the whole block.
KernelNodeParams node_params(const stint_session& session, uint32_t step, void** block) {
  const KernelState& kernel = session.gpu->kernels[step];
  const fb::Launch& launch = *session.program->steps()->Get(step)->launch();
  *block = kernel.params;
  KernelNodeParams params;
  params.function = kernel.function;
  params.grid[0] = launch.grid_x();
  params.grid[1] = launch.grid_y();
  params.grid[2] = launch.grid_z();
  params.block[0] = launch.block_x();
  params.block[1] = launch.block_y();
  params.block[2] = launch.block_z();
  params.dynamic_shared = launch.dynamic_smem();
  params.params = block;
  return params;
}

/// A step that writes nothing is an empty node, so that its edges still order its neighbours.
Status add_step(stint_session* session, uint32_t step, const GraphNode* after) {
  CudaSession& gpu = *session->gpu;
  KernelState& kernel = gpu.kernels[step];
  const size_t count = after == nullptr ? 0 : 1;
  if (kernel.function == nullptr)
    return check(gpu.driver->graph_add_empty(&kernel.node, gpu.graph, after, count), kNoGraph,
                 at_step(step));
  void* block = nullptr;
  const KernelNodeParams params = node_params(*session, step, &block);
  return check(gpu.driver->graph_add_kernel(&kernel.node, gpu.graph, after, count, &params),
               kNoGraph, at_step(step));
}

Status add_edges(stint_session* session, const DeviceLimits& limits) {
  const CudaSession& gpu = *session->gpu;
  const Driver& driver = *gpu.driver;
  const auto* edges = session->program->edges();
  const bool programmatic = limits.sm >= 90 && driver.graph_add_typed_edges != nullptr &&
                            limits.driver_version >= kProgrammaticEdgesSince;
  for (uint32_t i = 0; edges != nullptr && i < edges->size(); ++i) {
    const fb::Edge& edge = *edges->Get(i);
    const KernelState& from = gpu.kernels[edge.from()];
    const KernelState& to = gpu.kernels[edge.to()];
    const bool early = programmatic && edge.kind() == fb::EdgeKind::Programmatic &&
                       from.function != nullptr && to.function != nullptr;
    STINT_RETURN_IF_ERROR(check(
        early ? driver.graph_add_typed_edges(gpu.graph, &from.node, &to.node, &kProgrammaticEdge, 1)
              : driver.graph_add_edges(gpu.graph, &from.node, &to.node, 1),
        "an edge of the CUDA graph cannot be added", at_step(edge.to())));
  }
  return ok_status();
}

/// One step after the other, a time stamp before the first and after each.
Status add_timed_steps(stint_session* session) {
  CudaSession& gpu = *session->gpu;
  GraphNode stamp = nullptr;
  STINT_RETURN_IF_ERROR(
      check(gpu.driver->graph_add_event(&stamp, gpu.graph, nullptr, 0, gpu.events[0]), kNoGraph));
  for (uint32_t i = 0; i < session->step_count; ++i) {
    STINT_RETURN_IF_ERROR(add_step(session, i, &stamp));
    STINT_RETURN_IF_ERROR(check(
        gpu.driver->graph_add_event(&stamp, gpu.graph, &gpu.kernels[i].node, 1, gpu.events[i + 1]),
        kNoGraph, at_step(i)));
  }
  return ok_status();
}

}  // namespace

Status build_graph(stint_session* session, const DeviceLimits& limits) {
  CudaSession& gpu = *session->gpu;
  STINT_RETURN_IF_ERROR(check(gpu.driver->graph_create(&gpu.graph, 0), kNoGraph));
  if (session->times != nullptr) {
    STINT_RETURN_IF_ERROR(add_timed_steps(session));
  } else {
    for (uint32_t i = 0; i < session->step_count; ++i)
      STINT_RETURN_IF_ERROR(add_step(session, i, nullptr));
    STINT_RETURN_IF_ERROR(add_edges(session, limits));
  }
  STINT_RETURN_IF_ERROR(check(gpu.driver->graph_instantiate(&gpu.exec, gpu.graph, 0),
                              "the CUDA graph of the program cannot be instantiated"));
  return check(gpu.driver->graph_upload(gpu.exec, gpu.stream),
               "the CUDA graph of the program cannot be uploaded");
}

Status patch_pointers(stint_session* session, uint32_t binding) {
  CudaSession& gpu = *session->gpu;
  const DeviceAddress base = gpu.bindings[binding].address;
  for (uint32_t i = 0; i < gpu.pointer_count; ++i) {
    const BindingPointer& pointer = gpu.pointers[i];
    if (pointer.binding != binding) continue;
    const DeviceAddress address = base + pointer.offset;
    std::memcpy(gpu.kernels[pointer.step].params + pointer.param_byte, &address, sizeof address);
    // Pointers are in order of their steps: a step's block goes to the graph when it is complete.
    if (i + 1 < gpu.pointer_count && gpu.pointers[i + 1].step == pointer.step &&
        gpu.pointers[i + 1].binding == binding) {
      continue;
    }
    void* block = nullptr;
    const KernelNodeParams params = node_params(*session, pointer.step, &block);
    STINT_RETURN_IF_ERROR(
        check(gpu.driver->graph_set_kernel(gpu.exec, gpu.kernels[pointer.step].node, &params),
              "the CUDA graph does not take the new address", at_step(pointer.step)));
  }
  return ok_status();
}

void destroy_graph(CudaSession* gpu) {
  if (gpu->exec != nullptr) (void)gpu->driver->graph_exec_destroy(gpu->exec);
  if (gpu->graph != nullptr) (void)gpu->driver->graph_destroy(gpu->graph);
  gpu->exec = nullptr;
  gpu->graph = nullptr;
}

Status read_events(stint_session* session) {
  const CudaSession& gpu = *session->gpu;
  for (uint32_t i = 0; i < session->step_count; ++i) {
    if (gpu.kernels[i].function == nullptr) continue;
    float milliseconds = 0;
    STINT_RETURN_IF_ERROR(
        check(gpu.driver->event_elapsed(&milliseconds, gpu.events[i], gpu.events[i + 1]),
              "the time of a step cannot be read", at_step(i)));
    session->times[i].add(static_cast<uint64_t>(milliseconds * 1e6f));
  }
  return ok_status();
}

}  // namespace stint::cuda
