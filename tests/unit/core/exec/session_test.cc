#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/exec/session.h"
#include "core/include/stint/stint.h"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;

namespace {

/// A plan, and an engine for the CPU.
struct OpenPlan {
  explicit OpenPlan(const test::PlanSpec& spec)
      : file(test::write_plan(spec)), plan(open(file)), engine(plan) {
    REQUIRE(engine.get() != nullptr);
  }
  static stint_plan open(const AlignedBytes& file) {
    stint_plan plan;
    REQUIRE(stint_plan_open(file.data(), file.size(), &plan).code == STINT_OK);
    return plan;
  }
  stint_program program(uint32_t batch) const {
    stint_program program;
    REQUIRE(stint_plan_program(&plan, nullptr, batch, &program).code == STINT_OK);
    return program;
  }
  Requirements need(uint32_t batch, const stint_options& options) const {
    Requirements need;
    const stint_program p = program(batch);
    REQUIRE(stint_program_requirements(&p, &options, &need).code == STINT_OK);
    return need;
  }
  stint_status create(uint32_t batch, const stint_options& options, const stint_memory& memory,
                      stint_session** session) const {
    const stint_program p = program(batch);
    return stint_session_create(engine.get(), &p, &options, &memory, session);
  }

  AlignedBytes file;
  stint_plan plan;
  test::HostEngine engine;
};

struct TestSession {
  TestSession(const OpenPlan& open, uint32_t batch, const stint_options& options = Options())
      : blocks(open.need(batch, options)) {
    REQUIRE(open.create(batch, options, blocks.memory, &session).code == STINT_OK);
  }
  ~TestSession() { stint_session_destroy(session); }

