// Sessions on a CUDA device, over a driver that checks every call and needs no GPU.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "tests/support/cuda_twin.h"
#include "tests/support/frame.h"
#include "tests/support/frame_plan.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;
using test::FakeCuda;
using test::kTwinTarget;

namespace {

/// A plan with both variants, opened, and the machine it runs on.
struct Machine {
  explicit Machine(const test::PlanSpec& cpu) : spec(test::with_cuda_twin(cpu, &fake)) { write(); }
  ~Machine() { CHECK_MESSAGE(fake.misuse().empty(), fake.misuse()); }

  void write() {
    file = test::write_plan(spec);
    REQUIRE(ok(plan.open(file.data(), file.size())));
  }
  test::ProgramSpec& program() { return spec.variants[1].programs[0]; }

  FakeCuda fake;
  test::PlanSpec spec;
  AlignedBytes file;
  Plan plan;
};

/// Host blocks of exactly the required size, and one on the device.
struct ExactBlocks {
  ExactBlocks(FakeCuda& fake, const stint_requirements& need) {
    host = AlignedBytes(need.space[STINT_SPACE_HOST].bytes, need.space[STINT_SPACE_HOST].alignment);
    io = AlignedBytes(need.space[STINT_SPACE_IO].bytes, need.space[STINT_SPACE_IO].alignment);
    memory.space[STINT_SPACE_HOST] = {host.data(), host.size()};
    memory.space[STINT_SPACE_IO] = {io.data(), io.size()};
    if (const uint64_t bytes = need.space[STINT_SPACE_DEVICE].bytes; bytes != 0)
      memory.space[STINT_SPACE_DEVICE] = {fake.device_block(bytes), bytes};
  }
  bool holds(uint64_t address) const {
    const auto begin = reinterpret_cast<uint64_t>(memory.space[STINT_SPACE_DEVICE].data);
    return address >= begin && address < begin + memory.space[STINT_SPACE_DEVICE].bytes;
  }

  AlignedBytes host, io;
  Memory memory;
};

Requirements engine_need(const Machine& machine) {
  Requirements need;
  REQUIRE(ok(Engine::requirements(machine.plan, kTwinTarget, Options(), &need)));
  return need;
}

Program program_of(const Machine& machine, uint32_t batch) {
  Program program;
  REQUIRE(ok(program.open(machine.plan, kTwinTarget, batch)));
  return program;
}

Requirements session_need(const Machine& machine, const stint_options& options, uint32_t batch) {
  Requirements need;
  REQUIRE(ok(program_of(machine, batch).requirements(options, &need)));
  return need;
}

/// Blocks of an engine and of one session, as an embedded application gives them.
struct Blocks {
  Blocks(Machine& machine, const stint_options& options, uint32_t batch = 1)
      : engine(machine.fake, engine_need(machine)),
        session(machine.fake, session_need(machine, options, batch)) {}
  bool holds(uint64_t address) const { return engine.holds(address) || session.holds(address); }

