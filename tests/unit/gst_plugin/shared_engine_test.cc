#include "gst_plugin/engine/shared_engine.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "tests/support/brightest_cell_plan.h"
#include "tests/support/cuda_twin.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_plan.h"

using namespace stint::gst;
using namespace stint::test;

namespace {

std::string save(const TemporaryFolder& folder, const std::string& name, const PlanSpec& spec) {
  const AlignedBytes file = write_plan(spec);
  return folder.write(name, file.data(), file.size());
}

/// A grey frame of `size` x `size` with one white cell.
struct CellFrame {
  CellFrame(uint32_t cell, uint32_t size) : pixels(size_t{size} * size, 0) {
    const uint32_t side = size / kCellsPerSide;
    for (uint32_t y = 0; y < side; ++y) {
      for (uint32_t x = 0; x < side; ++x) {
        pixels[(cell / kCellsPerSide * side + y) * size + cell % kCellsPerSide * side + x] = 255;
      }
    }
    image.planes[0] = pixels.data();
    image.strides[0] = static_cast<int32_t>(size);
    image.width = image.height = size;
    image.format = STINT_FORMAT_GRAY8;
    image.range = STINT_RANGE_FULL;
  }
  std::vector<uint8_t> pixels;
  stint_image image = STINT_IMAGE_INIT;
};

EngineRequest request(const std::string& path, const std::string& id = "") {
  return {path, "auto", id, 1};
}

Problem open_problem(const std::string& path, const std::string& device = "auto") {
  std::shared_ptr<SharedEngine> engine;
  Problem problem = EngineRegistry::instance().open({path, device, "", 1}, &engine);
  CHECK(bool(engine) == !problem);
  return problem;
}

}  // namespace

