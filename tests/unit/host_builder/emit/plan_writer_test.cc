#include "host_builder/emit/plan_writer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "../schedule/graph_maker.h"
#include "core/include/stint/stint.hpp"
#include "host_builder/emit/weights_segment.h"
#include "host_builder/support/sha256.h"
#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"
#include "tests/support/session_blocks.h"

using namespace stint;
using namespace stint::builder;

namespace {

/// Memory on the alignment that plans and sessions want.
struct Block {
  explicit Block(size_t bytes)
      : data(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4096) / 4096 * 4096))) {}
  ~Block() { std::free(data); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  std::byte* data;
};

// y = exp(x + c) as the left part, abs(x) as the right part of a concatenation; z = x + c.
Graph small_graph(int64_t batch) {
  GraphMaker m;
  m.graph.batch = batch;
  const ValueId x = m.input("x", {batch, 3});
  const ValueId c = m.constant("c", {1, 3}, 0.5f);
  const ValueId z = m.binary(EltOp::kAdd, x, c, "z");
  const ValueId y = m.graph.add_value("y", DType::kF32, {batch, 6});
  m.unary_into(EltOp::kExp, z, m.part(y, 0, 3, "left"));
  m.unary_into(EltOp::kAbs, x, m.part(y, 3, 3, "right"));
  m.output(y);
  m.output(z);
  return m.graph;
}

struct Written {
  Graph one = small_graph(1), two = small_graph(2);
  Schedule schedule_one = make_schedule(one), schedule_two = make_schedule(two);

  std::vector<std::byte> bytes() const {
    PlanContents contents;
    contents.name = "small";
    contents.source_hash = sha256({});
    contents.labels = {"cat", "dog"};
    contents.variants = {{find_target("cpu"), {{&one, &schedule_one}, {&two, &schedule_two}}}};
    return write_plan(contents);
  }
};

void check_ok(const stint_status& status) {
  CAPTURE(status.message);
  CAPTURE(status.detail);
  CAPTURE(status.found);
  CAPTURE(status.needed);
  REQUIRE(status.code == STINT_OK);
}

}  // namespace

TEST_CASE("a written plan opens, says what it holds, and computes what the graph says") {
  const std::vector<std::byte> bytes = Written().bytes();
  Block file(bytes.size());
  std::memcpy(file.data, bytes.data(), bytes.size());
  stint_plan plan;
  check_ok(stint_plan_open(file.data, bytes.size(), &plan));
  CHECK(std::string(stint_plan_name(&plan)) == "small");
  CHECK(stint_plan_label_count(&plan) == 2);
  CHECK(std::string(stint_plan_label(&plan, 1)) == "dog");
  uint32_t batches[4] = {};
  uint32_t count = 0;
  check_ok(stint_plan_batches(&plan, "cpu", batches, 4, &count));
  REQUIRE(count == 2);
  CHECK(batches[1] == 2);
  stint_program program;
  BindingInfo info;
  check_ok(stint_plan_program(&plan, nullptr, 2, &program));
  check_ok(stint_program_output(&program, 0, &info));
  CHECK(std::string(info.name) == "y");
  CHECK(info.rank == 2);
  CHECK(info.shape[0] == 2);
  CHECK(info.shape[1] == 6);
  CHECK(info.bytes == 48);

  const test::HostEngine engine(plan);
  Requirements need;
  check_ok(stint_program_requirements(&program, nullptr, &need));
  std::unique_ptr<Block> blocks[STINT_MAX_SPACES];
  Memory memory;
  for (int i = 0; i < STINT_MAX_SPACES; ++i) {
    blocks[i] = std::make_unique<Block>(need.space[i].bytes + 1);
    memory.space[i] = {blocks[i]->data, need.space[i].bytes};
  }
  stint_session* session = nullptr;
  check_ok(stint_session_create(engine.get(), &program, nullptr, &memory, &session));
  const float x[6] = {-3, -2, -1, 0, 1, 2};
  std::memcpy(stint_input_data(session, 0), x, sizeof x);
  check_ok(stint_run(session));
  const auto* y = static_cast<const float*>(stint_output_data(session, 0));
  const auto* z = static_cast<const float*>(stint_output_data(session, 1));
  for (int n = 0; n < 2; ++n) {
    for (int i = 0; i < 3; ++i) {
      CHECK(y[n * 6 + i] == doctest::Approx(std::exp(x[n * 3 + i] + 0.5)));
      CHECK(y[n * 6 + 3 + i] == std::fabs(x[n * 3 + i]));
      CHECK(z[n * 3 + i] == x[n * 3 + i] + 0.5f);
    }
  }
  stint_session_destroy(session);
}

TEST_CASE("the same build gives the same bytes, wherever it runs") {
  const std::vector<std::byte> first = Written().bytes();
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::temp_directory_path());
  const std::vector<std::byte> second = Written().bytes();
  std::filesystem::current_path(here);
  CHECK(first == second);
}

TEST_CASE("constants are stored once for all programs, aligned, and segments by their size") {
  const std::vector<std::byte> bytes = Written().bytes();
  FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  REQUIRE(header.segment_count == 1);
  SegmentEntry segment;
  std::memcpy(&segment, bytes.data() + header.segment_table_offset, sizeof segment);
  CHECK(segment.bytes == 64);  // 12 bytes of constant, both programs
  CHECK(segment.offset % 256 == 0);

  WeightsSegment weights;
  const auto make = [](size_t n, int fill) {
    return std::make_shared<const std::vector<std::byte>>(n, std::byte(fill));
  };
  const uint64_t a = weights.add(make(100, 1)), b = weights.add(make(100, 2)),
                 c = weights.add(make(100, 1));
  CHECK(a == c);
  CHECK(b == 128);
  CHECK(weights.add(make(50, 1)) != a);
}

TEST_CASE("decisions name step, tactic and provenance") {
  const std::vector<std::byte> bytes = Written().bytes();
  FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::vector<std::byte> flat(
      bytes.begin() + static_cast<std::ptrdiff_t>(header.flatbuffer_offset),
      bytes.begin() +
          static_cast<std::ptrdiff_t>(header.flatbuffer_offset + header.flatbuffer_bytes));
  const fb::Plan* plan = fb::GetPlan(flat.data());
  const auto& decisions = *plan->variants()->Get(0)->decisions();
  REQUIRE(decisions.size() == 6);
  CHECK(decisions.Get(0)->subject()->str() == "z_node");
  CHECK(decisions.Get(0)->choice()->str() == Written().schedule_one.steps[0].spec.tactic);
  CHECK(decisions.Get(0)->choice()->size() > 0);
  CHECK(decisions.Get(0)->provenance() == fb::Provenance::Predicted);
  CHECK(decisions.Get(0)->predicted_us() > 0);
  CHECK(decisions.Get(5)->batch() == 2);
  CHECK(decisions.Get(5)->step() == 2);
  CHECK(plan->source_hash()->size() == 32);
  CHECK(plan->builder()->str().find("stint ") == 0);
}

TEST_CASE("sha256 of the standard's examples") {
  const auto hex = [](const std::string& text) {
    return hex_text(sha256(std::as_bytes(std::span(text))));
  };
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
