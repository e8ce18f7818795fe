// Building an engine on a CUDA device in the caller's blocks: device and context, machine code,
// weights. Whatever fails, everything before it is undone.
#include <new>

#include "core/cuda/cuda.h"
#include "core/cuda/cuda_engine.h"
#include "core/cuda/kernel_check.h"
#include "core/memory/carver.h"
#include "core/plan/step_operands.h"

namespace stint::cuda {
namespace {

struct EngineLayout {
  CudaEngine* engine = nullptr;
  LoadedModule* modules = nullptr;
  Function* functions = nullptr;
};

uint64_t count_steps(const fb::TargetVariant& variant) {
  uint64_t steps = 0;
  for (const fb::Program* program : *variant.programs()) steps += program->steps()->size();
  return steps;
}

EngineLayout lay_out_host(const stint_plan& plan, const fb::TargetVariant& variant,
                          Carver* carver) {
  EngineLayout layout;
  layout.engine = carver->take_array<CudaEngine>(1);
  layout.modules = carver->take_array<LoadedModule>(plan.segment_count);
  layout.functions = carver->take_array<Function>(count_steps(variant));
  return layout;
}

void lay_out_weights(const WeightRanges& weights, Carver* carver, DeviceAddress* addresses) {
  for (uint32_t i = 0; i < weights.count; ++i) {
    const WeightRange& range = weights.items[i];
    addresses[i] =
        reinterpret_cast<uintptr_t>(carver->take(range.end - range.begin, kDeviceAlignment));
  }
}

class EngineBuilder {
 public:
  EngineBuilder(stint_engine* engine, const EngineOptions& options)
      : engine_(*engine), gpu_(*engine->gpu), options_(options) {}

  Status build() {
    STINT_RETURN_IF_ERROR(open_device());
    const ContextScope scope(gpu_.context);
    STINT_RETURN_IF_ERROR(scope.status());
    STINT_RETURN_IF_ERROR(load_kernels());
    return upload_weights();
  }

 private:
  Status open_device() {
    STINT_RETURN_IF_ERROR(get_driver(&gpu_.driver));
    Device device = 0;
    STINT_RETURN_IF_ERROR(find_device(*gpu_.driver, options_.device, &device));
    STINT_RETURN_IF_ERROR(query_limits(*gpu_.driver, device, &gpu_.limits));
    STINT_RETURN_IF_ERROR(check_target(*engine_.variant, gpu_.limits));
    for (const fb::Program* program : *engine_.variant->programs()) {
      for (uint32_t i = 0; i < program->steps()->size(); ++i)
        STINT_RETURN_IF_ERROR(check_launch(*program->steps()->Get(i)->launch(), gpu_.limits, i));
    }
    return acquire_context(*gpu_.driver, options_.device, &gpu_.context);
  }

  Status load_kernels() {
    Function* function = gpu_.functions;
    for (const fb::Program* program : *engine_.variant->programs()) {
      for (uint32_t i = 0; i < program->steps()->size(); ++i, ++function) {
        const fb::Step& step = *program->steps()->Get(i);
        if (writes_nothing(*program, step)) continue;
        STINT_RETURN_IF_ERROR(find_function(*step.launch(), i, function));
        STINT_RETURN_IF_ERROR(check_kernel(*gpu_.driver, gpu_.limits, *function, step, i));
      }
    }
    return ok_status();
  }

  /// Loads the step's cubin unless an earlier step did, and finds the kernel in it.
  Status find_function(const fb::Launch& launch, uint32_t step, Function* function) {
    constexpr const char* kRefused =
        "the CUDA driver refuses the plan's machine code; build the plan again";
    constexpr const char* kMissing = "the plan's machine code has no kernel of the step's name";
    const Driver& driver = *gpu_.driver;
    LoadedModule& loaded = gpu_.modules[launch.module_segment()];
    const std::byte* code = segment_data(engine_.plan, launch.module_segment());
    const char* symbol = launch.symbol()->c_str();
    if (driver.library_load == nullptr || driver.library_unload == nullptr ||
        driver.library_kernel == nullptr || driver.kernel_function == nullptr) {
      if (loaded.module == nullptr) {
        STINT_RETURN_IF_ERROR(
            check(driver.module_load(&loaded.module, code), kRefused, at_step(step)));
      }
      return check(driver.module_function(function, loaded.module, symbol), kMissing,
                   at_step(step));
    }
    if (loaded.library == nullptr) {
      STINT_RETURN_IF_ERROR(check(
          driver.library_load(&loaded.library, code, nullptr, nullptr, 0, nullptr, nullptr, 0),
          kRefused, at_step(step)));
    }
    Kernel kernel = nullptr;
    STINT_RETURN_IF_ERROR(
        check(driver.library_kernel(&kernel, loaded.library, symbol), kMissing, at_step(step)));
    return check(driver.kernel_function(function, kernel), kRefused, at_step(step));
  }

