// Engines on a CUDA device: one copy of weights and code for all sessions, completion without
// waiting.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "kernels/cpu/kernel.h"
#include "tests/support/cuda_twin.h"
#include "tests/support/frame_plan.h"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;
using test::FakeCuda;
using test::kTwinTarget;

namespace {

struct Machine {
  explicit Machine(const test::PlanSpec& cpu)
      : file(test::write_plan(test::with_cuda_twin(cpu, &fake))) {
    REQUIRE(ok(plan.open(file.data(), file.size())));
  }
  ~Machine() {
    CHECK_MESSAGE(fake.misuse().empty(), fake.misuse());
    CHECK(fake.live() == 0);
  }
  Program program(uint32_t batch, const char* target = kTwinTarget) const {
    Program program;
    REQUIRE(ok(program.open(plan, target, batch)));
    return program;
  }
  Requirements engine_need() const {
    Requirements need;
    REQUIRE(ok(Engine::requirements(plan, kTwinTarget, Options(), &need)));
    return need;
  }

  FakeCuda fake;
  AlignedBytes file;
  Plan plan;
};

/// The device's part from the machine, the host's exactly as long as asked for.
struct Blocks {
  Blocks(FakeCuda& fake, const Requirements& need) : host(on_host(need)) {
    host.memory.space[STINT_SPACE_DEVICE] = {
        fake.device_block(need.space[STINT_SPACE_DEVICE].bytes),
        need.space[STINT_SPACE_DEVICE].bytes};
  }
  static Requirements on_host(Requirements need) {
    need.space[STINT_SPACE_DEVICE].bytes = 0;
    return need;
  }
  const Memory& memory() const { return host.memory; }
  bool holds(uint64_t address) const {
    const stint_block& device = host.memory.space[STINT_SPACE_DEVICE];
    const auto begin = reinterpret_cast<uint64_t>(device.data);
    return address >= begin && address < begin + device.bytes;
  }

  test::SessionBlocks host;
};

struct TestSession {
  TestSession(Machine& machine, const Engine& engine, uint32_t batch,
              const Options& options = Options())
      : program(machine.program(batch)), blocks(machine.fake, need(program, options)) {
    status = session.create(engine, program, options, blocks.memory());
  }
  static Requirements need(const Program& program, const Options& options) {
    Requirements need;
    REQUIRE(ok(program.requirements(options, &need)));
    return need;
  }

  Program program;
  Blocks blocks;
  Session session;
  stint_status status;
};

void check_run(Session& session, uint32_t batch, float start) {
  std::vector<float> x(batch * test::kTinyRows * test::kTinyColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = start + static_cast<float>(i);
  const std::vector<float> expected = test::tiny_reference(x, batch);
  std::memcpy(session.input_data(0), x.data(), x.size() * sizeof(float));
  const stint_status status = session.run();
  REQUIRE_MESSAGE(ok(status), describe(status));
  const auto* y = static_cast<const float*>(session.output_data(0));
  CHECK(std::vector<float>(y, y + expected.size()) == expected);
}

bool says(const stint_status& status, const char* text) {
  return status.code == STINT_INVALID_ARGUMENT &&
         std::string(status.message).find(text) != std::string::npos;
}

uint64_t device_bytes(const Requirements& need) { return need.space[STINT_SPACE_DEVICE].bytes; }

/// The tiny plan's constant, three floats a sample, of the largest batch: that of the others is its
/// front.
constexpr uint64_t kWeightBytes = 32 * 12;

}  // namespace

TEST_CASE("three batch sizes cost one copy of the weights and of the code") {
  Machine machine(test::tiny_plan({1, 8, 32}));
  const Requirements need = machine.engine_need();
  CHECK(device_bytes(need) == kWeightBytes);
  const Blocks blocks(machine.fake, need);
  Engine engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, Options(), blocks.memory())));
  CHECK(machine.fake.uploads() == 1);
  CHECK(machine.fake.uploaded_bytes() == kWeightBytes);
  CHECK(machine.fake.modules_loaded() == 1);

  TestSession one(machine, engine, 1), eight(machine, engine, 8), more(machine, engine, 32);
  for (const TestSession* each : {&one, &eight, &more}) {
    REQUIRE_MESSAGE(ok(each->status), describe(each->status));
  }
  CHECK(machine.fake.uploads() == 1);  // no session uploads anything until it runs
  CHECK(machine.fake.modules_loaded() == 1);
  CHECK(machine.fake.allocations() == 0);
  // The last graph's pointers lie in the engine's block or in its own session's.
  size_t in_engine = 0;
  for (const auto& node : machine.fake.graph().nodes) {
    for (const uint64_t pointer : node->pointers) {
      in_engine += blocks.holds(pointer);
      CHECK((blocks.holds(pointer) || more.blocks.holds(pointer)));
    }
  }
  CHECK(in_engine == 1);
  check_run(one.session, 1, 1.0f);
  check_run(eight.session, 8, 2.0f);
  check_run(more.session, 32, 3.0f);
  check_run(one.session, 1, 4.0f);
}

