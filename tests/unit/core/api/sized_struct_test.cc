// Structs of callers that were compiled with another version of the interface.
#include "core/api/sized_struct.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/fake_cuda.h"
#include "tests/support/session_blocks.h"
#include "tests/support/tiny_plan.h"

using namespace stint;

namespace {

/// stint_options as a later version may have it.
struct LaterOptions {
  stint_options now;
  uint64_t later;
};

struct LaterRequirements {
  stint_requirements now;
  uint64_t later;
};

struct LaterBindingInfo {
  stint_binding_info now;
  const char* later;
};

struct LaterStepProfile {
  stint_step_profile now;
  uint64_t later;
};

struct Opened {
  Opened() : file(test::write_plan(test::tiny_plan())) {
    REQUIRE(stint_plan_open(file.data(), file.size(), &plan).code == STINT_OK);
    REQUIRE(stint_plan_program(&plan, nullptr, 1, &program).code == STINT_OK);
  }
  test::AlignedBytes file;
  stint_plan plan;
  stint_program program;
};

bool refused(const stint_status& status, const char* text) {
  return status.code == STINT_INVALID_ARGUMENT &&
         std::string(status.message).find(text) != std::string::npos;
}

/// Tries a call with every size from 0 to one beyond anything; `least` is the first that is served.
template <typename T, typename Call>
void try_sizes(uint32_t least, Call call) {
  CAPTURE(sizeof(T));
  std::vector<unsigned char> room(8192, 0);
  T* given = reinterpret_cast<T*>(room.data());
  for (const uint32_t size : {0u, 4u, least - 4, least + 2, 4100u, 0xAAAAAAAAu, 0xFFFFFFFCu}) {
    CAPTURE(size);
    given->struct_size = size;
    CHECK(refused(call(given), "begin with STINT_"));
  }
  for (const uint32_t size : {least, static_cast<uint32_t>(sizeof(T)), 4096u}) {
    CAPTURE(size);
    given->struct_size = size;
    CHECK(call(given).code == STINT_OK);
    CHECK(given->struct_size == size);
  }
}

}  // namespace

TEST_CASE("the library says its version") {
  CHECK(stint_version() == STINT_API_VERSION);
  CHECK(stint_version() / 10000 == 1);
  CHECK(std::string(stint_version_string()) == STINT_VERSION_STRING);
}

TEST_CASE("an older caller's options have the defaults of what they lack") {
  const Opened open;
  stint_options short_one = STINT_OPTIONS_INIT;
  short_one.struct_size = offsetof(stint_options, profile);
  short_one.threads = 1;
  short_one.profile = 0xAAAAAAAA;  // beyond its end: the caller's other memory
  Options whole = test::options_of(1);
  Requirements with_short, with_whole;
  REQUIRE(stint_program_requirements(&open.program, &short_one, &with_short).code == STINT_OK);
  REQUIRE(stint_program_requirements(&open.program, &whole, &with_whole).code == STINT_OK);
  CHECK(with_short.space[STINT_SPACE_HOST].bytes == with_whole.space[STINT_SPACE_HOST].bytes);
}

TEST_CASE("a newer caller's wish that this library does not know is refused, not ignored") {
  const Opened open;
  LaterOptions later = {STINT_OPTIONS_INIT, 0};
  later.now.struct_size = sizeof later;
  Requirements need;
  CHECK(stint_program_requirements(&open.program, &later.now, &need).code == STINT_OK);
  later.later = 7;
  const stint_status status = stint_program_requirements(&open.program, &later.now, &need);
  CHECK(refused(status, "newer version"));
  CHECK(status.found == sizeof later);
  CHECK(status.needed == sizeof(stint_options));
}

TEST_CASE("what is filled in is as long as the caller says, and its newer part is 0") {
  const Opened open;
  LaterRequirements need;
  std::memset(&need, 0xAA, sizeof need);
  need.now.struct_size = sizeof need;
  REQUIRE(stint_program_requirements(&open.program, nullptr, &need.now).code == STINT_OK);
  CHECK(need.later == 0);
  CHECK(need.now.space_count == STINT_SPACE_DEVICE + 1);
  for (int i = STINT_SPACE_DEVICE; i < STINT_MAX_SPACES; ++i) {
    CHECK(need.now.space[i].bytes == 0);
    CHECK(need.now.space[i].alignment == 64);
  }

  LaterBindingInfo info;
  std::memset(&info, 0xAA, sizeof info);
  info.now.struct_size = sizeof info;
  REQUIRE(stint_program_input(&open.program, 0, &info.now).code == STINT_OK);
  CHECK(info.later == nullptr);
  CHECK(info.now.scale == 1.0f);
  std::memset(&info, 0xAA, sizeof info);
  info.now.struct_size = offsetof(stint_binding_info, scale);
  REQUIRE(stint_program_input(&open.program, 0, &info.now).code == STINT_OK);
  CHECK(std::string(info.now.name) == "x");
  CHECK(info.now.zero_point == static_cast<int32_t>(0xAAAAAAAA));  // not the caller's: untouched
}