  ExactBlocks engine, session;
};

struct OwnEngine {
  Engine engine;
};
/// A session with an engine of its own, which goes after it.
struct OnDevice : OwnEngine, Session {};

const Options kDefaults;

std::vector<float> ramp(uint32_t batch, float start) {
  std::vector<float> x(batch * test::kTinyRows * test::kTinyColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = start + static_cast<float>(i);
  return x;
}

std::vector<float> floats(const void* data, size_t count) {
  std::vector<float> values(count);
  std::memcpy(values.data(), data, count * sizeof(float));
  return values;
}

void check_run(Session& session, uint32_t batch, float start) {
  const std::vector<float> x = ramp(batch, start);
  const std::vector<float> expected = test::tiny_reference(x, batch);
  std::memcpy(session.input_data(0), x.data(), x.size() * sizeof(float));
  std::memset(const_cast<void*>(session.output_data(0)), 0xAA, expected.size() * sizeof(float));
  const stint_status status = session.run();
  REQUIRE_MESSAGE(ok(status), describe(status));
  CHECK(floats(session.output_data(0), expected.size()) == expected);
}

stint_image image_of(const ImageView& view) {
  Image image;
  for (int plane = 0; plane < 3; ++plane) {
    image.planes[plane] = view.planes[plane];
    image.strides[plane] = view.strides[plane];
  }
  image.width = view.width;
  image.height = view.height;
  image.format = view.format;
  image.matrix = view.matrix;
  image.range = view.range;
  image.crop_x = view.crop_x;
  image.crop_y = view.crop_y;
  image.crop_width = view.crop_width;
  image.crop_height = view.crop_height;
  return image;
}

stint_status create(Machine& machine, Blocks& blocks, OnDevice* session,
                    const stint_options& options = kDefaults) {
  const stint_status status =
      session->engine.create(machine.plan, kTwinTarget, options, blocks.engine.memory);
  if (!ok(status)) return status;
  return session->create(session->engine, program_of(machine, 1), options, blocks.session.memory);
}

/// The first error of making a session through the conveniences.
stint_status load(Machine& machine, const stint_options& options = kDefaults) {
  SingleSession engine;
  const stint_status status = engine.create(machine.plan, kTwinTarget, 1, options);
  machine.fake.fail_call(-1);  // not in the destructor
  return status;
}

void check_refused(Machine& machine, uint32_t code, const char* message, int64_t found,
                   int64_t needed, uint32_t detail = 0xFFFFFFFFu) {
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  const stint_status status = create(machine, blocks, &session);
  CHECK(status.code == code);
  CHECK_MESSAGE(std::string(status.message).find(message) != std::string::npos, status.message);
  CHECK(status.found == found);
  CHECK(status.needed == needed);
  CHECK(status.detail == detail);
  CHECK(session.get() == nullptr);
  CHECK(machine.fake.live() == 0);
}

}  // namespace

TEST_CASE("a CUDA session computes what the CPU computes, one launch a run") {
  Machine machine(test::tiny_plan({1, 3}));
  for (const uint32_t batch : {1u, 3u}) {
    SingleSession engine;
    const stint_status status = engine.create(machine.plan, kTwinTarget, batch, kDefaults);
    REQUIRE_MESSAGE(ok(status), describe(status));
    for (int run = 0; run < 3; ++run) {
      const uint64_t before = machine.fake.launches();
      check_run(engine.session(), batch, static_cast<float>(run));
      CHECK(machine.fake.launches() == before + 1);
    }
  }
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("the caller's blocks hold everything: no allocation, at load or later") {
  Machine machine(test::tiny_plan());
  Blocks blocks(machine, kDefaults);
  {
    OnDevice session;
    REQUIRE(ok(create(machine, blocks, &session)));
    for (int run = 0; run < 1000; ++run) check_run(session, 1, static_cast<float>(run));
    CHECK(machine.fake.allocations() == 0);
    CHECK(machine.fake.launches() == 1000);
    for (const auto& node : machine.fake.graph().nodes) {
      for (const uint64_t pointer : node->pointers) CHECK(blocks.holds(pointer));
    }
  }
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("launches are those of the plan, their pointers in the right tensors") {
  Machine machine(test::tiny_plan());
  machine.program().steps[1].launch.dynamic_smem = 100000;
  machine.write();
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  const test::FakeGraph& graph = machine.fake.graph();
  REQUIRE(graph.nodes.size() == 2);
  const test::FakeNode& concat = *graph.nodes[0];
  const test::FakeNode& transpose = *graph.nodes[1];
  CHECK(concat.symbol == "b1_0");
  CHECK(transpose.grid[0] == 2);
  CHECK(transpose.block[0] == 64);
  CHECK(transpose.dynamic_shared == 100000);
  // The concatenation's output is the transposition's input: the arena.
  CHECK(concat.pointers[2] == transpose.pointers[0]);
  float constant = 0;
  machine.fake.read_device(&constant, reinterpret_cast<const void*>(concat.pointers[1]), 4);
  CHECK(constant == 100.0f);
  // Input and output keep their places of the I/O block.
  CHECK(transpose.pointers[1] - concat.pointers[0] ==
        machine.program().bindings[1].io_offset - machine.program().bindings[0].io_offset);
  for (const auto& node : graph.nodes) {
    for (const uint64_t pointer : node->pointers) CHECK(pointer % 64 == 0);
  }
}

TEST_CASE("programmatic edges only where the device and the driver have them") {
  Machine machine(test::tiny_plan());
  const auto edge_is_programmatic = [&] {
    Blocks blocks(machine, kDefaults);
    OnDevice session;
    const stint_status status = create(machine, blocks, &session);
    REQUIRE_MESSAGE(ok(status), describe(status));
    check_run(session, 1, 1.0f);
    REQUIRE(machine.fake.graph().edges.size() == 1);
    return machine.fake.graph().edges[0].programmatic;
  };
  CHECK_FALSE(edge_is_programmatic());
  machine.spec.variants[1].sm = 90;
  machine.fake.sm = 90;
  machine.write();
  CHECK(edge_is_programmatic());
  machine.fake.table.graph_add_typed_edges = nullptr;
  CHECK_FALSE(edge_is_programmatic());
}

TEST_CASE("drivers before CUDA 12 load modules instead of libraries") {
  Machine machine(test::tiny_plan());
  machine.spec.variants[1].min_driver = 11040;
  machine.write();
  machine.fake.driver_version = 11040;
  machine.fake.table.library_load = nullptr;
  machine.fake.table.library_unload = nullptr;
  machine.fake.table.library_kernel = nullptr;
  machine.fake.table.kernel_function = nullptr;
  machine.fake.table.graph_add_typed_edges = nullptr;
  machine.fake.table.function_param_info = nullptr;
  {
    Blocks blocks(machine, kDefaults);
    OnDevice session;
    REQUIRE(ok(create(machine, blocks, &session)));
    check_run(session, 1, 2.0f);
  }
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("what does not fit is refused with its own status, and nothing is left behind") {
  Machine machine(test::tiny_plan());
  FakeCuda& fake = machine.fake;
  SUBCASE("another SM") {
    fake.sm = 90;
    check_refused(machine, STINT_INCOMPATIBLE_TARGET, "--target", 90, 87);
  }
  SUBCASE("an old driver") {
    fake.driver_version = 12020;
    check_refused(machine, STINT_DRIVER_TOO_OLD, "driver", 12020, 12060);
  }
  SUBCASE("no device") {
    fake.devices = 0;
    check_refused(machine, STINT_CUDA_UNAVAILABLE, "no CUDA device", 0, 0);
  }
  SUBCASE("no driver to initialise") {
    fake.table.init = [](unsigned) { return cuda::kNoDevice; };
    check_refused(machine, STINT_CUDA_UNAVAILABLE, "no CUDA device", cuda::kNoDevice, 0);
  }
  SUBCASE("a driver that does not start") {
    fake.table.init = [](unsigned) { return 803; };
    check_refused(machine, STINT_CUDA_UNAVAILABLE, "cannot be initialised", 803, 0);
  }
  SUBCASE("machine code that the driver refuses") {
    machine.spec.segments.back() = test::cubin_segment("broken");
    machine.write();
    check_refused(machine, STINT_CUDA_FAILED, "machine code", 200, 0, 0);
  }
  SUBCASE("a kernel that is not there") {
    machine.program().steps[1].launch.symbol = "nobody";
    machine.write();
    check_refused(machine, STINT_CUDA_FAILED, "no kernel", 500, 0, 1);
  }
  SUBCASE("a grid too large") {
    fake.max_grid_x = 1;
    check_refused(machine, STINT_INCOMPATIBLE_TARGET, "grid", 1, 2, 1);
  }
  SUBCASE("a block with too many threads for the kernel's registers") {
    fake.kernel_max_threads = 32;
    check_refused(machine, STINT_INCOMPATIBLE_TARGET, "registers", 32, 64, 1);
  }
  SUBCASE("too much dynamic shared memory") {
    machine.program().steps[0].launch.dynamic_smem = 166913;
    machine.write();
    check_refused(machine, STINT_INCOMPATIBLE_TARGET, "shared memory", 166912, 166913, 0);
  }
  SUBCASE("too much shared memory together") {
    machine.program().steps[0].launch.dynamic_smem = 166912;
    machine.write();
    fake.kernel_static_shared = 16;
    check_refused(machine, STINT_INCOMPATIBLE_TARGET, "shared memory", 166912, 166928, 0);
  }
  SUBCASE("a kernel with other parameters") {
    fake.kernel_param_bytes = 32;
    check_refused(machine, STINT_CORRUPT_PLAN, "parameter", 32, 24, 0);
  }
}

TEST_CASE("a device that is not there, by its number") {
  Machine machine(test::tiny_plan());
  Options options;
  options.device = 3;
  const stint_status status = load(machine, options);
  CHECK(status.code == STINT_CUDA_UNAVAILABLE);
  CHECK(status.found == 3);
  CHECK(status.needed == 1);
}

TEST_CASE("too little device memory says how much is needed") {
  Machine machine(test::tiny_plan());
  machine.fake.memory_bytes = 256;
  const Requirements need = session_need(machine, kDefaults, 1);
  const stint_status status = load(machine);
  CHECK(status.code == STINT_OUT_OF_MEMORY);
  CHECK(status.needed >= static_cast<int64_t>(need.space[STINT_SPACE_DEVICE].bytes));
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("a block with a byte too few is refused before the driver is touched") {
  Machine machine(test::frame_plan(2));
  Options options;
  options.frame_bytes = 1000;
  options.profile = 1;
  Blocks blocks(machine, options, 2);
  Engine engine;
  for (const int space : {STINT_SPACE_HOST, STINT_SPACE_DEVICE}) {
    Memory memory = blocks.engine.memory;
    if (memory.space[space].bytes == 0) continue;
    --memory.space[space].bytes;
    const stint_status status = engine.create(machine.plan, kTwinTarget, options, memory);
    CHECK(status.code == STINT_BLOCK_TOO_SMALL);
    CHECK(status.detail == static_cast<uint32_t>(space));
  }
  CHECK(machine.fake.calls() == 0);
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, options, blocks.engine.memory)));
  const uint64_t calls = machine.fake.calls();
  Session session;
  for (const int space : {STINT_SPACE_HOST, STINT_SPACE_IO, STINT_SPACE_DEVICE}) {
    Memory memory = blocks.session.memory;
    --memory.space[space].bytes;
    const stint_status status = session.create(engine, program_of(machine, 2), options, memory);
    CHECK(status.code == STINT_BLOCK_TOO_SMALL);
    CHECK(status.detail == static_cast<uint32_t>(space));
  }
  CHECK(machine.fake.calls() == calls);
  CHECK(ok(session.create(engine, program_of(machine, 2), options, blocks.session.memory)));
}

TEST_CASE("whichever driver call fails while a session is made, nothing is left behind") {
  for (const uint32_t profile : {0u, 1u}) {
    Machine machine(test::frame_plan(1));
    Options options;
    options.profile = profile;
    int64_t n = 0;
    for (;; ++n) {
      machine.fake.fail_call(n);
      const stint_status status = load(machine, options);
      REQUIRE(machine.fake.live() == 0);
      if (ok(status)) break;
      CHECK((status.code == STINT_CUDA_FAILED || status.code == STINT_CUDA_UNAVAILABLE ||
             status.code == STINT_CORRUPT_PLAN));
      REQUIRE(n < 1000);
    }
    CHECK(n > 40);
  }
}

TEST_CASE("whichever driver call fails in a run, the next run works") {
  Machine machine(test::tiny_plan());
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  REQUIRE(session.input_data(0) != nullptr);
  int64_t n = 0;
  for (; n < 100; ++n) {
    machine.fake.fail_call(n);
    const stint_status status = session.run();
    machine.fake.fail_call(-1);
    if (ok(status)) break;
    CHECK(status.code == STINT_CUDA_FAILED);
    CHECK(status.found == 999);
    check_run(session, 1, static_cast<float>(n));
  }
  CHECK(n >= 4);
}

TEST_CASE("device memory that is bound is used in place, and nothing else is patched") {
  Machine machine(test::tiny_plan());
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  const std::vector<float> x = ramp(1, 7.0f);
  const std::vector<float> expected = test::tiny_reference(x, 1);
  void* input = machine.fake.device_block(x.size() * 4);
  void* output = machine.fake.device_block(expected.size() * 4);
  machine.fake.write_device(input, x.data(), x.size() * 4);
  const std::vector<uint64_t> concat = machine.fake.graph().nodes[0]->pointers;
  const std::vector<uint64_t> transpose = machine.fake.graph().nodes[1]->pointers;

  REQUIRE(ok(session.bind_input(0, input, x.size() * 4)));
  CHECK(machine.fake.patches() == 1);
  CHECK(machine.fake.graph().nodes[0]->pointers ==
        std::vector<uint64_t>{reinterpret_cast<uint64_t>(input), concat[1], concat[2]});
  CHECK(machine.fake.graph().nodes[1]->pointers == transpose);
  REQUIRE(ok(session.bind_output(0, output, expected.size() * 4)));
  CHECK(machine.fake.patches() == 2);
  REQUIRE(ok(session.bind_output(0, output, expected.size() * 4)));
  CHECK(machine.fake.patches() == 2);

  const uint64_t uploads = machine.fake.uploads();
  REQUIRE(ok(session.run()));
  REQUIRE(ok(session.run()));
  CHECK(machine.fake.uploads() == uploads + 1);  // the limits, once
  CHECK(machine.fake.downloads() == 0);
  std::vector<float> y(expected.size());
  machine.fake.read_device(y.data(), output, y.size() * 4);
  CHECK(y == expected);
  CHECK(session.output_data(0) == output);

  REQUIRE(ok(session.bind_input(0, nullptr, 0)));
  REQUIRE(ok(session.bind_output(0, nullptr, 0)));
  CHECK(machine.fake.graph().nodes[0]->pointers == concat);
  CHECK(machine.fake.graph().nodes[1]->pointers == transpose);
  check_run(session, 1, 9.0f);
}

TEST_CASE("a buffer that cannot be bound leaves the session with its own") {
  Machine machine(test::tiny_plan());
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  const size_t bytes = test::kTinyRows * test::kTinyColumns * 4;
  void* input = machine.fake.device_block(bytes);
  CHECK(session.bind_input(0, input, bytes - 4).code == STINT_SHAPE_MISMATCH);
  CHECK(session.bind_input(0, static_cast<char*>(input) + 4, bytes).code == STINT_BLOCK_MISALIGNED);
  for (int64_t n = 0;; ++n) {
    machine.fake.fail_call(n);
    const stint_status status = session.bind_input(0, input, bytes);
    machine.fake.fail_call(-1);
    if (ok(status)) break;
    CHECK(status.code == STINT_CUDA_FAILED);
    check_run(session, 1, static_cast<float>(n));
    REQUIRE(n < 10);
  }
}

TEST_CASE("frames from the host and on the device give the CPU's detections") {
  std::mt19937 random(11);
  constexpr uint32_t kBatch = 3;
  Machine machine(test::frame_plan(kBatch));
  SingleSession on_cpu, on_cuda;
  REQUIRE(ok(on_cpu.create(machine.plan, "cpu", kBatch, kDefaults)));
  const stint_status status = on_cuda.create(machine.plan, kTwinTarget, kBatch, kDefaults);
  REQUIRE_MESSAGE(ok(status), describe(status));
  for (int run = 0; run < 6; ++run) {
    test::Frame nv12(PixelFormat::kNv12, 21, 15, 5, random);
    test::Frame rgb(PixelFormat::kRgb, 16, 9, 0, random);
    stint_image images[kBatch] = {image_of(nv12.view()), image_of(rgb.view()),
                                  image_of(rgb.view())};
    images[2].crop_x = 2;
    images[2].crop_width = images[2].crop_height = 7;
    const uint32_t slots = run % 2 == 0 ? kBatch : 2;
    const float threshold = run < 3 ? -1.0f : 0.3f;
    for (SingleSession* engine : {&on_cpu, &on_cuda}) {
      Session& session = engine->session();
      for (uint32_t slot = 0; slot < kBatch; ++slot) {
        stint_image image = images[slot];
        if (engine == &on_cuda && run >= 4 && slot == 1) {  // in place
          const size_t bytes = size_t{16} * 9 * 3;
          void* pixels = machine.fake.device_block(bytes);
          machine.fake.write_device(pixels, image.planes[0], bytes);
          image.planes[0] = pixels;
        }
        REQUIRE(ok(session.bind_image(0, slot, image)));
      }
      REQUIRE(ok(session.set_active_slots(slots)));
      REQUIRE(ok(session.set_detection_limits(threshold, -1.0f, 0)));
      REQUIRE(ok(session.run()));
    }
    uint32_t all = 0;
    for (uint32_t slot = 0; slot < slots; ++slot) {
      Detections expected, found;
      REQUIRE(ok(on_cpu.session().detections(slot, &expected)));
      REQUIRE(ok(on_cuda.session().detections(slot, &found)));
      REQUIRE(found.size() == expected.size());
      all += found.size();
      for (uint32_t i = 0; i < found.size(); ++i)
        CHECK(std::memcmp(&found[i], &expected[i], sizeof found[i]) == 0);
    }
    CHECK(all > 0);
  }
}

TEST_CASE("frames that do not fit are refused with both numbers") {
  std::mt19937 random(12);
  Machine machine(test::frame_plan(1));
  Options options;
  options.frame_bytes = 20 * 10 * 3;
  SingleSession engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, 1, options)));
  test::Frame fits(PixelFormat::kRgb, 20, 10, 0, random);
  test::Frame large(PixelFormat::kRgb, 20, 11, 0, random);
  REQUIRE(ok(engine.session().bind_image(0, 0, image_of(fits.view()))));
  REQUIRE(ok(engine.session().run()));
  const stint_status status = engine.session().bind_image(0, 0, image_of(large.view()));
  CHECK(status.code == STINT_SHAPE_MISMATCH);
  CHECK(status.found == 660);
  CHECK(status.needed == 600);
  CHECK(ok(engine.session().run()));  // with the frame before

  test::Frame nv12(PixelFormat::kNv12, 20, 10, 0, random);
  stint_image mixed = image_of(nv12.view());
  mixed.planes[1] = machine.fake.device_block(200);
  CHECK(engine.session().bind_image(0, 0, mixed).code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("a child of fork is told so, and leaves the driver's objects to its parent") {
  Machine machine(test::tiny_plan());
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  check_run(session, 1, 1.0f);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const stint_status status = session.run();
    if (status.code != STINT_INVALID_ARGUMENT || std::strstr(status.message, "fork") == nullptr)
      _exit(1);
    if (session.input_data(0) != nullptr) _exit(2);
    const auto live = machine.fake.live();
    stint_session_destroy(session.get());
    _exit(machine.fake.live() == live ? 0 : 3);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  check_run(session, 1, 2.0f);
}

TEST_CASE("runs are enqueued when nothing pageable is involved") {
  Machine machine(test::tiny_plan());
  {
    Blocks blocks(machine, kDefaults);
    OnDevice pageable;
    REQUIRE(ok(create(machine, blocks, &pageable)));
    CHECK(pageable.enqueue().code == STINT_NOT_BOUND);
    REQUIRE(pageable.input_data(0) != nullptr);
    const stint_status status = pageable.enqueue();
    CHECK(status.code == STINT_INVALID_ARGUMENT);
    CHECK(status.detail == 0);
    CHECK(ok(pageable.synchronize()));
  }
  SingleSession engine;  // its blocks are pinned
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, 1, kDefaults)));
  const std::vector<float> x = ramp(1, 3.0f);
  std::memcpy(engine.session().input_data(0), x.data(), x.size() * 4);
  REQUIRE(ok(engine.session().enqueue()));
  REQUIRE(ok(engine.session().enqueue(reinterpret_cast<void*>(0x77))));
  REQUIRE(ok(engine.session().synchronize()));
  const std::vector<float> expected = test::tiny_reference(x, 1);
  CHECK(floats(engine.session().output_data(0), expected.size()) == expected);
  check_run(engine.session(), 1, 4.0f);

  SingleSession on_cpu;
  REQUIRE(ok(on_cpu.create(machine.plan, "cpu", 1, kDefaults)));
  CHECK(on_cpu.session().enqueue().code == STINT_INVALID_ARGUMENT);
  CHECK(ok(on_cpu.session().synchronize()));
}