  test::SessionBlocks blocks;
  stint_session* session = nullptr;
};

std::vector<float> ramp(uint32_t batch, float start) {
  std::vector<float> x(batch * test::kTinyRows * test::kTinyColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = start + static_cast<float>(i);
  return x;
}

void check_run(stint_session* session, uint32_t batch, float start) {
  const std::vector<float> x = ramp(batch, start);
  const std::vector<float> expected = test::tiny_reference(x, batch);
  std::memcpy(stint_input_data(session, 0), x.data(), x.size() * sizeof(float));
  std::memset(const_cast<void*>(stint_output_data(session, 0)), 0xAA,
              expected.size() * sizeof(float));
  REQUIRE(stint_run(session).code == STINT_OK);
  const auto* y = static_cast<const float*>(stint_output_data(session, 0));
  REQUIRE(std::vector<float>(y, y + expected.size()) == expected);
}

/// An image input and a detections output [batch, 3, 6] that no step writes.
test::PlanSpec plan_with_frames(uint32_t batch) {
  test::PlanSpec spec = test::tiny_plan({batch});
  test::ProgramSpec& p = spec.variants[0].programs[0];
  test::BindingSpec image;
  image.name = "frame";
  image.is_input = true;
  image.kind = fb::BindingKind::Image;
  image.image.present = true;
  test::BindingSpec detections;
  detections.name = "detections";
  detections.kind = fb::BindingKind::Detections;
  detections.tensor = 4;
  detections.count_tensor = 5;
  detections.io_bytes = batch * 3 * 24 + batch * 4;
  detections.io_offset = (p.io_bytes + 63) / 64 * 64;
  p.io_bytes = detections.io_offset + detections.io_bytes;
  p.bindings.push_back(image);
  p.bindings.push_back(detections);
  p.tensors.push_back({0, {batch, 3, 6}, fb::StorageKind::Binding, 3, 0, {}});
  p.tensors.push_back({static_cast<uint8_t>(DType::kI32),
                       {batch},
                       fb::StorageKind::Binding,
                       3,
                       batch * 3 * 24,
                       {}});
  return spec;
}

/// A run of plan_with_frames.
void run_with_frames(stint_session* session, uint32_t batch) {
  static const uint8_t pixels[8 * 8 * 3] = {};
  Image image;
  image.planes[0] = pixels;
  image.strides[0] = 24;
  image.width = image.height = 8;
  image.format = STINT_FORMAT_RGB;
  for (uint32_t slot = 0; slot < batch; ++slot)
    REQUIRE(stint_bind_image(session, 1, slot, &image).code == STINT_OK);
  REQUIRE(stint_input_data(session, 0) != nullptr);
  REQUIRE(stint_run(session).code == STINT_OK);
}

}  // namespace

TEST_CASE("a session computes, with any number of threads and any batch of the plan") {
  const OpenPlan open(test::tiny_plan({1, 3}));
  for (uint32_t threads : {0u, 1u, 2u, 4u}) {
    for (uint32_t batch : {1u, 3u}) {
      TestSession s(open, batch, test::options_of(threads));
      for (int run = 0; run < 3; ++run) check_run(s.session, batch, static_cast<float>(run));
    }
  }
}

TEST_CASE("create fails until every block has the last byte it needs") {
  const OpenPlan open(test::tiny_plan());
  const Options options = test::options_of(2, 1);
  const Requirements need = open.need(1, options);
  const test::SessionBlocks full(need);
  for (int space = 0; space < STINT_MAX_SPACES; ++space) {
    if (need.space[space].bytes == 0) continue;
    const uint64_t last = (need.space[space].bytes - 1) / 8 * 8;
    for (uint64_t bytes = 0; bytes <= last; bytes += 8) {
      Memory memory = full.memory;
      memory.space[space].bytes = bytes;
      stint_session* session = nullptr;
      const stint_status status = open.create(1, options, memory, &session);
      REQUIRE(status.code == STINT_BLOCK_TOO_SMALL);
      REQUIRE(status.detail == static_cast<uint32_t>(space));
      REQUIRE(status.needed == static_cast<int64_t>(need.space[space].bytes));
      REQUIRE(session == nullptr);
    }
  }
  TestSession s(open, 1, options);
  check_run(s.session, 1, 5.0f);
}

TEST_CASE("a misaligned block is refused") {
  const OpenPlan open(test::tiny_plan());
  const Options options;
  const Requirements need = open.need(1, options);
  Requirements larger = need;
  for (auto& space : larger.space) space.bytes += 64;
  const test::SessionBlocks blocks(larger);
  for (int space : {STINT_SPACE_HOST, STINT_SPACE_ARENA, STINT_SPACE_IO}) {
    Memory memory = blocks.memory;
    memory.space[space].data = blocks.blocks[space].data() + 8;
    memory.space[space].bytes = need.space[space].bytes;
    stint_session* session = nullptr;
    const stint_status status = open.create(1, options, memory, &session);
    CHECK(status.code == STINT_BLOCK_MISALIGNED);
    CHECK(status.detail == static_cast<uint32_t>(space));
    CHECK(status.found == 8);
  }
}

TEST_CASE("blocks that overlap each other or the plan are refused") {
  const OpenPlan open(test::tiny_plan());
  const Options options = test::options_of(2);
  const Requirements need = open.need(1, options);
  const test::SessionBlocks blocks(need);
  const auto create = [&](const stint_memory& memory) {
    stint_session* session = nullptr;
    const stint_status status = open.create(1, options, memory, &session);
    CHECK((session != nullptr) == (status.code == STINT_OK));
    stint_session_destroy(session);
    return status;
  };
  // One block behind the other in one piece of memory; the largest alignment is a cache line's.
  uint64_t places[STINT_MAX_SPACES] = {}, total = 0;
  for (int i = 0; i < STINT_SPACE_DEVICE; ++i) {
    places[i] = total;
    total += (need.space[i].bytes + 63) / 64 * 64;
  }
  const AlignedBytes piece(total, 4096);
  const auto laid_out = [&] {
    Memory memory = blocks.memory;
    for (int i = 0; i < STINT_SPACE_DEVICE; ++i)
      memory.space[i] = {piece.data() + places[i], need.space[i].bytes};
    return memory;
  };
  CHECK(create(laid_out()).code == STINT_OK);
  SUBCASE("whole or by one line, in either direction") {
    for (int a = 0; a < STINT_SPACE_DEVICE; ++a) {
      for (int b = 0; b < STINT_SPACE_DEVICE; ++b) {
        if (a == b) continue;
        for (const uint64_t end : {uint64_t{0}, (need.space[b].bytes - 1) / 64 * 64}) {
          Memory memory = blocks.memory;
          const AlignedBytes longer(end + need.space[a].bytes + need.space[b].bytes, 4096);
          memory.space[b].data = longer.data();
          memory.space[a].data = longer.data() + end;
          const stint_status status = create(memory);
          CHECK(status.code == STINT_INVALID_ARGUMENT);
          CHECK(status.detail == static_cast<uint32_t>(std::max(a, b)));
          CHECK(status.found == std::max(a, b));
          CHECK(status.needed == std::min(a, b));
        }
      }
    }
  }
  SUBCASE("what is given but not needed may overlap") {
    Memory memory = laid_out();
    for (int i = 0; i < STINT_SPACE_DEVICE; ++i) memory.space[i].bytes = total - places[i];
    CHECK(create(memory).code == STINT_OK);
  }
  SUBCASE("an I/O block that is omitted overlaps nothing") {
    Memory memory = laid_out();
    memory.space[STINT_SPACE_IO] = {};
    CHECK(create(memory).code == STINT_OK);
  }
  SUBCASE("the plan's bytes") {
    Memory memory = laid_out();
    memory.space[STINT_SPACE_IO].data = open.file.data();
    CHECK(create(memory).code == STINT_INVALID_ARGUMENT);
  }
}

TEST_CASE("requirements grow with threads and profile, and wrong options are refused") {
  const OpenPlan open(test::tiny_plan());
  const auto session_bytes = [&](stint_options options) {
    return open.need(1, options).space[STINT_SPACE_HOST].bytes;
  };
  CHECK(session_bytes(test::options_of(1)) == session_bytes(test::options_of(0)));
  CHECK(session_bytes(test::options_of(2)) > session_bytes(test::options_of(1)));
  CHECK(session_bytes(test::options_of(1, 1)) > session_bytes(test::options_of(1)));
  const stint_program program = open.program(1);
  Requirements need;
  for (const uint32_t threads : {256u, 257u, 1000000u}) {
    const Options many = test::options_of(threads);
    CHECK(stint_program_requirements(&program, &many, &need).code ==
          (threads == 256 ? STINT_OK : STINT_INVALID_ARGUMENT));
    CHECK(stint_engine_requirements(&open.plan, nullptr, &many, &need).code ==
          (threads == 256 ? STINT_OK : STINT_INVALID_ARGUMENT));
  }
  CHECK(stint_program_requirements(&program, nullptr, nullptr).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_program_requirements(nullptr, nullptr, &need).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_engine_requirements(&open.plan, "gpu", nullptr, &need).code == STINT_NO_SUCH_TARGET);
  CHECK(stint_engine_requirements(&open.plan, nullptr, nullptr, nullptr).code ==
        STINT_INVALID_ARGUMENT);
  CHECK(stint_session_create(open.engine.get(), &program, nullptr, nullptr, nullptr).code ==
        STINT_INVALID_ARGUMENT);
}

TEST_CASE("every worker's scratch begins on a cache line") {
  test::PlanSpec spec = test::tiny_plan();
  const auto session_bytes = [&](uint64_t scratch, uint32_t threads) {
    spec.variants[0].programs[0].worker_scratch = scratch;
    const OpenPlan open(spec);
    const uint64_t bytes = open.need(1, test::options_of(threads)).space[STINT_SPACE_HOST].bytes;
    return static_cast<int64_t>(bytes);
  };
  for (uint32_t threads : {1u, 3u}) {
    const int64_t none = session_bytes(0, threads);
    CHECK(session_bytes(64, threads) - session_bytes(1, threads) == 0);
    CHECK(session_bytes(65, threads) - session_bytes(64, threads) == 64 * threads);
    CHECK(session_bytes(6400, threads) - none >= 6400 * threads);
  }
}

TEST_CASE("arenas that must begin as zeros do, and no other is touched") {
  test::PlanSpec spec = test::tiny_plan();
  std::vector<test::ArenaSpec>& arenas = spec.variants[0].programs[0].arenas;
  arenas[0].bytes = 128;
  arenas[0].zeroed = true;
  arenas.push_back({192});
  arenas.push_back({64, 64, fb::MemorySpace::Host, true});
  const OpenPlan open(spec);
  const TestSession s(open, 1);
  const test::AlignedBytes& block = s.blocks.blocks[STINT_SPACE_ARENA];
  REQUIRE(block.size() == 128 + 192 + 64);
  for (size_t i = 0; i < block.size(); ++i) {
    const bool zeroed = i < 128 || i >= 128 + 192;
    REQUIRE(static_cast<int>(*block.at<uint8_t>(i)) == (zeroed ? 0 : 0xAA));
  }
}

TEST_CASE("an arena beyond the address space is an error, not a small block") {
  test::PlanSpec spec = test::tiny_plan();
  spec.variants[0].programs[0].arenas.push_back({uint64_t{1} << 62, 4096});
  const OpenPlan open(spec);
  const Requirements need = open.need(1, Options());
  CHECK(need.space[STINT_SPACE_ARENA].bytes > uint64_t{1} << 62);
  CHECK(need.space[STINT_SPACE_ARENA].alignment == 4096);
}

TEST_CASE("the caller's buffers replace the default ones, and NULL brings them back") {
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1);
  const std::vector<float> x = ramp(1, 7.0f);
  const AlignedBytes input(x.data(), x.size() * sizeof(float));
  const AlignedBytes output(15 * sizeof(float));
  REQUIRE(stint_bind_input(s.session, 0, input.data(), input.size()).code == STINT_OK);
  REQUIRE(stint_bind_output(s.session, 0, output.data(), output.size()).code == STINT_OK);
  CHECK(stint_input_data(s.session, 0) == input.data());
  CHECK(stint_output_data(s.session, 0) == output.data());
  REQUIRE(stint_run(s.session).code == STINT_OK);
  const auto* y = output.at<float>(0);
  CHECK(std::vector<float>(y, y + 15) == test::tiny_reference(x, 1));