TEST_CASE("an engine gives every stream the detections of its own frame") {
  TemporaryFolder folder;
  const std::string path = save(folder, "cells.plan", brightest_cell_plan({1, 2, 4}));
  std::shared_ptr<SharedEngine> engine;
  REQUIRE_FALSE(EngineRegistry::instance().open(request(path), &engine));
  CHECK(engine->device == "cpu");
  CHECK(engine->plan().batch_sizes() == std::vector<uint32_t>{1, 2, 4});
  CHECK(engine->plan().labels().size() == kCells);
  CHECK(engine->plan().input_width() == kCellsPerSide);
  REQUIRE(engine->plan().warm_up_times().size() == 3);
  for (const Nanoseconds time : engine->plan().warm_up_times()) CHECK(time.count() > 0);

  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (uint32_t cell = 0; cell < 8; ++cell) {
    threads.emplace_back([&, cell] {
      auto member = engine->batcher().join();
      const CellFrame frame(cell, 40 + 4 * cell);
      for (int i = 0; i < 50; ++i) {
        member->jobs().resize(1);
        member->jobs()[0].image = frame.image;
        const InferResult result = member->infer({}, nullptr);
        const auto& found = member->jobs()[0].detections;
        const bool right = result.outcome == Outcome::kDone && found.size() == 1 &&
                           found[0].class_id == int(cell) &&
                           found[0].x2 == float(frame.image.width);
        if (!right) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("streams with different limits in one batch each get what they would get alone") {
  TemporaryFolder folder;
  std::unique_ptr<PlanExecutor> executor;
  REQUIRE_FALSE(PlanExecutor::open(save(folder, "cells.plan", brightest_cell_plan()),
                                   {STINT_DEVICE_CPU, 0}, 1, &executor));
  // Brightness falls from cell to cell: 1.0, 0.9, ... in 4x4 cells of one pixel.
  std::vector<uint8_t> pixels(kCells);
  for (uint32_t i = 0; i < kCells; ++i) pixels[i] = static_cast<uint8_t>(255 - 16 * i);
  const Limits limits[4] = {{0.95f, -1, 3}, {0.0f, -1, 2}, {0.9f, -1, 4}, {0.0f, -1, 4}};
  const size_t expected[4] = {1, 2, 2, 4};
  Job jobs[4];
  Job* pointers[4];
  for (int i = 0; i < 4; ++i) {
    jobs[i].image = CellFrame(0, 4).image;
    jobs[i].image.planes[0] = pixels.data();
    jobs[i].limits = limits[i];
    pointers[i] = &jobs[i];
    CHECK(limits[i].fits_with(limits[0]));
  }
  REQUIRE_FALSE(executor->run(4, pointers, 4));
  for (int i = 0; i < 4; ++i) {
    CAPTURE(i);
    const std::vector<stint_detection> together = jobs[i].detections;
    CHECK(together.size() == expected[i]);
    Job* alone = &jobs[i];
    REQUIRE_FALSE(executor->run(1, &alone, 1));
    REQUIRE(jobs[i].detections.size() == together.size());
    for (size_t k = 0; k < together.size(); ++k) {
      CHECK(together[k].class_id == jobs[i].detections[k].class_id);
    }
  }
}

TEST_CASE("a frame that cannot be bound fails alone") {
  TemporaryFolder folder;
  std::unique_ptr<PlanExecutor> executor;
  REQUIRE_FALSE(PlanExecutor::open(save(folder, "cells.plan", brightest_cell_plan()),
                                   {STINT_DEVICE_CPU, 0}, 1, &executor));
  const CellFrame good(5, 16);
  Job first, bad, last;
  first.image = last.image = bad.image = good.image;
  bad.image.format = 0xFFFFFFFFu;
  Job* jobs[] = {&first, &bad, &last};
  CHECK_FALSE(executor->run(4, jobs, 3));
  CHECK(bad.problem);
  CHECK_FALSE(first.problem);
  REQUIRE(first.detections.size() == 1);
  REQUIRE(last.detections.size() == 1);
  CHECK(last.detections[0].class_id == 5);
}

TEST_CASE("the registry shares what is the same and nothing else") {
  TemporaryFolder folder;
  const std::string path = save(folder, "a.plan", brightest_cell_plan());
  auto& registry = EngineRegistry::instance();
  std::shared_ptr<SharedEngine> a, b;
  REQUIRE_FALSE(registry.open(request(path), &a));

  SUBCASE("same path") {
    REQUIRE_FALSE(registry.open(request(path), &b));
    CHECK(a == b);
  }
  SUBCASE("through a link") {
    std::filesystem::create_symlink(path, folder.path("link.plan"));
    REQUIRE_FALSE(registry.open(request(folder.path("link.plan")), &b));
    CHECK(a == b);
  }
  SUBCASE("another engine-id") {
    REQUIRE_FALSE(registry.open(request(path, "other"), &b));
    CHECK(a != b);
  }
  SUBCASE("the path now leads to another plan") {
    save(folder, "a.plan", brightest_cell_plan({1}, "other-"));
    REQUIRE_FALSE(registry.open(request(path), &b));
    CHECK(a != b);
    CHECK(b->plan().labels()[0] == "other-0");
    CHECK(a->plan().labels()[0] == "cell-0");  // the old one still runs
  }
  SUBCASE(
      "the file was overwritten in place: those who come get the new plan, those there keep "
      "theirs") {
    const AlignedBytes next = write_plan(brightest_cell_plan({1}, "next-"));
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(next.data()),
               static_cast<std::streamsize>(next.size()));
    REQUIRE_FALSE(registry.open(request(path), &b));
    CHECK(a != b);
    CHECK(b->plan().labels()[0] == "next-0");
    auto member = a->batcher().join();
    const CellFrame frame(9, 16);
    member->jobs().resize(1);
    member->jobs()[0].image = frame.image;
    REQUIRE(member->infer({}, nullptr).outcome == Outcome::kDone);
    CHECK(member->jobs()[0].detections.at(0).class_id == 9);
    CHECK(a->identity.checksum == content_checksum(a->plan().plan_data(), a->plan().plan_bytes()));
  }
  SUBCASE("gone when nobody holds it") {
    const std::weak_ptr<SharedEngine> watch = a;
    a.reset();
    CHECK(watch.expired());
    REQUIRE_FALSE(registry.open(request(path), &b));
  }
}

TEST_CASE("threads that open one plan at the same time get one engine") {
  TemporaryFolder folder;
  const std::string path = save(folder, "a.plan", brightest_cell_plan());
  std::vector<std::shared_ptr<SharedEngine>> engines(4);
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (auto& engine : engines) {
    threads.emplace_back([&] {
      if (EngineRegistry::instance().open(request(path), &engine)) ++failed;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  for (auto& engine : engines) CHECK(engine == engines[0]);
}

TEST_CASE("what cannot be opened says what was found, what is needed and what to do") {
  TemporaryFolder folder;
  const auto check = [](const Problem& problem, Problem::Kind kind) {
    CAPTURE(problem.message);
    CHECK(problem.kind == kind);
    CHECK_FALSE(problem.message.empty());
    CHECK_FALSE(problem.found.empty());
    CHECK_FALSE(problem.needed.empty());
  };
  const std::string good = save(folder, "good.plan", brightest_cell_plan());
  SUBCASE("missing") {
    const Problem problem = open_problem(folder.path("none.plan"));
    check(problem, Problem::Kind::kNotFound);
    CHECK(problem.command.find("stint build") != std::string::npos);
  }
  SUBCASE("a folder") { check(open_problem(folder.path("")), Problem::Kind::kUnreadable); }
  SUBCASE("empty") { check(open_problem(folder.write("empty", "", 0)), Problem::Kind::kSettings); }
  SUBCASE("text, short and long") {
    check(open_problem(folder.write("short", "hello\n", 6)), Problem::Kind::kSettings);
    const std::string text(5000, 'x');
    const Problem problem = open_problem(folder.write("long", text.data(), text.size()));
    check(problem, Problem::Kind::kSettings);
    CHECK(problem.needed.find("plan") != std::string::npos);
  }
  SUBCASE("truncated at any place") {
    const AlignedBytes file = write_plan(brightest_cell_plan());
    for (size_t size = 0; size < file.size(); size += 97) {
      check(open_problem(folder.write("cut", file.data(), size)), Problem::Kind::kSettings);
    }
  }
  SUBCASE("a plan without frames and detections") {
    const Problem problem = open_problem(save(folder, "tensors.plan", tiny_plan()));
    check(problem, Problem::Kind::kSettings);
    CHECK(problem.command.find("--preprocess") != std::string::npos);
  }
  SUBCASE("a plan for another device") {
    const PlanSpec spec = for_no_machine(brightest_cell_plan());
    check(open_problem(save(folder, "gpu.plan", spec)), Problem::Kind::kSettings);
  }
  SUBCASE("a CUDA device that the plan has no machine code for") {
    FakeCuda machine;
    const Problem problem = open_problem(good, "cuda:0");
    check(problem, Problem::Kind::kSettings);
    CHECK(problem.command.find("--target sm_87") != std::string::npos);
    check(open_problem(good, "cuda:1"), Problem::Kind::kSettings);
    CHECK_FALSE(open_problem(good, "auto"));
  }
  SUBCASE("devices") {
    check(open_problem(good, "cuda:0"), Problem::Kind::kSettings);
    check(open_problem(good, "toaster"), Problem::Kind::kSettings);
    check(open_problem(good, "cuda:"), Problem::Kind::kSettings);
    CHECK_FALSE(open_problem(good, "cpu"));
  }
}

TEST_CASE("frames from the host run on a CUDA device through the same engine") {
  FakeCuda machine;
  TemporaryFolder folder;
  const std::string path =
      save(folder, "both.plan", with_cuda_twin(brightest_cell_plan({1, 2}), &machine));
  for (const char* device : {"cuda:0", "auto", "cpu"}) {
    std::shared_ptr<SharedEngine> engine;
    const Problem problem = EngineRegistry::instance().open({path, device, "", 1}, &engine);
    REQUIRE_MESSAGE(!problem, problem.message);
    CHECK(engine->device == (device == std::string("cpu") ? "cpu" : "cuda:0"));
    auto member = engine->batcher().join();
    for (uint32_t cell = 0; cell < 5; ++cell) {
      const CellFrame frame(cell, 40);
      member->jobs().resize(1);
      member->jobs()[0].image = frame.image;
      REQUIRE(member->infer({}, nullptr).outcome == Outcome::kDone);
      const auto& found = member->jobs()[0].detections;
      REQUIRE(found.size() == 1);
      CHECK(found[0].class_id == static_cast<int>(cell));
    }
  }
  CHECK(machine.launches() > 10);
  CHECK(machine.live() == 0);
  CHECK_MESSAGE(machine.misuse().empty(), machine.misuse());
}
