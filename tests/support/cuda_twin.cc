#include "tests/support/cuda_twin.h"

#include "kernels/cpu/kernel.h"

namespace stint::test {
namespace {

void run_in_turn(void*, uint32_t tasks, cpu::Parallel::Task task, void* context) {
  for (uint32_t i = 0; i < tasks; ++i) task(context, i, 0);
}

cpu::TensorView view_of(const TensorSpec& tensor) {
  cpu::TensorView view;
  view.dtype = static_cast<DType>(tensor.dtype);
  view.rank = static_cast<uint8_t>(tensor.shape.size());
  int64_t stride = 1;
  for (size_t axis = tensor.shape.size(); axis-- > 0;) {
    view.shape[axis] = tensor.shape[axis];
    view.strides[axis] = tensor.strides.empty() ? stride : tensor.strides[axis];
    stride *= tensor.shape[axis];
  }
  return view;
}

/// A CPU kernel with its operands, but for their addresses. Allocates when made, not when run.
struct TwinKernel {
  TwinKernel(const ProgramSpec& program, const TestStep& step)
      : kernel(cpu::find_kernel(step.kernel)),
        params(step.params.begin(), step.params.end()),
        inputs(step.inputs.size()),
        views(step.inputs.size() + step.outputs.size()),
        scratch((program.worker_scratch + 63) / 64 * 64) {
    for (size_t i = 0; i < views.size(); ++i) {
      const uint32_t tensor = i < inputs ? step.inputs[i] : step.outputs[i - inputs];
      views[i] = view_of(program.tensors[tensor]);
    }
    if (step.workspace != kNone) workspace_bytes = program.tensors[step.workspace].shape[0];
    has_workspace = step.workspace != kNone;
    if (step.image_binding >= 0) images = program.batch;
  }

  void run(const uint64_t* pointers) {
    for (cpu::TensorView& view : views) view.data = reinterpret_cast<void*>(*pointers++);
    cpu::StepArgs args;
    args.params = params.data();
    args.params_bytes = static_cast<uint32_t>(params.size());
    args.input_count = static_cast<uint32_t>(inputs);
    args.output_count = static_cast<uint32_t>(views.size() - inputs);
    args.inputs = views.data();
    args.outputs = views.data() + inputs;
    if (has_workspace) {
      args.workspace = reinterpret_cast<std::byte*>(*pointers++);
      args.workspace_bytes = static_cast<uint64_t>(workspace_bytes);
    }
    args.worker_scratch = scratch.data();
    args.worker_scratch_bytes = scratch.size();
    if (images != 0) {
      args.images = reinterpret_cast<const ImageView*>(*pointers++);
      args.image_count = images;
      args.limits = reinterpret_cast<const cpu::DetectionLimits*>(*pointers++);
    }
    args.parallel.run = run_in_turn;
    kernel->run(args);
  }

  const cpu::KernelEntry* kernel;
  std::vector<uint8_t> params;
  size_t inputs;
  std::vector<cpu::TensorView> views;
  AlignedBytes scratch;
  bool has_workspace = false;
  int64_t workspace_bytes = 0;
  uint32_t images = 0;
};

void add_pointer(TestStep* step, uint32_t tensor) {
  step->launch.relocations.emplace_back(static_cast<uint32_t>(step->params.size()), tensor);
  step->params.resize(step->params.size() + 8);
}

void add_launch(const ProgramSpec& program, uint32_t cubin, uint32_t index, TestStep* step,
                FakeCuda* driver) {
  const auto body = std::make_shared<TwinKernel>(program, *step);
  step->launch.present = true;
  step->launch.module_segment = cubin;
  step->launch.symbol = "b" + std::to_string(program.batch) + "_" + std::to_string(index);
  step->launch.grid[0] = index + 1;
  step->launch.block[0] = 32 * (index + 1);
  step->params.clear();
  for (const uint32_t input : step->inputs) add_pointer(step, input);
  for (const uint32_t output : step->outputs) add_pointer(step, output);
  if (step->workspace != kNone) add_pointer(step, step->workspace);
  if (step->image_binding >= 0) {
    step->launch.frames_param = static_cast<uint32_t>(step->params.size());
    step->launch.limits_param = step->launch.frames_param + 8;
    step->params.resize(step->params.size() + 16);
  }
  driver->add_kernel(step->launch.symbol, step->params.size() / 8,
                     [body](const uint64_t* pointers) { body->run(pointers); });
}

}  // namespace

PlanSpec with_cuda_twin(const PlanSpec& cpu, FakeCuda* driver) {
  PlanSpec spec = cpu;
  const auto cubin = static_cast<uint32_t>(spec.segments.size());
  spec.segments.push_back(cubin_segment());
  VariantSpec variant = spec.variants[0];
  variant.name = kTwinTarget;
  variant.kind = fb::TargetKind::Cuda;
  variant.sm = 87;
  variant.min_driver = 12060;
  for (ProgramSpec& program : variant.programs) {
    for (ArenaSpec& arena : program.arenas) arena.space = fb::MemorySpace::Device;
    const ProgramSpec original = program;
    program.edges.clear();
    for (uint32_t i = 0; i < program.steps.size(); ++i) {
      add_launch(original, cubin, i, &program.steps[i], driver);
      if (i != 0) program.edges.emplace_back(i - 1, i, fb::EdgeKind::Programmatic);
    }
  }
  spec.variants.push_back(variant);
  return spec;
}

PlanSpec for_no_machine(const PlanSpec& cpu) {
  FakeCuda driver;
  PlanSpec spec = with_cuda_twin(cpu, &driver);
  spec.variants.erase(spec.variants.begin());
  spec.variants[0].sm = 999;
  return spec;
}

}  // namespace stint::test