  REQUIRE(stint_bind_input(s.session, 0, nullptr, 0).code == STINT_OK);
  REQUIRE(stint_bind_output(s.session, 0, nullptr, 0).code == STINT_OK);
  check_run(s.session, 1, 3.0f);
}

TEST_CASE("wrong bindings are errors that say what was found and what is needed") {
  const OpenPlan open(plan_with_frames(1));
  TestSession s(open, 1);
  const AlignedBytes buffer(256);
  const stint_status size = stint_bind_input(s.session, 0, buffer.data(), 52);
  CHECK(size.code == STINT_SHAPE_MISMATCH);
  CHECK(size.found == 52);
  CHECK(size.needed == 48);
  CHECK(stint_bind_output(s.session, 0, buffer.data(), 56).code == STINT_SHAPE_MISMATCH);
  CHECK(stint_bind_input(s.session, 0, buffer.data() + 4, 48).code == STINT_BLOCK_MISALIGNED);
  CHECK(stint_bind_input(s.session, 2, buffer.data(), 48).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_bind_output(s.session, 9, buffer.data(), 48).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_bind_input(s.session, 1, buffer.data(), 48).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_bind_input(nullptr, 0, buffer.data(), 48).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_input_data(s.session, 1) == nullptr);
  CHECK(stint_input_data(s.session, 5) == nullptr);
  CHECK(stint_run(nullptr).code == STINT_INVALID_ARGUMENT);
  stint_session_destroy(nullptr);
}

