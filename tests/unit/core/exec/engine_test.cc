// What sessions share, on the CPU: its memory, its end, handles that do not belong to it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;

namespace {

struct OpenPlan {
  explicit OpenPlan(const test::PlanSpec& spec) : file(test::write_plan(spec)) {
    REQUIRE(ok(plan.open(file.data(), file.size())));
  }
  Program program(uint32_t batch, const char* target = nullptr) const {
    Program program;
    REQUIRE(ok(program.open(plan, target, batch)));
    return program;
  }

  AlignedBytes file;
  Plan plan;
};

/// A session with blocks of its own.
struct TestSession {
  TestSession(const Engine& engine, const Program& program)
      : blocks(need(program)), status(session.create(engine, program, Options(), blocks.memory)) {}
  static Requirements need(const Program& program) {
    Requirements need;
    if (!ok(program.requirements(Options(), &need))) return {};
    return need;
  }

  test::SessionBlocks blocks;
  Session session;
  stint_status status;
};

bool computes(Session& session, uint32_t batch, float start) {
  std::vector<float> x(batch * test::kTinyRows * test::kTinyColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = start + static_cast<float>(i);
  const std::vector<float> expected = test::tiny_reference(x, batch);
  void* input = session.input_data(0);
  if (input == nullptr) return false;
  std::memcpy(input, x.data(), x.size() * sizeof(float));
  if (!ok(session.run())) return false;
  const auto* y = static_cast<const float*>(session.output_data(0));
  return std::vector<float>(y, y + expected.size()) == expected;
}

bool says(const stint_status& status, const char* text) {
  return status.code == STINT_INVALID_ARGUMENT &&
         std::string(status.message).find(text) != std::string::npos;
}

/// A second CPU target beside the first.
test::PlanSpec two_targets() {
  test::PlanSpec spec = test::tiny_plan();
  spec.variants.push_back(spec.variants[0]);
  spec.variants[1].name = "cpu_2";
  return spec;
}

}  // namespace

TEST_CASE("sessions of all batch sizes share one engine, which is made in exactly its bytes") {
  const OpenPlan open(test::tiny_plan({1, 8, 32}));
  const Requirements need = test::engine_need(*open.plan.get());
  CHECK(need.space[STINT_SPACE_HOST].bytes < 1024);  // the weights stay in the plan's bytes
  for (int space = STINT_SPACE_ARENA; space < STINT_MAX_SPACES; ++space)
    CHECK(need.space[space].bytes == 0);
  const test::SessionBlocks blocks(need);
  Engine engine;
  for (uint64_t bytes = 0; bytes < need.space[STINT_SPACE_HOST].bytes; bytes += 8) {
    Memory memory = blocks.memory;
    memory.space[STINT_SPACE_HOST].bytes = bytes;
    const stint_status status = engine.create(open.plan, nullptr, Options(), memory);
    REQUIRE(status.code == STINT_BLOCK_TOO_SMALL);
    REQUIRE(status.detail_kind == STINT_DETAIL_SPACE);
    REQUIRE(status.detail == STINT_SPACE_HOST);
    REQUIRE(status.needed == static_cast<int64_t>(need.space[STINT_SPACE_HOST].bytes));
    REQUIRE(engine.get() == nullptr);
  }
  REQUIRE(ok(engine.create(open.plan, nullptr, Options(), blocks.memory)));
  TestSession one(engine, open.program(1)), eight(engine, open.program(8)),
      thirty_two(engine, open.program(32));
  CHECK(computes(one.session, 1, 1.0f));
  CHECK(computes(eight.session, 8, 2.0f));
  CHECK(computes(thirty_two.session, 32, 3.0f));
  CHECK(computes(one.session, 1, 4.0f));
}

TEST_CASE("an engine with sessions is not destroyed, and says how many there are") {
  const OpenPlan open(test::tiny_plan({1, 3}));
  const test::SessionBlocks blocks(test::engine_need(*open.plan.get()));
  Engine engine;
  REQUIRE(ok(engine.create(open.plan, nullptr, Options(), blocks.memory)));
  {
    TestSession a(engine, open.program(1)), b(engine, open.program(3));
    const stint_status status = engine.destroy();
    CHECK(says(status, "still has sessions"));
    CHECK(status.found == 2);
    CHECK(computes(a.session, 1, 1.0f));
    CHECK(computes(b.session, 3, 1.0f));
    // A session that could not be made does not count.
    TestSession none(engine, Program());
    CHECK(none.status.code == STINT_INVALID_ARGUMENT);
    CHECK(engine.destroy().found == 2);
  }
  stint_engine* handle = engine.get();
  CHECK(ok(engine.destroy()));
  CHECK(stint_engine_destroy(handle).code == STINT_OK);  // once more: nothing
  CHECK(stint_engine_destroy(nullptr).code == STINT_OK);
  stint_session* session = nullptr;
  const Program program = open.program(1);
  const test::SessionBlocks own(TestSession::need(program));
  CHECK(says(stint_session_create(handle, program.get(), nullptr, &own.memory, &session),
             "the engine was destroyed"));
  CHECK(session == nullptr);
}

TEST_CASE("handles that do not belong together are refused") {
  const OpenPlan open(two_targets()), other(test::tiny_plan());
  const test::SessionBlocks blocks(test::engine_need(*open.plan.get()));
  Engine engine;
  REQUIRE(ok(engine.create(open.plan, "cpu", Options(), blocks.memory)));
  CHECK(says(TestSession(engine, other.program(1)).status, "another plan"));
  CHECK(says(TestSession(engine, open.program(1, "cpu_2")).status, "another target"));
  CHECK(says(TestSession(Engine(), open.program(1)).status, "engine is NULL"));
  CHECK(ok(TestSession(engine, open.program(1, "cpu")).status));

  const stint_program never = {};
  ProgramInfo info;
  BindingInfo binding;
  Requirements need;
  CHECK(says(stint_program_describe(&never, &info), "stint_plan_program"));
  CHECK(says(stint_program_describe(nullptr, &info), "stint_plan_program"));
  CHECK(says(stint_program_input(&never, 0, &binding), "stint_plan_program"));
  CHECK(says(stint_program_find_output(&never, "y", &binding), "stint_plan_program"));
  CHECK(says(stint_program_requirements(&never, nullptr, &need), "stint_plan_program"));
}

TEST_CASE("blocks of a session that overlap its engine are refused, those of an engine the plan") {
  const OpenPlan open(test::tiny_plan());
  const Requirements need = test::engine_need(*open.plan.get());
  const Program program = open.program(1);
  Requirements session_need;
  REQUIRE(ok(program.requirements(Options(), &session_need)));
  const uint64_t engine_bytes = (need.space[STINT_SPACE_HOST].bytes + 63) / 64 * 64;
  const AlignedBytes piece(engine_bytes + session_need.space[STINT_SPACE_HOST].bytes, 64);
  Memory memory;
  memory.space[STINT_SPACE_HOST] = {piece.data(), piece.size()};
  Engine engine;
  REQUIRE(ok(engine.create(open.plan, nullptr, Options(), memory)));
  const test::SessionBlocks blocks(session_need);
  Memory mine = blocks.memory;
  Session session;
  mine.space[STINT_SPACE_HOST] = {piece.data() + engine_bytes - 64, piece.size()};
  CHECK(says(session.create(engine, program, Options(), mine), "one of the session's engine"));
  mine.space[STINT_SPACE_HOST] = {piece.data() + engine_bytes, piece.size() - engine_bytes};
  CHECK(ok(session.create(engine, program, Options(), mine)));

  Engine in_plan;
  memory.space[STINT_SPACE_HOST] = {open.file.data(), open.file.size()};
  CHECK(says(in_plan.create(open.plan, nullptr, Options(), memory), "the plan's bytes"));
}

TEST_CASE("sessions come, run and go on many threads while others try to end their engine") {
  const OpenPlan open(test::tiny_plan({1, 2, 3}));
  const test::SessionBlocks blocks(test::engine_need(*open.plan.get()));
  Engine engine;
  REQUIRE(ok(engine.create(open.plan, nullptr, Options(), blocks.memory)));
  TestSession keeps(engine, open.program(1));
  REQUIRE(ok(keeps.status));
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (uint32_t c = 1; c <= 3; ++c) {
    const Program program = open.program(c);
    callers.emplace_back([&engine, &wrong, program, c] {
      for (int round = 0; round < 40; ++round) {
        TestSession mine(engine, program);
        if (!ok(mine.status)) ++wrong;
        for (int run = 0; run < 5; ++run)
          if (!computes(mine.session, c, static_cast<float>(run))) ++wrong;
        if (ok(stint_engine_destroy(engine.get()))) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(engine.destroy().found == 1);
  keeps.session = Session();
  CHECK(ok(engine.destroy()));
}

TEST_CASE("of those who end an engine at once, one does, and none makes a session afterwards") {
  const OpenPlan open(test::tiny_plan());
  const Program program = open.program(1);
  for (int round = 0; round < 50; ++round) {
    const test::SessionBlocks blocks(test::engine_need(*open.plan.get()));
    Engine engine;
    REQUIRE(ok(engine.create(open.plan, nullptr, Options(), blocks.memory)));
    std::atomic<int> made{0}, ended{0};
    std::vector<std::thread> callers;
    for (int c = 0; c < 3; ++c) {
      callers.emplace_back([&] {
        {
          TestSession mine(engine, program);
          made += ok(mine.status);
        }
        ended += ok(stint_engine_destroy(engine.get()));
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(made >= 1);
    CHECK(ended >= 1);
    CHECK(says(TestSession(engine, program).status, "was destroyed"));
  }
}

TEST_CASE("an engine that ends before its sessions leaks its memory rather than take it away") {
#if defined(__SANITIZE_ADDRESS__)
  MESSAGE("skipped: the leak is meant");
  return;
#endif
  const OpenPlan open(test::tiny_plan());
  OwnedSession session;
  {
    OwnedEngine engine;
    REQUIRE(ok(engine.create(open.plan, nullptr, Options())));
    REQUIRE(ok(session.create(engine, open.program(1), Options())));
    CHECK(says(engine.create(open.plan, nullptr, Options()), "still has sessions"));
    CHECK(says(engine.release(), "still has sessions"));
  }
  CHECK(computes(session.session(), 1, 1.0f));
}

TEST_CASE("engines and sessions that own their memory can be moved, also onto others") {
  const OpenPlan open(test::tiny_plan({1, 2}));
  OwnedEngine engine, from;
  REQUIRE(ok(engine.create(open.plan, nullptr, Options())));
  REQUIRE(ok(from.create(open.plan, nullptr, Options())));
  engine = std::move(from);
  OwnedSession session, other;
  REQUIRE(ok(session.create(engine, open.program(1), Options())));
  REQUIRE(ok(other.create(engine, open.program(2), Options())));
  session = std::move(other);
  CHECK(computes(session.session(), 2, 1.0f));
  session.release();
  CHECK(ok(engine.release()));

  SingleSession a, b;
  REQUIRE(ok(a.create(open.plan, nullptr, 1, Options())));
  REQUIRE(ok(b.create(open.plan, nullptr, 2, Options())));
  a = std::move(b);
  CHECK(computes(a.session(), 2, 1.0f));
}

TEST_CASE("a child of fork leaves its parent's engine alone") {
#if defined(__SANITIZE_THREAD__)
  MESSAGE("skipped: the thread sanitizer does not follow a fork of threads");
  return;
#endif
  const OpenPlan open(test::tiny_plan());
  const test::SessionBlocks blocks(test::engine_need(*open.plan.get()));
  Engine engine;
  REQUIRE(ok(engine.create(open.plan, nullptr, Options(), blocks.memory)));
  TestSession mine(engine, open.program(1));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    if (!computes(mine.session, 1, 1.0f)) _exit(1);
    stint_session_destroy(mine.session.get());
    _exit(stint_engine_destroy(engine.get()).code == STINT_OK ? 0 : 2);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(computes(mine.session, 1, 2.0f));
}

TEST_CASE("nothing is under way on the CPU") {
  const OpenPlan open(test::tiny_plan());
  SingleSession loaded;
  REQUIRE(ok(loaded.create(open.plan, nullptr, 1, Options())));
  bool done = false;
  CHECK(ok(loaded.session().poll(&done)));
  CHECK(done);
  void* event = &done;
  CHECK(says(loaded.session().completion_event(&event), "CUDA"));
  CHECK(event == nullptr);
  CHECK(stint_poll(loaded.session().get(), nullptr).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_completion_event(loaded.session().get(), nullptr).code == STINT_INVALID_ARGUMENT);
}