TEST_CASE("sizes that no version has are refused by every struct") {
  const Opened open;
  const test::FakeCuda machine;
  try_sizes<stint_options>(offsetof(stint_options, profile), [&](const stint_options* options) {
    Requirements need;
    return stint_program_requirements(&open.program, options, &need);
  });
  const uint32_t four_spaces = 8 + 4 * sizeof(stint_requirement);
  try_sizes<stint_requirements>(four_spaces, [&](stint_requirements* need) {
    return stint_engine_requirements(&open.plan, nullptr, nullptr, need);
  });
  try_sizes<stint_target_info>(
      offsetof(stint_target_info, min_driver),
      [&](stint_target_info* info) { return stint_plan_target(&open.plan, 0, info); });
  try_sizes<stint_program_info>(
      offsetof(stint_program_info, target),
      [&](stint_program_info* info) { return stint_program_describe(&open.program, info); });
  try_sizes<stint_binding_info>(offsetof(stint_binding_info, scale), [&](stint_binding_info* info) {
    return stint_program_output(&open.program, 0, info);
  });
  try_sizes<stint_cuda_device_info>(
      offsetof(stint_cuda_device_info, memory_bytes),
      [](stint_cuda_device_info* info) { return stint_cuda_device(0, info); });
  stint_cuda_memory memory = {};
  CHECK(refused(stint_cuda_allocate(0, STINT_CUDA_DEVICE_MEMORY, 8, &memory),
                "STINT_CUDA_MEMORY_INIT"));
}

TEST_CASE("memory of another version holds the blocks it has") {
  const Opened open;
  const test::SessionBlocks blocks(test::engine_need(open.plan));
  stint_engine* engine = nullptr;
  Memory memory = blocks.memory;
  memory.struct_size = 8 + 4 * sizeof(stint_block);
  REQUIRE(stint_engine_create(&open.plan, nullptr, nullptr, &memory, &engine).code == STINT_OK);
  CHECK(stint_engine_destroy(engine).code == STINT_OK);
  memory.struct_size -= 4;
  CHECK(refused(stint_engine_create(&open.plan, nullptr, nullptr, &memory, &engine),
                "STINT_MEMORY_INIT"));
}

TEST_CASE("steps of the profile and detections lie as far apart as their sizes say") {
  const Opened open;
  const test::HostEngine engine(open.plan);
  const Options options = test::options_of(1, 1);
  Requirements need;
  REQUIRE(stint_program_requirements(&open.program, &options, &need).code == STINT_OK);
  const test::SessionBlocks blocks(need);
  stint_session* session = nullptr;
  REQUIRE(
      stint_session_create(engine.get(), &open.program, &options, &blocks.memory, &session).code ==
      STINT_OK);
  REQUIRE(stint_input_data(session, 0) != nullptr);
  REQUIRE(stint_run(session).code == STINT_OK);
  uint32_t count = 0;
  LaterStepProfile steps[2];
  std::memset(steps, 0xAA, sizeof steps);
  REQUIRE(stint_profile_read(session, &steps[0].now, sizeof steps[0], 2, &count).code == STINT_OK);
  for (const LaterStepProfile& step : steps) {
    CHECK(step.now.runs == 1);
    CHECK(step.later == 0);
  }
  struct {
    const char* name;
    const char* kernel;
    uint64_t runs;
  } earlier[3] = {};
  static_assert(sizeof earlier[0] == offsetof(stint_step_profile, total_ns));
  REQUIRE(stint_profile_read(session, reinterpret_cast<stint_step_profile*>(earlier),
                             sizeof earlier[0], 3, &count)
              .code == STINT_OK);
  CHECK(std::string(earlier[1].name) == steps[1].now.name);
  CHECK(earlier[1].runs == 1);
  CHECK(earlier[2].name == nullptr);
  CHECK(refused(stint_profile_read(session, &steps[0].now, 0, 2, &count), "stint_step_profile"));
  stint_session_destroy(session);
}

TEST_CASE("detections are walked by the stride of their list") {
  const stint_detection rows[2][2] = {{{1, 2, 3, 4, 0.5f, 6}, {}}, {{7, 8, 9, 10, 0.25f, 12}, {}}};
  const stint_detection_list list = {sizeof list, 2, &rows[0][0], sizeof rows[0]};
  CHECK(stint_detection_at(&list, 0)->class_id == 6);
  CHECK(stint_detection_at(&list, 1)->class_id == 12);
}

TEST_CASE("a frame of an older caller is used whole") {
  stint_image older = STINT_IMAGE_INIT, read = STINT_IMAGE_INIT;
  older.struct_size = offsetof(stint_image, crop_x);
  older.crop_x = 0xAAAAAAAA;
  older.width = 5;
  REQUIRE(read_struct(older, &read).ok());
  CHECK(read.width == 5);
  CHECK(read.crop_x == 0);
  CHECK(read.struct_size == sizeof read);
}

TEST_CASE("every code and every kind of detail has a name") {
  for (const uint32_t code : {0x10u, 0x24u, 0x62u})
    CHECK(std::string(stint_status_name(code)) != "unknown");
  CHECK(std::string(stint_status_name(0x99)) == "unknown");
  for (uint32_t kind = STINT_DETAIL_NONE; kind <= STINT_DETAIL_THREAD; ++kind)
    CHECK(std::string(stint_detail_name(kind)) != "item");
  CHECK(std::string(stint_detail_name(99)) == "item");
}
