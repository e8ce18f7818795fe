#include "host_builder/schedule/memory_planner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>

#include "host_builder/schedule/exact_packing.h"
#include "host_builder/support/error.h"

using namespace stint::builder;

namespace {

// Smallest peak by trying every order with the lowest gap: an optimal packing, pushed down, is one
// of these.
uint64_t brute_force_peak(const std::vector<BufferRequest>& requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  uint64_t best = ~uint64_t{0};
  do {
    std::vector<uint64_t> offsets(requests.size(), 0);
    std::vector<size_t> placed;
    uint64_t peak = 0;
    for (size_t i : order) {
      uint64_t offset = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t k : placed) {
          const bool together =
              requests[i].first <= requests[k].last && requests[k].first <= requests[i].last;
          const bool clash =
              offset < offsets[k] + requests[k].bytes && offsets[k] < offset + requests[i].bytes;
          if (!together || !clash) continue;
          const uint64_t a = requests[i].alignment;
          offset = (offsets[k] + requests[k].bytes + a - 1) / a * a;
          moved = true;
        }
      }
      offsets[i] = offset;
      placed.push_back(i);
      peak = std::max(peak, offset + requests[i].bytes);
    }
    best = std::min(best, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

std::vector<BufferRequest> random_requests(std::mt19937& random, size_t count, uint64_t alignment) {
  std::vector<BufferRequest> requests(count);
  for (BufferRequest& r : requests) {
    r.bytes = 1 + random() % 12;
    r.first = random() % 8;
    r.last = r.first + random() % 5;
    r.alignment = alignment;
  }
  return requests;
}

std::vector<BufferRequest> read_problem(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path.string());
  std::string line;
  std::getline(file, line);
  std::vector<BufferRequest> requests;
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::string id, lower, upper, size;
    std::getline(fields, id, ',');
    std::getline(fields, lower, ',');
    std::getline(fields, upper, ',');
    std::getline(fields, size, ',');
    requests.push_back({std::stoull(size), std::stoll(lower), std::stoll(upper) - 1, 1});
  }
  return requests;
}

}  // namespace

TEST_CASE("small problems get the smallest peak there is") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const uint64_t alignment = uint64_t{1} << (random() % 3);
    const auto requests = random_requests(random, 1 + random() % 7, alignment);
    const MemoryPlan plan = plan_memory(requests);
    verify_memory_plan(requests, plan);
    CAPTURE(round);
    CHECK(plan.peak == brute_force_peak(requests));
    CHECK(plan.lower_bound <= plan.peak);
  }
}

TEST_CASE("the exact search finds the optimum and proves that less is impossible") {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const auto requests = random_requests(random, 2 + random() % 6, 1);
    const uint64_t best = brute_force_peak(requests);
    const PackingProblem problem = make_packing_problem(requests);
    Offsets offsets;
    uint64_t steps = 1'000'000;
    CAPTURE(round);
    CHECK(pack_exactly(problem, best, steps, offsets) == SearchResult::kFound);
    CHECK(peak_of(problem, offsets) == best);
    CHECK(pack_exactly(problem, best - 1, steps, offsets) == SearchResult::kImpossible);
  }
}

TEST_CASE(
    "the lower bound counts the bytes alive at one step, with the padding no plan can avoid") {
  const MemoryPlan bytes = plan_memory({{10, 0, 1, 1}, {20, 1, 2, 1}, {15, 2, 3, 1}});
  CHECK(bytes.lower_bound == 35);
  const MemoryPlan aligned = plan_memory({{10, 0, 0, 64}, {100, 0, 0, 64}});
  CHECK(aligned.lower_bound == 128 + 10);
  CHECK(aligned.peak == 128 + 10);
}

TEST_CASE("planning is deterministic, also where the budget ends the search") {
  std::mt19937 random(3);
  std::vector<BufferRequest> requests;
  for (int i = 0; i < 120; ++i) {
    const int64_t first = random() % 60;
    requests.push_back(
        {1 + random() % 5000, first, first + static_cast<int64_t>(random() % 20), 64});
  }
  PlannerOptions options;
  options.search_steps = 2000;
  const MemoryPlan a = plan_memory(requests, options), b = plan_memory(requests, options);
  verify_memory_plan(requests, a);
  CHECK(a.offsets == b.offsets);
  CHECK(a.heuristic == b.heuristic);
}

TEST_CASE("degenerate requests") {
  CHECK(plan_memory({}).peak == 0);
  const std::vector<BufferRequest> empty_buffer = {{0, 0, 3, 64}, {5, 1, 2, 64}};
  const MemoryPlan plan = plan_memory(empty_buffer);
  verify_memory_plan(empty_buffer, plan);
  CHECK(plan.peak == 5);
  CHECK_THROWS_AS(plan_memory({{5, 3, 2, 1}}), BuildError);
  CHECK_THROWS_AS(plan_memory({{5, 0, 2, 0}}), BuildError);
  CHECK_THROWS_AS(plan_memory({{~uint64_t{0}, 0, 2, 1}}), BuildError);
}

TEST_CASE("the verifier sees an overlap, a misalignment, a buffer outside and a missing offset") {
  const std::vector<BufferRequest> requests = {{100, 0, 2, 64}, {100, 2, 3, 64}};
  CHECK_NOTHROW(verify_memory_plan(requests, {{0, 128}, 228, 0, ""}));
  CHECK_THROWS_AS(verify_memory_plan(requests, {{0, 64}, 228, 0, ""}), BuildError);
  CHECK_THROWS_AS(verify_memory_plan(requests, {{0, 130}, 230, 0, ""}), BuildError);
  CHECK_THROWS_AS(verify_memory_plan(requests, {{0, 128}, 227, 0, ""}), BuildError);
  CHECK_THROWS_AS(verify_memory_plan(requests, {{0}, 228, 0, ""}), BuildError);
}

TEST_CASE("hard published problems fit their capacity within ten seconds") {
  const char* data = std::getenv("STINT_DATA");
  if (data == nullptr) {
    MESSAGE("skipped: STINT_DATA is not set");
    return;
  }
  const std::filesystem::path folder = std::filesystem::path(data) / "memory_planning";
  for (const std::string name :
       {"A.1048576", "B.1048576", "C.1048576", "D.1048576", "E.1048576", "input.12"}) {
    CAPTURE(name);
    const auto requests = read_problem(folder / (name + ".csv"));
    PlannerOptions options;
    options.capacity = std::stoull(name.substr(name.find('.') + 1));
    const auto begin = std::chrono::steady_clock::now();
    const MemoryPlan plan = plan_memory(requests, options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    verify_memory_plan(requests, plan);
    CHECK(plan.peak <= options.capacity);
    CHECK(seconds.count() < 10.0);
    MESSAGE(name << ": peak " << plan.peak << ", lower bound " << plan.lower_bound << ", "
                 << plan.heuristic << ", " << seconds.count() << " s");
  }
}
