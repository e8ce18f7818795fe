// What a library built without STINT_CUDA_RUNTIME says to CUDA targets.
#include "core/cuda/cuda.h"

namespace stint::cuda {
namespace {

constexpr Status kNotBuilt = {
    Code::kCudaUnavailable, kNoDetail,
    "this library was built without CUDA (STINT_CUDA_RUNTIME=OFF); choose the plan's cpu target"};

}  // namespace

// Only the first two can be reached: without requirements there is no engine and no session.
Status count_engine(const stint_plan&, const fb::TargetVariant&, Carver*, stint_requirement*) {
  return kNotBuilt;
}
Status compute_requirements(const fb::Program&, const SessionOptions&, stint_requirements*) {
  return kNotBuilt;
}
Status create_engine(stint_engine*, const EngineOptions&, Carver*) { return kNotBuilt; }
void destroy_engine(stint_engine*) {}
Status create(const stint_engine&, const fb::Program&, const SessionOptions&, const stint_memory&,
              stint_session**) {
  return kNotBuilt;
}
void destroy(stint_session*) {}
Status bind_buffer(stint_session*, uint32_t, std::byte*) { return kNotBuilt; }
Status bind_image(stint_session*, uint32_t, uint32_t, const ImageView&) { return kNotBuilt; }
bool is_on_device(const stint_session&, uint32_t) { return false; }
Status run(stint_session*) { return kNotBuilt; }
Status enqueue(stint_session*, void*) { return kNotBuilt; }
Status synchronize(stint_session*) { return kNotBuilt; }
Status poll(stint_session*, bool*) { return kNotBuilt; }
void* completion_event(const stint_session&) { return nullptr; }

}  // namespace stint::cuda

extern "C" {

stint_status stint_cuda_device(uint32_t, stint_cuda_device_info*) {
  return stint::to_c(stint::cuda::kNotBuilt);
}
stint_status stint_cuda_allocate(uint32_t, stint_cuda_memory_kind, uint64_t, stint_cuda_memory*) {
  return stint::to_c(stint::cuda::kNotBuilt);
}
void stint_cuda_free(stint_cuda_memory*) {}
stint_status stint_cuda_copy(const stint_cuda_memory*, void*, const void*, uint64_t) {
  return stint::to_c(stint::cuda::kNotBuilt);
}

}  // extern "C"
