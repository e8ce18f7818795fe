// What the runtime calls on a session of a CUDA target: one function per place where the CPU and
// CUDA part ways. Without STINT_CUDA_RUNTIME they are those of unavailable.cc.
#pragma once

#include "core/exec/session.h"

namespace stint::cuda {

Status compute_requirements(const stint_plan& plan, const Selection& selection,
                            const SessionOptions& options, stint_requirements* out);
/// The blocks were checked against the requirements.
Status create(const stint_plan& plan, const Selection& selection, const SessionOptions& options,
              const stint_memory& memory, stint_session** session);
void destroy(stint_session* session);

/// Makes kernels use `data`, or the binding's place on the device if `data` is host memory, which
/// runs then copy. On failure everything is as it was.
Status bind_buffer(stint_session* session, uint32_t binding, std::byte* data);
/// Before the frame is kept.
Status bind_image(stint_session* session, uint32_t binding, uint32_t slot, const ImageView& image);
/// Whether host code must not read the binding's buffer.
bool is_on_device(const stint_session& session, uint32_t binding);

/// Bindings and frames were checked.
Status run(stint_session* session);
Status enqueue(stint_session* session, void* stream);
Status synchronize(stint_session* session);

}  // namespace stint::cuda