  Status upload_weights() {
    const stint_block& block = engine_.blocks.space[STINT_SPACE_DEVICE];
    Carver carver(block.data, block.bytes);
    lay_out_weights(gpu_.weights, &carver, gpu_.weight_addresses);
    if (block.bytes == 0) return ok_status();
    constexpr const char* kFailed = "the weights cannot be copied to the device";
    Stream stream = nullptr;
    STINT_RETURN_IF_ERROR(check(gpu_.driver->stream_create(&stream, kStreamNonBlocking), kFailed));
    Result result = kSuccess;
    for (uint32_t i = 0; result == kSuccess && i < gpu_.weights.count; ++i) {
      const WeightRange& range = gpu_.weights.items[i];
      if (range.end == range.begin) continue;
      result = gpu_.driver->upload(gpu_.weight_addresses[i],
                                   segment_data(engine_.plan, range.segment) + range.begin,
                                   range.end - range.begin, stream);
    }
    // Also after a failure: the driver may still read the plan's bytes.
    const Result waited = gpu_.driver->stream_synchronize(stream);
    (void)gpu_.driver->stream_destroy(stream);
    return check(result == kSuccess ? waited : result, kFailed);
  }

  stint_engine& engine_;
  CudaEngine& gpu_;
  const EngineOptions& options_;
};

}  // namespace

const Function* functions_of(const stint_engine& engine, const fb::Program& program) {
  const Function* functions = engine.gpu->functions;
  for (const fb::Program* each : *engine.variant->programs()) {
    if (each == &program) break;
    functions += each->steps()->size();
  }
  return functions;
}

DeviceAddress weight_address(const CudaEngine& engine, const fb::Tensor& tensor) {
  const WeightRange* range = engine.weights.find(tensor.index());
  return engine.weight_addresses[range - engine.weights.items] + tensor.offset() - range->begin;
}

Status count_engine(const stint_plan& plan, const fb::TargetVariant& variant, Carver* host,
                    stint_requirement* device) {
  WeightRanges weights;
  DeviceAddress addresses[kMaxWeightSegments];
  STINT_RETURN_IF_ERROR(collect_weight_ranges(variant, &weights));
  Carver carver;
  lay_out_weights(weights, &carver, addresses);
  lay_out_host(plan, variant, host);
  *device = {carver.used(), carver.used() == 0 ? kMinBaseAlignment : carver.alignment()};
  return ok_status();
}

Status create_engine(stint_engine* engine, const EngineOptions& options, Carver* host) {
  const EngineLayout layout = lay_out_host(engine->plan, *engine->variant, host);
  CudaEngine& gpu = *new (layout.engine) CudaEngine();
  engine->gpu = &gpu;
  gpu.modules = layout.modules;
  gpu.module_count = static_cast<uint32_t>(engine->plan.segment_count);
  gpu.functions = layout.functions;
  for (uint32_t i = 0; i < gpu.module_count; ++i) new (&gpu.modules[i]) LoadedModule();
  // There are none where no program has a step.
  const uint64_t functions = gpu.functions == nullptr ? 0 : count_steps(*engine->variant);
  for (uint64_t i = 0; i < functions; ++i) gpu.functions[i] = nullptr;
  // Collected before, with success, for the requirements.
  (void)collect_weight_ranges(*engine->variant, &gpu.weights).ok();
  const Status status = EngineBuilder(engine, options).build();
  if (!status.ok()) destroy_engine(engine);
  return status;
}

void destroy_engine(stint_engine* engine) {
  CudaEngine& gpu = *engine->gpu;
  if (gpu.context.driver == nullptr) return;
  const Driver& driver = *gpu.driver;
  {
    const ContextScope scope(gpu.context);
    for (uint32_t i = 0; i < gpu.module_count; ++i) {
      const LoadedModule& loaded = gpu.modules[i];
      if (loaded.library != nullptr) (void)driver.library_unload(loaded.library);
      if (loaded.module != nullptr) (void)driver.module_unload(loaded.module);
    }
  }
  release_context(&gpu.context);
}

}  // namespace stint::cuda