TEST_CASE("a session on the CPU has nothing to enqueue or to wait for") {
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1);
  REQUIRE(stint_input_data(s.session, 0) != nullptr);
  const stint_status status = stint_enqueue(s.session, nullptr);
  CHECK(status.code == STINT_INVALID_ARGUMENT);
  CHECK(std::string(status.message).find("use stint_run") != std::string::npos);
  CHECK(stint_synchronize(s.session).code == STINT_OK);
}

TEST_CASE("without an I/O block everything must be bound") {
  const OpenPlan open(test::tiny_plan());
  const Requirements need = open.need(1, Options());
  test::SessionBlocks blocks(need);
  blocks.memory.space[STINT_SPACE_IO] = {};
  stint_session* session = nullptr;
  REQUIRE(open.create(1, Options(), blocks.memory, &session).code == STINT_OK);
  CHECK(stint_run(session).code == STINT_NOT_BOUND);
  const std::vector<float> x = ramp(1, 1.0f);
  const AlignedBytes input(x.data(), x.size() * sizeof(float));
  const AlignedBytes output(15 * sizeof(float));
  REQUIRE(stint_bind_input(session, 0, input.data(), input.size()).code == STINT_OK);
  CHECK(stint_run(session).code == STINT_NOT_BOUND);
  REQUIRE(stint_bind_output(session, 0, output.data(), output.size()).code == STINT_OK);
  CHECK(stint_run(session).code == STINT_OK);
  const auto* y = output.at<float>(0);
  CHECK(std::vector<float>(y, y + 15) == test::tiny_reference(x, 1));
  stint_session_destroy(session);
}

