#include "agent/serve.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "agent/measure.h"
#include "core/include/stint/engine.hpp"
#include "tests/support/cuda_twin.h"
#include "tests/support/frame_plan.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using nlohmann::json;

namespace {

struct Served {
  int code = 0;
  std::vector<json> answers;
};

Served served(const std::string& requests, const AgentSettings& settings = {}) {
  std::FILE* in = std::tmpfile();
  std::FILE* out = std::tmpfile();
  std::fwrite(requests.data(), 1, requests.size(), in);
  std::rewind(in);
  Served result;
  result.code = serve(in, out, settings);
  std::rewind(out);
  std::string text;
  for (int c = std::fgetc(out); c != EOF; c = std::fgetc(out)) text += static_cast<char>(c);
  std::fclose(in);
  std::fclose(out);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) result.answers.push_back(json::parse(line));
  return result;
}

std::string time_request(const test::PlanSpec& spec, int iterations) {
  const test::AlignedBytes file = test::write_plan(spec);
  return "time " + std::to_string(file.size()) + " " + std::to_string(iterations) + "\n" +
         std::string(reinterpret_cast<const char*>(file.data()), file.size());
}

/// Only the CUDA variant: an agent times a plan's first.
test::PlanSpec on_cuda_only(test::PlanSpec spec) {
  spec.variants.erase(spec.variants.begin());
  return spec;
}

}  // namespace

TEST_CASE("an agent speaks for its CUDA device, or for the CPU where there is none") {
  test::FakeCuda fake;
  fake.sm = 90;
  fake.driver_version = 13000;
  const Served gpu = served("hello\n");
  REQUIRE(gpu.answers.size() == 1);
  CHECK(gpu.code == 0);
  CHECK(gpu.answers[0]["ok"] == true);
  CHECK(gpu.answers[0]["sm"] == 90);
  CHECK(gpu.answers[0]["driver"] == 13000);
  CHECK(gpu.answers[0]["device"] != "cpu");
  fake.devices = 0;
  CHECK(served("hello\n").answers.at(0)["device"] == "cpu");
  AgentSettings second;
  second.device = 1;
  CHECK(served("hello\n", second).answers.at(0)["ok"] == false);  // asked for, not there
}

TEST_CASE("plans are timed on the device, with nothing copied by a run and one context for all") {
  test::FakeCuda fake;
  const test::PlanSpec spec = on_cuda_only(test::with_cuda_twin(test::tiny_plan(), &fake));
  const std::string request = time_request(spec, 100);
  const Served once = served(request);
  REQUIRE_MESSAGE(once.answers.at(0)["ok"] == true, once.answers[0].dump());
  CHECK(once.answers[0]["p50_us"] >= once.answers[0]["p10_us"]);
  CHECK(fake.misuse() == "");
  CHECK(fake.live() == 0);
  CHECK(fake.launches() >= 100);
  CHECK(fake.downloads() == 0);
  const uint64_t uploads = fake.uploads();
  CHECK(uploads < 10);  // weights and inputs, when the session is made

  const Served twice = served(request + request);
  REQUIRE(twice.answers.size() == 2);
  CHECK(twice.answers[1]["ok"] == true);
  CHECK(fake.uploads() == 3 * uploads);
  CHECK(fake.live() == 0);
  CHECK(fake.misuse() == "");
}

TEST_CASE("frames and detections are timed too") {
  test::FakeCuda fake;
  const test::PlanSpec spec = on_cuda_only(test::with_cuda_twin(test::frame_plan(1), &fake));
  const Served result = served(time_request(spec, 20));
  REQUIRE_MESSAGE(result.answers.at(0)["ok"] == true, result.answers[0].dump());
  CHECK(fake.misuse() == "");
  CHECK(fake.live() == 0);
}

TEST_CASE("a device that failed ends the agent after its answer; a plan it cannot run does not") {
  test::FakeCuda fake;
  const test::PlanSpec spec = on_cuda_only(test::with_cuda_twin(test::tiny_plan(), &fake));
  const std::string request = time_request(spec, 10);
  bool fatal_seen = false;
  for (int64_t n = 0; n < 200 && !fatal_seen; n += 5) {
    fake.fail_call(n);
    const Served result = served(request + request);
    if (result.answers.at(0)["ok"] == true) continue;
    const bool fatal = result.answers[0].contains("fatal");
    fatal_seen = fatal_seen || fatal;
    CHECK(result.answers.size() == (fatal ? 1 : 2));
    CHECK(result.code == (fatal ? 1 : 0));
    CHECK(fake.live() == 0);
  }
  CHECK(fatal_seen);
  fake.fail_call(-1);
  fake.sm = 90;
  const Served wrong = served(request + request);
  REQUIRE(wrong.answers.size() == 2);
  CHECK(wrong.answers[0]["ok"] == false);
  CHECK(!wrong.answers[0].contains("fatal"));
  CHECK(wrong.code == 0);
}

TEST_CASE("requests that are none end the agent with an answer") {
  for (const char* request : {"what\n", "time\n", "time 10\n", "time x 10\n", "time 10 10 10\n",
                              "time 99999999999999 10\n", "time -1 10\n", "time 10 0\n", "\n"}) {
    CAPTURE(request);
    const Served result = served(request);
    CHECK(result.code == 1);
    REQUIRE(result.answers.size() == 1);
    CHECK(result.answers[0]["ok"] == false);
  }
  const Served cut = served("time 1000 10\nshort");
  CHECK(cut.answers.empty());
  CHECK(cut.code == 1);
  CHECK(served("").answers.empty());
  const Served garbage = served("time 100 10\n" + std::string(100, 'x') + "hello\n");
  REQUIRE(garbage.answers.size() == 2);
  CHECK(garbage.answers[0]["ok"] == false);
  CHECK(garbage.answers[1]["ok"] == true);
}

TEST_CASE("measuring ends at its limit, but not with too few values") {
  const test::AlignedBytes file = test::write_plan(test::tiny_plan());
  Plan plan;
  REQUIRE(ok(plan.open(file.data(), file.size())));
  SingleSession engine;
  REQUIRE(ok(engine.create(plan, "cpu", 1, Options())));
  REQUIRE(engine.session().input_data(0) != nullptr);
  MeasureOptions options;
  options.iterations = 1'000'000;
  options.warm_up = std::chrono::milliseconds(0);
  options.time_limit = std::chrono::milliseconds(1);
  std::vector<double> times;
  REQUIRE(ok(measure_runs(engine.session(), options, &times)));
  CHECK(times.size() >= 5);
  CHECK(times.size() < 100'000);
  CHECK(std::is_sorted(times.begin(), times.end()));
  CHECK(percentile(times, 0.5) == times[times.size() / 2]);
  CHECK(percentile(times, 1.0) == times.back());
}
