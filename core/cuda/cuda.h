// What the runtime calls on an engine or session of a CUDA target: one function per place where the
// CPU and CUDA part ways. Without STINT_CUDA_RUNTIME they are those of unavailable.cc.
#pragma once

#include "core/exec/session.h"

namespace stint::cuda {

/// Takes an engine's part of the host block and says what it needs on the device.
Status count_engine(const stint_plan& plan, const fb::TargetVariant& variant, Carver* host,
                    stint_requirement* device);
/// `engine` knows its plan, variant and blocks, which were checked; `host` is where its own struct
/// ends.
Status create_engine(stint_engine* engine, const EngineOptions& options, Carver* host);
void destroy_engine(stint_engine* engine);

Status compute_requirements(const fb::Program& program, const SessionOptions& options,
                            stint_requirements* need);
/// The blocks were checked against the requirements, the program is one of the engine's.
Status create(const stint_engine& engine, const fb::Program& program, const SessionOptions& options,
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
Status poll(stint_session* session, bool* done);
void* completion_event(const stint_session& session);

}  // namespace stint::cuda