TEST_CASE("an input that was never given is not bound, whatever its buffer holds") {
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1);
  const stint_status missing = stint_run(s.session);
  CHECK(missing.code == STINT_NOT_BOUND);
  CHECK(missing.detail == 0);
  CHECK(stint_output_data(s.session, 0) != nullptr);
  CHECK(stint_run(s.session).code == STINT_NOT_BOUND);  // an output's place says nothing of inputs
  const std::vector<float> x = ramp(1, 2.0f);
  const AlignedBytes input(x.data(), x.size() * sizeof(float));
  REQUIRE(stint_bind_input(s.session, 0, input.data(), input.size()).code == STINT_OK);
  CHECK(stint_input_data(s.session, 0) == input.data());  // not the default buffer
  CHECK(stint_run(s.session).code == STINT_OK);
  REQUIRE(stint_bind_input(s.session, 0, nullptr, 0).code == STINT_OK);
  CHECK(stint_run(s.session).code == STINT_NOT_BOUND);  // the default buffer is as empty as before
  check_run(s.session, 1, 4.0f);
}

TEST_CASE("after destroy every call says so, and destroying again does nothing") {
  const OpenPlan open(plan_with_frames(1));
  for (uint32_t threads : {1u, 3u}) {
    const Options options = test::options_of(threads, 1);
    const Requirements need = open.need(1, options);
    const test::SessionBlocks blocks(need);
    stint_session* session = nullptr;
    REQUIRE(open.create(1, options, blocks.memory, &session).code == STINT_OK);
    stint_session_destroy(session);
    stint_session_destroy(session);
    const auto says_so = [](const stint_status& status) {
      return status.code == STINT_INVALID_ARGUMENT &&
             std::string(status.message).find("was destroyed") != std::string::npos;
    };
    const Image image;
    Detections found;
    stint_step_profile step;
    uint32_t count = 0, done = 0;
    void* event = nullptr;
    CHECK(says_so(stint_run(session)));
    CHECK(says_so(stint_enqueue(session, nullptr)));
    CHECK(says_so(stint_synchronize(session)));
    CHECK(says_so(stint_set_active_slots(session, 1)));
    CHECK(says_so(stint_bind_input(session, 0, nullptr, 0)));
    CHECK(says_so(stint_bind_output(session, 0, nullptr, 0)));
    CHECK(says_so(stint_bind_image(session, 1, 0, &image)));
    CHECK(says_so(stint_detections(session, 0, &found)));
    CHECK(says_so(stint_poll(session, &done)));
    CHECK(says_so(stint_completion_event(session, &event)));
    CHECK(says_so(stint_set_detection_limits(session, 0.5f, 0.5f, 1)));
    CHECK(says_so(stint_profile_read(session, &step, sizeof step, 1, &count)));
    CHECK(stint_input_data(session, 0) == nullptr);
    CHECK(stint_output_data(session, 0) == nullptr);
    stint_profile_reset(session);
    // The blocks are the caller's again: also for the next session.
    REQUIRE(open.create(1, options, blocks.memory, &session).code == STINT_OK);
    CHECK(stint_run(session).code == STINT_NOT_BOUND);
    stint_session_destroy(session);
  }
}