TEST_CASE("an engine is made in exactly the bytes it asks for") {
  Machine machine(test::tiny_plan({1, 8, 32}));
  const Requirements need = machine.engine_need();
  const Blocks full(machine.fake, need);
  Engine engine;
  for (const int space : {STINT_SPACE_HOST, STINT_SPACE_DEVICE}) {
    const uint64_t bytes = need.space[space].bytes;
    for (uint64_t given = 0; given < bytes; given += 8) {
      Memory memory = full.memory();
      memory.space[space].bytes = given;
      const stint_status status = engine.create(machine.plan, kTwinTarget, Options(), memory);
      REQUIRE(status.code == STINT_BLOCK_TOO_SMALL);
      REQUIRE(status.detail_kind == STINT_DETAIL_SPACE);
      REQUIRE(status.detail == static_cast<uint32_t>(space));
      REQUIRE(status.needed == static_cast<int64_t>(bytes));
    }
  }
  CHECK(machine.fake.calls() == 0);
  CHECK(ok(engine.create(machine.plan, kTwinTarget, Options(), full.memory())));
}

TEST_CASE("a session needs its arenas, buffers and limits on the device, and no weights") {
  const test::PlanSpec spec = test::tiny_plan({1, 8});
  Machine machine(spec);
  for (const test::ProgramSpec& program : spec.variants[0].programs) {
    uint64_t expected = 0;
    const auto add = [&](uint64_t bytes) { expected = (expected + 255) / 256 * 256 + bytes; };
    for (const test::ArenaSpec& arena : program.arenas) add(arena.bytes);
    add(program.io_bytes);
    add(sizeof(cpu::DetectionLimits));
    add(0);  // frames
    CHECK(device_bytes(TestSession::need(machine.program(program.batch), Options())) == expected);
  }
}

TEST_CASE("whichever driver call fails while an engine or its sessions are made, nothing is left") {
  Machine machine(test::tiny_plan({1, 8}));
  const Blocks blocks(machine.fake, machine.engine_need());
  const auto make = [&](int64_t n) {
    machine.fake.fail_call(n);
    Engine engine;
    const stint_status made = engine.create(machine.plan, kTwinTarget, Options(), blocks.memory());
    if (!ok(made)) {
      machine.fake.fail_call(-1);
      return made;
    }
    const TestSession one(machine, engine, 1), eight(machine, engine, 8);
    machine.fake.fail_call(-1);
    return ok(one.status) ? eight.status : one.status;
  };
  int64_t n = 0;
  for (;; ++n) {
    const stint_status status = make(n);
    REQUIRE(machine.fake.live() == 0);
    if (ok(status)) break;
    CHECK((status.code == STINT_CUDA_FAILED || status.code == STINT_CUDA_UNAVAILABLE ||
           status.code == STINT_CORRUPT_PLAN));
    REQUIRE(n < 1000);
  }
  CHECK(n > 40);
}

TEST_CASE("an engine on a device is not destroyed while it has sessions") {
  Machine machine(test::tiny_plan());
  const Blocks blocks(machine.fake, machine.engine_need());
  Engine engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, Options(), blocks.memory())));
  {
    TestSession session(machine, engine, 1);
    CHECK(says(engine.destroy(), "still has sessions"));
    check_run(session.session, 1, 1.0f);
  }
  CHECK(ok(engine.destroy()));
  CHECK(machine.fake.live() == 0);
}

TEST_CASE("programs of the CPU's target are refused by an engine on a device") {
  Machine machine(test::tiny_plan());
  const Blocks blocks(machine.fake, machine.engine_need());
  Engine engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, Options(), blocks.memory())));
  Session session;
  const stint_status status =
      session.create(engine, machine.program(1, "cpu"), Options(), blocks.memory());
  CHECK(says(status, "another target"));
}

