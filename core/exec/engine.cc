// Building an engine in the caller's blocks, its sessions' number, its end.
#include "core/exec/engine.h"

#include <unistd.h>

#include <new>

#include "core/api/sized_struct.h"
#include "core/cuda/cuda.h"
#include "core/exec/options.h"
#include "core/memory/carver.h"

namespace stint {

static_assert(std::atomic<uint32_t>::is_always_lock_free);

Status check_engine(const stint_engine* engine) {
  if (engine == nullptr) return {Code::kInvalidArgument, kNoDetail, "engine is NULL"};
  if (engine->gpu != nullptr && engine->process != getpid()) {
    return {Code::kInvalidArgument, kNoDetail,
            "an engine on a CUDA device cannot be used in a child of fork(); create one there"};
  }
  return ok_status();
}

Status hold_engine(stint_engine* engine) {
  uint32_t sessions = engine->sessions.load();
  do {
    if (sessions == kEngineClosed) {
      return {Code::kInvalidArgument, kNoDetail, "the engine was destroyed; create another one"};
    }
  } while (!engine->sessions.compare_exchange_weak(sessions, sessions + 1));
  return ok_status();
}

void release_engine(stint_engine* engine) { engine->sessions.fetch_sub(1); }

namespace {

Status compute_requirements(const stint_plan& plan, const fb::TargetVariant& variant,
                            stint_requirements* need) {
  *need = no_requirements();
  Carver host;
  host.take_array<stint_engine>(1);
  if (variant.kind() == fb::TargetKind::Cuda) {
    STINT_RETURN_IF_ERROR(
        cuda::count_engine(plan, variant, &host, &need->space[STINT_SPACE_DEVICE]));
  }
  need->space[STINT_SPACE_HOST] = {host.used(), host.alignment()};
  return ok_status();
}

Status requirements(const stint_plan* plan, const char* target, const stint_options* options,
                    stint_requirements* need) {
  if (need == nullptr) return {Code::kInvalidArgument, kNoDetail, "need is NULL"};
  STINT_RETURN_IF_ERROR(check_struct(*need));
  const fb::TargetVariant* variant = nullptr;
  EngineOptions read;
  STINT_RETURN_IF_ERROR(select_variant(plan, target, &variant));
  STINT_RETURN_IF_ERROR(read_options(options, &read));
  stint_requirements all;
  STINT_RETURN_IF_ERROR(compute_requirements(*plan, *variant, &all));
  write_struct(all, need);
  return ok_status();
}

Status create(const stint_plan* plan, const char* target, const stint_options* options,
              const stint_memory* given, stint_engine** engine) {
  if (engine == nullptr || given == nullptr)
    return {Code::kInvalidArgument, kNoDetail, "memory or engine is NULL"};
  *engine = nullptr;
  const fb::TargetVariant* variant = nullptr;
  EngineOptions read;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_requirements need;
  STINT_RETURN_IF_ERROR(select_variant(plan, target, &variant));
  STINT_RETURN_IF_ERROR(read_options(options, &read));
  STINT_RETURN_IF_ERROR(read_struct(*given, &memory));
  STINT_RETURN_IF_ERROR(compute_requirements(*plan, *variant, &need));
  STINT_RETURN_IF_ERROR(check_blocks(memory, need));
  const UsedBlocks blocks = used_blocks(memory, need);
  STINT_RETURN_IF_ERROR(check_apart(blocks, *plan));

  const stint_block& block = blocks.space[STINT_SPACE_HOST];
  Carver host(block.data, block.bytes);
  auto* created = new (host.take_array<stint_engine>(1)) stint_engine();
  created->process = getpid();
  created->plan = *plan;
  created->variant = variant;
  created->blocks = blocks;
  if (variant->kind() == fb::TargetKind::Cuda) {
    if (Status status = cuda::create_engine(created, read, &host); !status.ok()) {
      created->sessions.store(kEngineClosed);
      return status;
    }
  }
  *engine = created;
  return ok_status();
}

Status destroy(stint_engine* engine) {
  if (engine == nullptr) return ok_status();
  if (engine->process != getpid()) return ok_status();  // the driver's objects are the parent's
  uint32_t sessions = 0;
  if (!engine->sessions.compare_exchange_strong(sessions, kEngineClosed)) {
    if (sessions == kEngineClosed) return ok_status();
    return {Code::kInvalidArgument, kNoDetail,
            "the engine still has sessions; destroy them before it", sessions, 0};
  }
  if (engine->gpu != nullptr) cuda::destroy_engine(engine);
  return ok_status();
}

}  // namespace
}  // namespace stint

extern "C" {

stint_status stint_engine_requirements(const stint_plan* plan, const char* target,
                                       const stint_options* options, stint_requirements* need) {
  return stint::to_c(stint::requirements(plan, target, options, need));
}

stint_status stint_engine_create(const stint_plan* plan, const char* target,
                                 const stint_options* options, const stint_memory* memory,
                                 stint_engine** engine) {
  return stint::to_c(stint::create(plan, target, options, memory, engine));
}

stint_status stint_engine_destroy(stint_engine* engine) {
  return stint::to_c(stint::destroy(engine));
}

}  // extern "C"