TEST_CASE(
    "a child of fork runs alone, and destroying there neither hangs nor touches the parent's") {
#if defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: the thread sanitizer does not follow a fork of threads");
  return;
#endif
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1, test::options_of(3));
  check_run(s.session, 1, 1.0f);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // instead of a test that hangs
    const std::vector<float> x = ramp(1, 5.0f), expected = test::tiny_reference(x, 1);
    std::memcpy(stint_input_data(s.session, 0), x.data(), x.size() * sizeof(float));
    if (stint_run(s.session).code != STINT_OK) _exit(1);
    const auto* y = static_cast<const float*>(stint_output_data(s.session, 0));
    if (std::vector<float>(y, y + expected.size()) != expected) _exit(2);
    stint_session_destroy(s.session);
    stint_session_destroy(s.session);
    _exit(stint_run(s.session).code == STINT_INVALID_ARGUMENT ? 0 : 3);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  check_run(s.session, 1, 6.0f);
}

TEST_CASE("the stack that the header names suffices") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: sanitizers take more stack");
  return;
#endif
  const AlignedBytes file = test::write_plan(test::tiny_plan());
  const AlignedBytes memory(1 << 20, 4096);
  struct Calls {
    const AlignedBytes& file;
    const AlignedBytes& memory;
    uint32_t failed = 0;
    void expect(const stint_status& status) { failed += status.code != STINT_OK; }
  } calls{file, memory};
  const auto body = [](void* argument) -> void* {
    auto& c = *static_cast<Calls*>(argument);
    stint_plan plan;
    c.expect(stint_plan_open(c.file.data(), c.file.size(), &plan));
    Requirements need;
    Memory blocks;
    // The engine's block lies behind the session's three.
    blocks.space[STINT_SPACE_HOST] = {c.memory.data() + (3 << 18), 1 << 18};
    stint_engine* engine = nullptr;
    c.expect(stint_engine_requirements(&plan, nullptr, nullptr, &need));
    c.expect(stint_engine_create(&plan, nullptr, nullptr, &blocks, &engine));
    stint_program program;
    c.expect(stint_plan_program(&plan, nullptr, 1, &program));
    c.expect(stint_program_requirements(&program, nullptr, &need));
    for (int i = 0; i < STINT_SPACE_DEVICE; ++i)
      blocks.space[i] = {c.memory.data() + (i << 18), 1 << 18};
    stint_session* session = nullptr;
    c.expect(stint_session_create(engine, &program, nullptr, &blocks, &session));
    if (stint_input_data(session, 0) == nullptr) ++c.failed;
    c.expect(stint_run(session));
    stint_session_destroy(session);
    c.expect(stint_engine_destroy(engine));
    return nullptr;
  };
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  // No thread has less than the system's least: 128 KiB on aarch64.
  const auto least = static_cast<size_t>(std::max(sysconf(_SC_THREAD_STACK_MIN), 64L * 1024));
  REQUIRE(pthread_attr_setstacksize(&attributes, least) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, body, &calls) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  CHECK(calls.failed == 0);
}

