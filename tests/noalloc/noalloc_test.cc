// "run allocates nothing after load", counted; and every allocation of the conveniences failing
// once.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "core/include/stint/engine.hpp"
#include "tests/noalloc/counting_allocator.h"
#include "tests/support/cuda_twin.h"
#include "tests/support/frame_plan.h"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;

namespace {

int failures = 0;

void check(bool condition, const char* what) {
  if (condition) return;
  std::printf("FAILED: %s\n", what);
  ++failures;
}

void check_ok(const stint_status& status, const char* what) {
  if (!ok(status)) std::printf("%s: %s\n", what, status.message);
  check(ok(status), what);
}

const uint8_t kPixels[16 * 16 * 3] = {};

stint_image frame() {
  Image image;
  image.planes[0] = kPixels;
  image.strides[0] = 16 * 3;
  image.width = image.height = 16;
  image.format = STINT_FORMAT_RGB;
  return image;
}

/// Everything a program does between load and end, 1,000 times.
void thousand_runs(stint_session* session, uint32_t batch, bool has_image) {
  const stint_image image = frame();
  stint_step_profile steps[8];
  for (int run = 0; run < 1000; ++run) {
    for (uint32_t slot = 0; has_image && slot < batch; ++slot) {
      check_ok(stint_bind_image(session, 0, slot, &image), "bind image");
    }
    if (!has_image) {
      check_ok(stint_bind_input(session, 0, nullptr, 0), "bind input");
      check(stint_input_data(session, 0) != nullptr, "input data");
    }
    check_ok(stint_set_active_slots(session, 1 + static_cast<uint32_t>(run) % batch),
             "active slots");
    check_ok(stint_run(session), "run");
    Detections found;
    uint32_t count = 0, done = 0;
    if (has_image) check_ok(stint_detections(session, 0, &found), "detections");
    check_ok(stint_profile_read(session, steps, sizeof *steps, 8, &count), "profile");
    check_ok(stint_poll(session, &done), "poll");
  }
}

void count_runs(const test::PlanSpec& spec, uint32_t threads, bool has_image) {
  const test::AlignedBytes file = test::write_plan(spec);
  const uint32_t batch = spec.variants[0].programs[0].batch;
  const Options options = test::options_of(threads, 1);
  const uint64_t before_open = test::allocator_calls();
  stint_plan plan;
  stint_program program;
  Requirements engine_need, need;
  check_ok(stint_plan_open(file.data(), file.size(), &plan), "open");
  check_ok(stint_plan_program(&plan, nullptr, batch, &program), "program");
  check_ok(stint_engine_requirements(&plan, nullptr, &options, &engine_need), "requirements");
  check_ok(stint_program_requirements(&program, &options, &need), "requirements");
  check(test::allocator_calls() == before_open, "opening a plan allocates nothing");

  test::SessionBlocks engine_blocks(engine_need), blocks(need);
  const uint64_t before_create = test::allocator_calls();
  stint_engine* engine = nullptr;
  stint_session* session = nullptr;
  check_ok(stint_engine_create(&plan, nullptr, &options, &engine_blocks.memory, &engine), "engine");
  check(test::allocator_calls() == before_create, "creating an engine allocates nothing");
  check_ok(stint_session_create(engine, &program, &options, &blocks.memory, &session), "create");
  const uint64_t in_create = test::allocator_calls() - before_create;
  if (threads == 1) check(in_create == 0, "creating a session without workers allocates nothing");

  const uint64_t before_runs = test::allocator_calls();
  thousand_runs(session, batch, has_image);
  const uint64_t in_runs = test::allocator_calls() - before_runs;
  check(in_runs == 0, "1,000 runs allocate nothing");
  stint_session_destroy(session);
  check_ok(stint_engine_destroy(engine), "destroying the engine");
  std::printf(
      "%-6s batch %u, %u thread%s: %llu allocator calls at create (the C library's, per thread), "
      "%llu in 1,000 runs\n",
      spec.name.c_str(), batch, threads, threads == 1 ? "" : "s",
      static_cast<unsigned long long>(in_create), static_cast<unsigned long long>(in_runs));
}

/// The same on a CUDA device: neither the host's allocator nor the driver's.
void count_cuda_runs(const test::PlanSpec& cpu, bool has_image) {
  test::FakeCuda machine;
  const test::AlignedBytes file = test::write_plan(test::with_cuda_twin(cpu, &machine));
  const uint32_t batch = cpu.variants[0].programs[0].batch;
  const Options options = test::options_of(0, 1);
  stint_plan plan;
  stint_program program;
  Requirements engine_need, need;
  check_ok(stint_plan_open(file.data(), file.size(), &plan), "open");
  check_ok(stint_plan_program(&plan, test::kTwinTarget, batch, &program), "program");
  check_ok(stint_engine_requirements(&plan, test::kTwinTarget, &options, &engine_need),
           "requirements");
  check_ok(stint_program_requirements(&program, &options, &need), "requirements");
  const auto with_device = [&machine](Requirements needed) {
    const uint64_t bytes = needed.space[STINT_SPACE_DEVICE].bytes;
    needed.space[STINT_SPACE_DEVICE].bytes = 0;
    test::SessionBlocks blocks(needed);
    if (bytes != 0) blocks.memory.space[STINT_SPACE_DEVICE] = {machine.device_block(bytes), bytes};
    return blocks;
  };
  const test::SessionBlocks engine_blocks = with_device(engine_need), blocks = with_device(need);
  stint_engine* engine = nullptr;
  stint_session* session = nullptr;
  check_ok(stint_engine_create(&plan, test::kTwinTarget, &options, &engine_blocks.memory, &engine),
           "engine");
  check_ok(stint_session_create(engine, &program, &options, &blocks.memory, &session), "create");
  const uint64_t before_runs = test::allocator_calls();
  const uint64_t calls = machine.calls();
  thousand_runs(session, batch, has_image);
  const uint64_t in_runs = test::allocator_calls() - before_runs;
  check(in_runs == 0, "1,000 runs on a CUDA device allocate nothing on the host");
  check(machine.allocations() == 0, "a CUDA session allocates nothing on the device");
  check(machine.launches() == 1000, "a run is one launch");
  std::printf("%-6s batch %u, CUDA: %llu driver calls a run, no allocation\n", cpu.name.c_str(),
              batch, static_cast<unsigned long long>((machine.calls() - calls) / 1000));
  stint_session_destroy(session);
  check_ok(stint_engine_destroy(engine), "destroying the engine");
  check(machine.live() == 0, "nothing is left on the device");
}

/// Opens and runs a plan through the conveniences; the first error, or OK.
stint_status load_and_run(const char* path) {
  PlanFile file;
  if (stint_status status = file.open(path); !ok(status)) return status;
  SingleSession loaded;
  if (stint_status status = loaded.create(file.plan(), nullptr, 1, test::options_of(2));
      !ok(status))
    return status;
  check(loaded.session().input_data(0) != nullptr, "input data");
  return loaded.session().run();
}

void fail_every_allocation_once(const char* path) {
  check_ok(load_and_run(path), "loading with enough memory");
  int64_t n = 0;
  for (;; ++n) {
    const int64_t live = test::live_blocks();
    test::fail_from(n);
    const stint_status status = load_and_run(path);
    test::fail_from(-1);
    check(test::live_blocks() == live, "a failed load leaves nothing behind");
    if (ok(status)) break;
    check(status.code == STINT_OUT_OF_MEMORY || status.code == STINT_THREAD_FAILED,
          "the status names what was missing");
    if (n == 100) return check(false, "loading succeeds when enough allocations do");
  }
  check(n >= 3, "the blocks were asked for");
  std::printf(
      "conveniences: each of %lld allocations failed once, with a status and without a leak\n",
      static_cast<long long>(n));
}

}  // namespace

int main() {
  for (uint32_t threads : {1u, 2u, 4u}) {
    count_runs(test::tiny_plan({2}), threads, false);
    count_runs(test::frame_plan(3), threads, true);
  }
  count_cuda_runs(test::tiny_plan({2}), false);
  count_cuda_runs(test::frame_plan(3), true);
  char path[] = "/tmp/stint-noalloc-XXXXXX";
  const int file = mkstemp(path);
  const test::AlignedBytes bytes = test::write_plan(test::tiny_plan());
  check(file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "writing a plan");
  fail_every_allocation_once(path);
  close(file);
  unlink(path);
  check(load_and_run(path).code == STINT_FILE_FAILED, "a missing file is a status");
  check(load_and_run("/tmp").code == STINT_FILE_FAILED, "a folder is a status");
  check(load_and_run("/dev/null").code == STINT_FILE_FAILED, "a device is a status");
  if (failures == 0) std::printf("ok\n");
  return failures == 0 ? 0 : 1;
}
