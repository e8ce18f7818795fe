#include <doctest/doctest.h>

#include <string>

#include "core/include/stint/stint.hpp"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::AlignedBytes;

namespace {

stint_status open(const AlignedBytes& file) {
  stint_plan plan;
  return stint_plan_open(file.data(), file.size(), &plan);
}

/// A valid file whose header a test then bends.
struct BentHeader {
  AlignedBytes file = test::write_plan(test::tiny_plan());
  FileHeader& header = *test::header_of(file);
  SegmentEntry& segment = *file.at<SegmentEntry>(header.segment_table_offset);
};

}  // namespace

TEST_CASE("a good plan opens and says what it is") {
  const AlignedBytes file = test::write_plan(test::tiny_plan({1, 4}));
  stint_plan plan;
  REQUIRE(stint_plan_open(file.data(), file.size(), &plan).code == STINT_OK);
  CHECK(std::string(stint_plan_name(&plan)) == "tiny");
  CHECK(stint_plan_label_count(&plan) == 2);
  CHECK(std::string(stint_plan_label(&plan, 1)) == "dog");
  CHECK(std::string(stint_plan_label(&plan, 2)).empty());
  uint32_t count = 0;
  REQUIRE(stint_plan_target_count(&plan, &count).code == STINT_OK);
  CHECK(count == 1);
  uint32_t batches[1] = {};
  REQUIRE(stint_plan_batches(&plan, nullptr, batches, 1, &count).code == STINT_OK);
  CHECK(count == 2);
  CHECK(batches[0] == 1);
  CHECK(stint_plan_batches(&plan, "cpu", nullptr, 0, &count).code == STINT_OK);
  CHECK(count == 2);
  CHECK(stint_plan_batches(&plan, "cpu", nullptr, 1, &count).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_batches(&plan, "sm_87", batches, 1, &count).code == STINT_NO_SUCH_TARGET);
  CHECK(count == 0);
}