TEST_CASE("a profile times every step with stamps in the graph") {
  Machine machine(test::tiny_plan());
  Options options;
  options.profile = 1;
  SingleSession engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, 1, options)));
  CHECK(machine.fake.graph().nodes.size() == 5);
  check_run(engine.session(), 1, 1.0f);
  check_run(engine.session(), 1, 2.0f);
  stint_step_profile steps[2];
  uint32_t count = 0;
  REQUIRE(ok(engine.session().read_profile(steps, 2, &count)));
  REQUIRE(count == 2);
  CHECK(std::string(steps[0].name) == "concat");
  CHECK(std::string(steps[0].kernel) == "b1_0");
  for (const stint_step_profile& step : steps) {
    CHECK(step.runs == 2);
    CHECK(step.min_ns == 2000000);  // two ticks of the fake clock
  }
  CHECK(engine.session().enqueue().code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("a step that writes nothing keeps its neighbours in order") {
  Machine machine(test::tiny_plan());
  test::ProgramSpec& p = machine.program();
  // Between the two steps, ordering them, one whose output is empty.
  p.tensors.push_back({0, {0, 3}, fb::StorageKind::Arena, 0, 0, {}});
  test::TestStep nothing = p.steps[0];
  nothing.launch.symbol = "never looked up";
  nothing.inputs = {0};
  nothing.outputs = {4};
  p.steps.insert(p.steps.begin() + 1, nothing);
  p.edges = {fb::Edge(0, 1, fb::EdgeKind::Programmatic),
             fb::Edge(1, 2, fb::EdgeKind::Programmatic)};
  machine.spec.variants[1].sm = machine.fake.sm = 90;
  machine.write();
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  REQUIRE(machine.fake.graph().nodes.size() == 3);
  CHECK(machine.fake.graph().nodes[1]->kind == test::FakeNode::Kind::kEmpty);
  for (const test::FakeEdge& edge : machine.fake.graph().edges) CHECK_FALSE(edge.programmatic);
  check_run(session, 1, 5.0f);
}

TEST_CASE("arenas that ask for it begin as zeros") {
  Machine machine(test::tiny_plan());
  test::ProgramSpec& p = machine.program();
  p.arenas.push_back({512, 64, fb::MemorySpace::Device, true});
  p.tensors.push_back({static_cast<uint8_t>(DType::kU8), {512}, fb::StorageKind::Arena, 1, 0, {}});
  p.steps[0].launch.relocations.emplace_back(24, 4);
  p.steps[0].params.resize(32);
  machine.fake.kernel_param_bytes = 0;
  machine.fake.add_kernel("b1_0", 4, [](const uint64_t*) {});
  machine.write();
  Blocks blocks(machine, kDefaults);
  OnDevice session;
  REQUIRE(ok(create(machine, blocks, &session)));
  uint8_t state[512];
  machine.fake.read_device(
      state, reinterpret_cast<const void*>(machine.fake.graph().nodes[0]->pointers[3]),
      sizeof state);
  for (const uint8_t byte : state) REQUIRE(byte == 0);
}

TEST_CASE("the application's context is used if it belongs to the device") {
  Machine machine(test::tiny_plan());
  machine.fake.make_application_context();
  {
    Blocks blocks(machine, kDefaults);
    OnDevice session;
    REQUIRE(ok(create(machine, blocks, &session)));
    const int64_t without_context = machine.fake.live();
    check_run(session, 1, 1.0f);
    CHECK(machine.fake.live() == without_context);
  }
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("devices are described") {
  FakeCuda fake;
  CudaDeviceInfo info;
  REQUIRE(stint_cuda_device(0, &info).code == STINT_OK);
  CHECK(std::string(info.name) == "fake");
  CHECK(info.sm == 87);
  CHECK(info.driver_version == 12060);
  CHECK(info.memory_bytes == fake.memory_bytes);
  CHECK(stint_cuda_device(1, &info).code == STINT_CUDA_UNAVAILABLE);
}

TEST_CASE("memory from the driver can be filled and read") {
  FakeCuda fake;
  CudaMemory memory;
  REQUIRE(stint_cuda_allocate(0, STINT_CUDA_DEVICE_MEMORY, 8, &memory).code == STINT_OK);
  const uint64_t written = 0x1234567890ABCDEFull;
  uint64_t read = 0;
  CHECK(stint_cuda_copy(&memory, memory.data, &written, 8).code == STINT_OK);
  CHECK(stint_cuda_copy(&memory, &read, memory.data, 8).code == STINT_OK);
  CHECK(read == written);
  stint_cuda_free(&memory);
  CHECK(memory.data == nullptr);
  CHECK(fake.live() == 0);
  CHECK(stint_cuda_allocate(0, static_cast<stint_cuda_memory_kind>(7), 8, &memory).code ==
        STINT_INVALID_ARGUMENT);
}