TEST_CASE("an engine on a device cannot be used in a child of fork, nor destroyed there") {
  Machine machine(test::tiny_plan());
  const Blocks blocks(machine.fake, machine.engine_need());
  Engine engine;
  REQUIRE(ok(engine.create(machine.plan, kTwinTarget, Options(), blocks.memory())));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto live = machine.fake.live();
    const Program program = machine.program(1);
    stint_session* session = nullptr;
    const stint_status status =
        stint_session_create(engine.get(), program.get(), nullptr, &blocks.memory(), &session);
    if (!says(status, "fork")) _exit(1);
    if (stint_engine_destroy(engine.get()).code != STINT_OK) _exit(2);
    _exit(machine.fake.live() == live ? 0 : 3);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  TestSession session(machine, engine, 1);
  check_run(session.session, 1, 2.0f);
}

TEST_CASE("completion is asked for without waiting") {
  // The numbers of detections lie on the device, as in the builder's plans.
  test::PlanSpec spec = test::frame_plan(2);
  test::ProgramSpec& program = spec.variants[0].programs[0];
  test::TensorSpec& counts = program.tensors[program.bindings[1].count_tensor];
  counts.storage = fb::StorageKind::Arena;
  counts.index = static_cast<uint32_t>(program.arenas.size());
  counts.offset = 0;
  program.arenas.push_back({64});
  Machine machine(spec);
  SingleSession loaded;  // its blocks are pinned
  REQUIRE(ok(loaded.create(machine.plan, kTwinTarget, 2, Options())));
  Session& session = loaded.session();
  bool done = false;
  CHECK(ok(session.poll(&done)));
  CHECK(done);  // nothing is under way
  void* event = nullptr;
  REQUIRE(ok(session.completion_event(&event)));
  CHECK(event != nullptr);

  std::vector<uint8_t> pixels(8 * 8, 200);
  void* frame = machine.fake.device_block(pixels.size());
  machine.fake.write_device(frame, pixels.data(), pixels.size());
  Image image;
  image.planes[0] = frame;
  image.strides[0] = 8;
  image.width = image.height = 8;
  image.format = STINT_FORMAT_GRAY8;
  for (uint32_t slot = 0; slot < 2; ++slot) REQUIRE(ok(session.bind_image(0, slot, image)));
  REQUIRE(ok(session.run()));
  Detections expected;
  REQUIRE(ok(session.detections(1, &expected)));
  const uint32_t count = expected.size();

  machine.fake.is_busy = true;
  REQUIRE(ok(session.enqueue()));
  const uint64_t downloads = machine.fake.downloads();
  for (int i = 0; i < 3; ++i) {
    done = true;
    REQUIRE(ok(session.poll(&done)));
    CHECK_FALSE(done);
  }
  CHECK(machine.fake.downloads() == downloads);
  machine.fake.is_busy = false;
  REQUIRE(ok(session.poll(&done)));
  CHECK(done);
  CHECK(machine.fake.downloads() == downloads + 1);  // the numbers of detections
  REQUIRE(ok(session.poll(&done)));
  CHECK(machine.fake.downloads() == downloads + 1);
  Detections found;
  REQUIRE(ok(session.detections(1, &found)));
  CHECK(found.size() == count);

  // Waiting does the same.
  machine.fake.is_busy = true;
  REQUIRE(ok(session.enqueue(reinterpret_cast<void*>(0x77))));
  REQUIRE(ok(session.synchronize()));
  CHECK_FALSE(machine.fake.is_busy);
  void* same = nullptr;
  REQUIRE(ok(session.completion_event(&same)));
  CHECK(same == event);
}

TEST_CASE("whichever driver call fails around an enqueued run, the next one works") {
  Machine machine(test::tiny_plan());
  SingleSession loaded;
  REQUIRE(ok(loaded.create(machine.plan, kTwinTarget, 1, Options())));
  Session& session = loaded.session();
  REQUIRE(session.input_data(0) != nullptr);
  int64_t n = 0;
  for (; n < 100; ++n) {
    machine.fake.fail_call(n);
    stint_status status = session.enqueue();
    bool done = false;
    if (ok(status)) status = session.poll(&done);
    machine.fake.fail_call(-1);
    if (ok(status) && done) break;
    CHECK(status.code == STINT_CUDA_FAILED);
    (void)session.synchronize().code;
    check_run(session, 1, static_cast<float>(n));
  }
  CHECK(n > 5);
}