TEST_CASE("a run needs a frame in every active slot") {
  const OpenPlan open(plan_with_frames(2));
  TestSession s(open, 2);
  REQUIRE(stint_input_data(s.session, 0) != nullptr);
  const stint_status missing = stint_run(s.session);
  CHECK(missing.code == STINT_NOT_BOUND);
  CHECK(missing.detail == 0);
  std::vector<uint8_t> pixels(8 * 8 * 3);
  Image image;
  image.planes[0] = pixels.data();
  image.strides[0] = 24;
  image.width = image.height = 8;
  image.format = STINT_FORMAT_RGB;
  CHECK(stint_bind_image(s.session, 0, 0, &image).code ==
        STINT_INVALID_ARGUMENT);  // takes a tensor
  CHECK(stint_bind_image(s.session, 7, 0, &image).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_bind_image(s.session, 1, 2, &image).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_bind_image(s.session, 1, 0, nullptr).code == STINT_INVALID_ARGUMENT);
  REQUIRE(stint_bind_image(s.session, 1, 0, &image).code == STINT_OK);
  CHECK(stint_run(s.session).detail == 1);
  REQUIRE(stint_set_active_slots(s.session, 1).code == STINT_OK);
  CHECK(stint_run(s.session).code == STINT_OK);
  CHECK(stint_set_active_slots(s.session, 0).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_set_active_slots(s.session, 3).code == STINT_INVALID_ARGUMENT);
  REQUIRE(stint_set_active_slots(s.session, 2).code == STINT_OK);
  REQUIRE(stint_bind_image(s.session, 1, 1, &image).code == STINT_OK);
  CHECK(stint_run(s.session).code == STINT_OK);

  image.format = 99;
  CHECK(stint_bind_image(s.session, 1, 0, &image).code == STINT_UNSUPPORTED_FORMAT);
  image.format = STINT_FORMAT_RGB;
  image.strides[0] = 23;
  CHECK(stint_bind_image(s.session, 1, 0, &image).code != STINT_OK);
  image.strides[0] = 24;
  image.crop_x = 5;
  image.crop_width = image.crop_height = 4;
  CHECK(stint_bind_image(s.session, 1, 0, &image).code != STINT_OK);
  CHECK(stint_run(s.session).code == STINT_OK);  // the last good frame stays
}

TEST_CASE("a run that leaves slots out touches no other input's frames") {
  test::PlanSpec spec = plan_with_frames(2);
  test::BindingSpec second = spec.variants[0].programs[0].bindings[2];
  second.name = "second frame";
  spec.variants[0].programs[0].bindings.push_back(second);
  const OpenPlan open(spec);
  TestSession s(open, 2);
  const uint8_t pixels[2][8 * 8 * 3] = {};
  for (uint32_t input : {1u, 2u}) {
    Image image;
    image.planes[0] = pixels[input - 1];
    image.strides[0] = 24;
    image.width = image.height = 8;
    image.format = STINT_FORMAT_RGB;
    for (uint32_t slot : {0u, 1u})
      REQUIRE(stint_bind_image(s.session, input, slot, &image).code == STINT_OK);
  }
  REQUIRE(stint_input_data(s.session, 0) != nullptr);
  REQUIRE(stint_set_active_slots(s.session, 1).code == STINT_OK);
  REQUIRE(stint_run(s.session).code == STINT_OK);
  for (uint32_t input : {1u, 2u}) {
    const BindingState& state = s.session->bindings[find_binding(*s.session->program, true, input)];
    for (uint32_t slot : {0u, 1u}) {
      CHECK(state.bound[slot].planes[0] == pixels[input - 1]);
      CHECK(state.frames[slot].planes[0] == pixels[input - 1]);
    }
  }
}

TEST_CASE("detections are read where the binding lies, never more than there is room for") {
  const OpenPlan open(plan_with_frames(2));
  TestSession s(open, 2);
  Detections found;
  found.count = 99;
  REQUIRE(stint_detections(s.session, 0, &found).code == STINT_OK);
  CHECK(found.count == 0);  // before the first run, whatever the memory holds
  run_with_frames(s.session, 2);
  auto* base = static_cast<std::byte*>(const_cast<void*>(stint_output_data(s.session, 1)));
  auto* counts = reinterpret_cast<int32_t*>(base + 2 * 3 * 24);
  counts[0] = 2;
  counts[1] = 1000;  // a kernel would never write this
  REQUIRE(stint_detections(s.session, 0, &found).code == STINT_OK);
  CHECK(found.count == 2);
  CHECK(reinterpret_cast<const std::byte*>(found.first) == base);
  REQUIRE(stint_detections(s.session, 1, &found).code == STINT_OK);
  CHECK(found.count == 3);
  CHECK(reinterpret_cast<const std::byte*>(found.first) == base + 3 * 24);
  counts[1] = -5;
  REQUIRE(stint_detections(s.session, 1, &found).code == STINT_OK);
  CHECK(found.count == 0);
  CHECK(stint_detections(s.session, 2, &found).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_detections(s.session, 0, nullptr).code == STINT_INVALID_ARGUMENT);
  REQUIRE(stint_set_active_slots(s.session, 1).code == STINT_OK);
  counts[1] = 3;
  REQUIRE(stint_detections(s.session, 1, &found).code == STINT_OK);
  CHECK(found.count == 0);

  const AlignedBytes own(2 * 3 * 24 + 2 * 4);
  REQUIRE(stint_bind_output(s.session, 1, own.data(), own.size()).code == STINT_OK);
  *own.at<int32_t>(2 * 3 * 24) = 1;
  REQUIRE(stint_detections(s.session, 0, &found).code == STINT_OK);
  CHECK(found.count == 1);
  CHECK(reinterpret_cast<const std::byte*>(found.first) == own.data());

  CHECK(stint_set_detection_limits(s.session, 0.5f, -1.0f, 0).code == STINT_OK);
  CHECK(stint_set_detection_limits(s.session, __builtin_nanf(""), 0.5f, 0).code ==
        STINT_INVALID_ARGUMENT);
}

