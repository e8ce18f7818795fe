// A hostile plan file: must be refused or run; never crash, hang, or touch memory that is not the
// session's.
#include <cstring>

#include "tests/fuzz/fuzz_target.h"
#include "tests/support/cuda_twin.h"
#include "tests/support/frame_plan.h"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;

namespace {

constexpr uint64_t kMemoryLimit = 4 << 20;  // larger sessions are asked for, not made
constexpr uint32_t kFrameExtent = 17;
constexpr uint64_t kFrameBytes = 3 * kFrameExtent * 4 * kFrameExtent;

uint64_t opened = 0;
uint64_t ran = 0;

uint32_t next_random(uint32_t* state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/// A GPU machine whose kernels do nothing: a plan's machine code is beyond what can be checked. It
/// knows the names of the seeds' kernels.
test::FakeCuda& machine() {
  static test::FakeCuda driver;
  return driver;
}

test::PlanSpec with_idle_twin(const test::PlanSpec& cpu) {
  const test::PlanSpec spec = test::with_cuda_twin(cpu, &machine());
  for (const test::ProgramSpec& program : spec.variants[1].programs) {
    for (const test::TestStep& step : program.steps)
      machine().add_kernel(step.launch.symbol, step.params.size() / 8, [](const uint64_t*) {});
  }
  return spec;
}

/// Bytes of all kinds: small numbers, infinities and garbage.
void fill(void* data, uint64_t bytes, uint32_t* state) {
  auto* p = static_cast<unsigned char*>(data);
  for (uint64_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(next_random(state));
}

void use_inputs(const stint_program& program, stint_session* session, uint32_t* state) {
  static const unsigned char pixels[kFrameExtent * 4 * kFrameExtent] = {1, 2, 3};
  ProgramInfo about;
  if (stint_program_describe(&program, &about).code != STINT_OK) std::abort();
  for (uint32_t i = 0; i < about.input_count; ++i) {
    BindingInfo info;
    if (stint_program_input(&program, i, &info).code != STINT_OK) std::abort();
    if (info.kind != STINT_BINDING_IMAGE) {
      if (void* data = stint_input_data(session, i)) fill(data, info.bytes, state);
      continue;
    }
    Image image;
    for (int p = 0; p < 3; ++p) {
      image.planes[p] = pixels;
      image.strides[p] = kFrameExtent * 4;
    }
    image.width = image.height = kFrameExtent;
    for (uint32_t slot = 0; slot < about.batch; ++slot) {
      image.format = next_random(state) % 9;
      image.crop_width = image.crop_height = next_random(state) % 2 * 5;
      image.crop_x = image.crop_width == 0 ? 0 : 3;
      if (stint_bind_image(session, i, slot, &image).code != STINT_OK) std::abort();
    }
  }
}

void use_results(uint32_t batch, stint_session* session) {
  volatile float sink = 0;
  for (uint32_t slot = 0; slot < batch; ++slot) {
    Detections found;
    if (stint_detections(session, slot, &found).code != STINT_OK) continue;
    for (uint32_t i = 0; i < found.size(); ++i) sink = sink + found[i].score;
  }
  stint_step_profile steps[4];
  uint32_t count = 0;
  if (stint_profile_read(session, steps, sizeof *steps, 4, &count).code == STINT_OK) {
    for (uint32_t i = 0; i < count && i < 4; ++i)
      sink = sink + static_cast<float>(std::strlen(steps[i].name));
  }
}

/// Blocks of exactly what is needed, device memory from the machine; empty if that is too much.
class LimitedBlocks {
 public:
  LimitedBlocks(const Requirements& need, uint32_t* state) : host_(on_host(need)) {
    for (const stint_requirement& space : need.space) {
      if (space.bytes > kMemoryLimit) return;
    }
    for (int i = 1; i < STINT_SPACE_DEVICE; ++i)
      fill(host_.memory.space[i].data, host_.memory.space[i].bytes, state);
    if (const uint64_t bytes = need.space[STINT_SPACE_DEVICE].bytes; bytes != 0) {
      if (stint_cuda_allocate(0, STINT_CUDA_DEVICE_MEMORY, bytes, &device_).code != STINT_OK)
        std::abort();
      host_.memory.space[STINT_SPACE_DEVICE] = {device_.data, device_.bytes};
    }
    fit_ = true;
  }
  ~LimitedBlocks() { stint_cuda_free(&device_); }
  LimitedBlocks(const LimitedBlocks&) = delete;
  LimitedBlocks& operator=(const LimitedBlocks&) = delete;

  bool fit() const { return fit_; }
  const stint_memory& memory() const { return host_.memory; }

 private:
  static Requirements on_host(const Requirements& need) {
    Requirements host;
    for (int i = 0; i < STINT_MAX_SPACES; ++i) {
      const bool fits = need.space[i].bytes <= kMemoryLimit && i != STINT_SPACE_DEVICE;
      host.space[i] = {fits ? need.space[i].bytes : 0, need.space[i].alignment};
    }
    return host;
  }

  test::SessionBlocks host_;
  CudaMemory device_;
  bool fit_ = false;
};

void use_program(const stint_plan& plan, const char* target, uint32_t batch, stint_engine* engine,
                 uint32_t* state) {
  Options options =
      test::options_of(next_random(state) % 16 == 0 ? 2u : 1u, next_random(state) % 2);
  options.frame_bytes = kFrameBytes;
  stint_program program;
  Requirements need;
  if (stint_plan_program(&plan, target, batch, &program).code != STINT_OK) std::abort();
  if (stint_program_requirements(&program, &options, &need).code != STINT_OK) return;
  const LimitedBlocks blocks(need, state);
  stint_session* session = nullptr;
  if (!blocks.fit() ||
      stint_session_create(engine, &program, &options, &blocks.memory(), &session).code != STINT_OK)
    return;
  use_inputs(program, session, state);
  if (stint_run(session).code == STINT_OK) ++ran;
  use_results(batch, session);
  stint_session_destroy(session);
}

void use_target(const stint_plan& plan, const char* target, uint32_t* state) {
  Requirements need;
  if (stint_engine_requirements(&plan, target, nullptr, &need).code != STINT_OK) return;
  const LimitedBlocks blocks(need, state);
  stint_engine* engine = nullptr;
  if (!blocks.fit() ||
      stint_engine_create(&plan, target, nullptr, &blocks.memory(), &engine).code != STINT_OK)
    return;
  uint32_t batches[4] = {}, count = 0;
  if (stint_plan_batches(&plan, target, batches, 4, &count).code != STINT_OK) std::abort();
  for (uint32_t b = 0; b < count && b < 4; ++b)
    use_program(plan, target, batches[b], engine, state);
  if (stint_engine_destroy(engine).code != STINT_OK) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)machine();  // never this computer's own GPU
  const test::AlignedBytes file(data, size);
  stint_plan plan;
  if (stint_plan_open(file.data(), file.size(), &plan).code != STINT_OK) return 0;
  ++opened;
  uint32_t state = static_cast<uint32_t>(size) * 2654435761u + (size == 0 ? 0 : data[size / 2]);
  if (std::strlen(stint_plan_name(&plan)) > size) std::abort();
  for (uint32_t i = 0; i < stint_plan_label_count(&plan) && i < 8; ++i) {
    if (std::strlen(stint_plan_label(&plan, i)) > size) std::abort();
  }
  uint32_t targets = 0;
  if (stint_plan_target_count(&plan, &targets).code != STINT_OK) std::abort();
  for (uint32_t t = 0; t < targets; ++t) {
    TargetInfo target;
    if (stint_plan_target(&plan, t, &target).code != STINT_OK) std::abort();
    use_target(plan, target.name, &state);
    if (machine().live() != 0 || !machine().misuse().empty()) std::abort();
  }
  return 0;
}

std::vector<FuzzBytes> fuzz_seeds() {
  std::vector<FuzzBytes> seeds;
  for (const test::PlanSpec& spec :
       {test::tiny_plan(), test::tiny_plan({1, 3}), test::frame_plan(1), test::frame_plan(2),
        with_idle_twin(test::tiny_plan()), with_idle_twin(test::frame_plan(2))}) {
    const test::AlignedBytes file = test::write_plan(spec);
    const auto* begin = reinterpret_cast<const uint8_t*>(file.data());
    seeds.emplace_back(begin, begin + file.size());
  }
  return seeds;
}

void fuzz_fix_up(FuzzBytes* input) {
  test::fix_checksums(reinterpret_cast<std::byte*>(input->data()), input->size());
}

std::string fuzz_summary() {
  return std::to_string(opened) + " opened, " + std::to_string(ran) + " runs";
}