TEST_CASE("a program says what it takes and gives, by index and by name") {
  const AlignedBytes file = test::write_plan(test::tiny_plan({1, 4}));
  stint_plan plan;
  REQUIRE(stint_plan_open(file.data(), file.size(), &plan).code == STINT_OK);
  stint_program program;
  REQUIRE(stint_plan_program(&plan, nullptr, 4, &program).code == STINT_OK);
  ProgramInfo about;
  REQUIRE(stint_program_describe(&program, &about).code == STINT_OK);
  CHECK(about.batch == 4);
  CHECK(about.input_count == 1);
  CHECK(about.output_count == 1);
  CHECK(std::string(about.target) == "cpu");
  BindingInfo info;
  REQUIRE(stint_program_output(&program, 0, &info).code == STINT_OK);
  CHECK(std::string(info.name) == "y");
  CHECK(info.kind == STINT_BINDING_TENSOR);
  CHECK(info.dtype == STINT_DTYPE_F32);
  CHECK(info.rank == 3);
  CHECK(info.shape[0] == 4);
  CHECK(info.shape[2] == 5);
  CHECK(info.bytes == 4 * 15 * sizeof(float));
  CHECK(info.quantized == 0);
  CHECK(info.scale == 1.0f);
  CHECK(info.zero_point == 0);
  BindingInfo same;
  REQUIRE(stint_program_find_output(&program, "y", &same).code == STINT_OK);
  CHECK(same.index == 0);
  CHECK(same.bytes == info.bytes);
  REQUIRE(stint_program_find_input(&program, "x", &same).code == STINT_OK);
  CHECK(same.bytes == 4 * 12 * sizeof(float));
  for (const char* name : {"y", "", "xx"})
    CHECK(stint_program_find_input(&program, name, &info).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_program_find_input(&program, nullptr, &info).code == STINT_INVALID_ARGUMENT);

  const stint_status beyond = stint_program_input(&program, 1, &info);
  CHECK(beyond.code == STINT_INVALID_ARGUMENT);
  CHECK(beyond.detail_kind == STINT_DETAIL_INPUT);
  CHECK(beyond.detail == 1);
  CHECK(beyond.needed == 1);
  CHECK(stint_program_input(&program, 0, nullptr).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_program(&plan, nullptr, 2, &program).code == STINT_NO_SUCH_BATCH);
  CHECK(stint_program_describe(&program, &about).code == STINT_INVALID_ARGUMENT);  // emptied
  CHECK(stint_plan_program(&plan, "sm_87", 1, &program).code == STINT_NO_SUCH_TARGET);
  CHECK(stint_plan_program(&plan, nullptr, 1, nullptr).code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("a binding whose tensor has a scale is quantized") {
  test::PlanSpec spec = test::tiny_plan();
  spec.variants[0].programs[0].tensors[3].scale = {0.25f};
  const AlignedBytes file = test::write_plan(spec);
  stint_plan plan;
  REQUIRE(stint_plan_open(file.data(), file.size(), &plan).code == STINT_OK);
  stint_program program;
  REQUIRE(stint_plan_program(&plan, nullptr, 1, &program).code == STINT_OK);
  BindingInfo info;
  REQUIRE(stint_program_output(&program, 0, &info).code == STINT_OK);
  CHECK(info.quantized == 1);
  CHECK(info.scale == 0.25f);
  CHECK(info.zero_point == 0);
}

TEST_CASE("a plan that was not opened is refused everywhere") {
  const stint_plan plan = {};
  uint32_t count = 7;
  CHECK(stint_plan_target_count(&plan, &count).code == STINT_INVALID_ARGUMENT);
  CHECK(count == 0);
  CHECK(stint_plan_target_count(nullptr, &count).code == STINT_INVALID_ARGUMENT);
  CHECK(std::string(stint_plan_name(nullptr)).empty());
  stint_program program;
  CHECK(stint_plan_program(&plan, nullptr, 1, &program).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_program(nullptr, nullptr, 1, &program).code == STINT_INVALID_ARGUMENT);
  Requirements need;
  CHECK(stint_engine_requirements(&plan, nullptr, nullptr, &need).code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("missing arguments are errors, not crashes") {
  stint_plan plan;
  CHECK(stint_plan_open(nullptr, 100, &plan).code == STINT_INVALID_ARGUMENT);
  const AlignedBytes file(128);
  CHECK(stint_plan_open(file.data(), file.size(), nullptr).code == STINT_INVALID_ARGUMENT);
}

TEST_CASE("a file cut at any byte is refused and never read beyond its end") {
  const AlignedBytes whole = test::write_plan(test::tiny_plan());
  for (size_t size = 0; size < whole.size(); ++size) {
    const AlignedBytes cut(whole.data(), size);
    const stint_status status = open(cut);
    REQUIRE(status.code == STINT_TRUNCATED_PLAN);
    REQUIRE(status.found == static_cast<int64_t>(size));
  }
}

TEST_CASE("a file cut at any byte whose header was adapted is refused") {
  const AlignedBytes whole = test::write_plan(test::tiny_plan());
  for (size_t size = sizeof(FileHeader); size < whole.size(); ++size) {
    const AlignedBytes cut(whole.data(), size);
    test::header_of(cut)->total_bytes = size;
    test::fix_checksums(cut.data(), size);
    REQUIRE(open(cut).code == STINT_CORRUPT_PLAN);
  }
}

TEST_CASE("bytes behind the plan are not part of it") {
  const AlignedBytes whole = test::write_plan(test::tiny_plan());
  const AlignedBytes longer(whole.size() + 100);
  std::memcpy(longer.data(), whole.data(), whole.size());
  stint_plan plan;
  REQUIRE(stint_plan_open(longer.data(), longer.size(), &plan).code == STINT_OK);
  CHECK(plan.size == whole.size());
}

TEST_CASE("every field of the header is checked") {
  BentHeader bent;
  FileHeader& h = bent.header;
  SUBCASE("magic") {
    h.magic[3] = 'x';
    CHECK(open(bent.file).code == STINT_NOT_A_PLAN);
  }
  SUBCASE("newer major version") {
    h.major = kPlanMajor + 1;
    const stint_status status = open(bent.file);
    CHECK(status.code == STINT_INCOMPATIBLE_VERSION);
    CHECK(status.found == kPlanMajor + 1);
    CHECK(status.needed == kPlanMajor);
  }
  SUBCASE("older major version") {
    h.major = kPlanMajor - 1;
    CHECK(open(bent.file).code == STINT_INCOMPATIBLE_VERSION);
  }
  SUBCASE("any minor version is fine") {
    h.minor = 999;
    CHECK(open(bent.file).code == STINT_OK);
  }
  SUBCASE("unknown feature") {
    h.required_features = uint64_t{1} << 63;
    CHECK(open(bent.file).code == STINT_UNKNOWN_FEATURE);
  }
  SUBCASE("header too short") {
    h.header_bytes = sizeof(FileHeader) - 8;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("header beyond the file") {
    h.header_bytes = static_cast<uint32_t>(bent.file.size() + 1);
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("flatbuffer inside the header") {
    h.flatbuffer_offset = 64;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("flatbuffer range that wraps around") {
    h.flatbuffer_offset = 128;
    h.flatbuffer_bytes = ~uint64_t{0} - 64;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("flatbuffer offset beyond the file") {
    h.flatbuffer_offset = ~uint64_t{0} - 63;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("flatbuffer misaligned in the file") {
    h.flatbuffer_offset += 8;
    h.flatbuffer_bytes -= 8;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("empty flatbuffer") {
    h.flatbuffer_bytes = 0;
    test::fix_checksums(bent.file.data(), bent.file.size());
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("segment table beyond the file") {
    h.segment_table_offset = bent.file.size() - 8;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("segment table inside the header") {
    h.segment_table_offset = 0;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("segment table misaligned") {
    h.segment_table_offset += 4;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("more segments than the file can hold") {
    h.segment_count = 0xFFFFFFFFu;
    CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
  }
  SUBCASE("longer than the file") {
    h.total_bytes += 1;
    CHECK(open(bent.file).code == STINT_TRUNCATED_PLAN);
  }
}

TEST_CASE("every field of a segment is checked") {
  BentHeader bent;
  SegmentEntry& s = bent.segment;
  SUBCASE("offset that wraps around") { s.offset = ~uint64_t{0} - 255; }
  SUBCASE("longer than the file") { s.bytes = bent.file.size(); }
  SUBCASE("unknown kind") { s.kind = static_cast<SegmentKind>(2); }
  SUBCASE("alignment not a power of two") { s.alignment = 768; }
  SUBCASE("alignment too small") { s.alignment = 128; }
  SUBCASE("misaligned") {
    s.offset -= 128;
    test::fix_checksums(bent.file.data(), bent.file.size());
  }
  CHECK(open(bent.file).code == STINT_CORRUPT_PLAN);
}

TEST_CASE("segments that repeat one range cannot make opening slow") {
  test::PlanSpec spec = test::tiny_plan();
  spec.segments.resize(64, spec.segments[0]);
  const AlignedBytes file = test::write_plan(spec);
  auto* table = file.at<SegmentEntry>(test::header_of(file)->segment_table_offset);
  for (int i = 0; i < 64; ++i) {
    table[i].offset = 0;
    table[i].bytes = file.size();
  }
  test::fix_checksums(file.data(), file.size());
  CHECK(open(file).code == STINT_CORRUPT_PLAN);
}

TEST_CASE("damage is found by the checksums") {
  BentHeader bent;
  SUBCASE("in the flatbuffer") {
    bent.file.data()[bent.header.flatbuffer_offset + bent.header.flatbuffer_bytes / 2] ^=
        std::byte{1};
    const stint_status status = open(bent.file);
    CHECK(status.code == STINT_CHECKSUM_MISMATCH);
    CHECK(status.found == -1);
  }
  SUBCASE("in a segment") {
    bent.file.data()[bent.segment.offset] ^= std::byte{0x80};
    const stint_status status = open(bent.file);
    CHECK(status.code == STINT_CHECKSUM_MISMATCH);
    CHECK(status.found == 0);
  }
}

TEST_CASE("bytes that are not 64-byte aligned in memory are refused") {
  const AlignedBytes whole = test::write_plan(test::tiny_plan());
  const AlignedBytes shifted(whole.size() + 8);
  std::memcpy(shifted.data() + 8, whole.data(), whole.size());
  stint_plan plan;
  const stint_status status = stint_plan_open(shifted.data() + 8, whole.size(), &plan);
  CHECK(status.code == STINT_BLOCK_MISALIGNED);
  CHECK(status.found == 8);
  CHECK(plan.root == nullptr);
}