TEST_CASE("a plan without detections says so") {
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1);
  Detections found;
  found.count = 1;
  CHECK(stint_detections(s.session, 0, &found).code == STINT_INVALID_ARGUMENT);
  CHECK(found.count == 0);
  CHECK(stint_set_detection_limits(s.session, 0.5f, 0.5f, 1).code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("the profile counts every step of every run") {
  const OpenPlan open(test::tiny_plan());
  TestSession s(open, 1, test::options_of(1, 1));
  for (int i = 0; i < 5; ++i) check_run(s.session, 1, 0.0f);
  stint_step_profile steps[3] = {};
  uint32_t count = 0;
  REQUIRE(stint_profile_read(s.session, steps, sizeof *steps, 3, &count).code == STINT_OK);
  REQUIRE(count == 2);
  CHECK(std::string(steps[0].name) == "concat");
  CHECK(std::string(steps[0].kernel) == steps[1].kernel);
  for (int i = 0; i < 2; ++i) {
    CHECK(steps[i].runs == 5);
    CHECK(steps[i].min_ns * 5 <= steps[i].total_ns);
  }
  CHECK(steps[2].name == nullptr);
  stint_profile_reset(s.session);
  REQUIRE(stint_profile_read(s.session, steps, sizeof *steps, 1, &count).code == STINT_OK);
  CHECK(steps[0].runs == 0);
  CHECK(stint_profile_read(s.session, nullptr, sizeof *steps, 1, &count).code ==
        STINT_INVALID_ARGUMENT);

  TestSession plain(open, 1);
  CHECK(stint_profile_read(plain.session, steps, sizeof *steps, 3, &count).code ==
        STINT_INVALID_ARGUMENT);
  stint_profile_reset(plain.session);
}

TEST_CASE("sessions on one plan run at the same time without seeing each other") {
  const OpenPlan open(test::tiny_plan({2}));
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&, c] {
      const Options options = test::options_of(2);
      stint_program program;
      Requirements need;
      if (stint_plan_program(&open.plan, nullptr, 2, &program).code != STINT_OK ||
          stint_program_requirements(&program, &options, &need).code != STINT_OK)
        ++wrong;
      test::SessionBlocks blocks(need);
      stint_session* session = nullptr;
      if (stint_session_create(open.engine.get(), &program, &options, &blocks.memory, &session)
              .code != STINT_OK)
        ++wrong;
      for (int run = 0; run < 200; ++run) {
        const std::vector<float> x = ramp(2, static_cast<float>(1000 * c + run));
        std::memcpy(stint_input_data(session, 0), x.data(), x.size() * sizeof(float));
        if (stint_run(session).code != STINT_OK) ++wrong;
        const auto* y = static_cast<const float*>(stint_output_data(session, 0));
        const std::vector<float> expected = test::tiny_reference(x, 2);
        if (std::vector<float>(y, y + expected.size()) != expected) ++wrong;
      }
      stint_session_destroy(session);
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}
