#include "agent/serve.h"

#include <cinttypes>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "agent/measure.h"
#include "agent/protocol.h"
#include "core/include/stint/engine.hpp"

namespace stint {
namespace {

// A layer's plan is loaded, timed and gone within some 50 ms, so that hundreds of them fit into a
// build; the device's clocks stay up as the requests follow each other.
constexpr std::chrono::milliseconds kWarmUp{5};

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return json + "\"";
}

class Agent {
 public:
  Agent(std::FILE* in, std::FILE* out, const AgentSettings& settings)
      : in_(in), out_(out), settings_(settings) {}

  int serve() {
    char line[128];
    while (std::fgets(line, sizeof line, in_) != nullptr) {
      uint64_t bytes = 0;
      uint32_t iterations = 0;
      int end = 0;
      if (std::strcmp(line, "hello\n") == 0) {
        answer_hello();
      } else if (std::sscanf(line, "time %" SCNu64 " %" SCNu32 "\n%n", &bytes, &iterations, &end) ==
                     2 &&
                 line[end] == '\0') {
        if (!answer_time(bytes, iterations)) return 1;
      } else {
        answer_error("this request is unknown; requests are: hello, time BYTES ITERATIONS", true);
        return 1;
      }
    }
    return 0;
  }

 private:
  void answer(const std::string& json) {
    std::fprintf(out_, "%s\n", json.c_str());
    std::fflush(out_);
  }
  void answer_error(const std::string& text, bool fatal) {
    answer("{\"ok\":false,\"error\":" + quoted(text) + (fatal ? ",\"fatal\":true}" : "}"));
  }

  void answer_hello() {
    answer("{\"ok\":true,\"protocol\":" + std::to_string(kAgentProtocol) + ",\"version\":" +
           quoted(STINT_VERSION_STRING) + ",\"device\":\"cpu\",\"sm\":0,\"driver\":0}");
  }

  /// False if no further request can be answered.
  bool answer_time(uint64_t bytes, uint32_t iterations) {
    if (bytes > kAgentMaxPlanBytes || iterations == 0 || iterations > kAgentMaxIterations) {
      answer_error("the plan is too large or the number of iterations is not possible", true);
      return false;
    }
    // Plans are verified before use; what they need of their memory is a cache line's alignment.
    void* plan = ::operator new (bytes + 1, std::align_val_t{4096}, std::nothrow);
    if (plan == nullptr) {
      answer_error("there is not enough memory for the plan", true);
      return false;
    }
    const bool complete = std::fread(plan, 1, bytes, in_) == bytes;
    bool usable = complete;
    if (complete) usable = answer_time_of(plan, bytes, iterations);
    ::operator delete (plan, std::align_val_t{4096});
    return usable;
  }

  bool answer_time_of(const void* bytes, uint64_t size, uint32_t iterations) {
    std::vector<double> times;
    const stint_status status = time_plan(bytes, size, iterations, &times);
    if (!ok(status)) {
      // After a failed launch the driver refuses everything in this process.
      const bool fatal = status.code == STINT_CUDA_FAILED;
      answer_error(describe(status), fatal);
      return !fatal;
    }
    char json[128];
    std::snprintf(json, sizeof json, "{\"ok\":true,\"p50_us\":%.4f,\"p10_us\":%.4f}",
                  percentile(times, 0.5), percentile(times, 0.1));
    answer(json);
    return true;
  }

  stint_status time_plan(const void* bytes, uint64_t size, uint32_t iterations,
                         std::vector<double>* times) {
    Plan plan;
    if (stint_status status = plan.open(bytes, size); !ok(status)) return status;
    const char* target = plan.target_name(0);
    uint32_t batch = 0;
    if (target == nullptr || plan.batches(target, &batch, 1) == 0)
      return {STINT_NO_SUCH_TARGET, 0xFFFFFFFFu, "the plan holds no program", 0, 1};
    stint_options options = {};
    options.threads = settings_.threads;
    NoiseInputs inputs;  // outlives the session
    Engine engine;
    if (stint_status status = engine.create(plan, target, batch, options); !ok(status))
      return status;
    std::vector<stint_binding_info> bindings(plan.input_count(target, batch));
    for (uint32_t i = 0; i < bindings.size(); ++i) {
      if (stint_status status = plan.input(target, batch, i, &bindings[i]); !ok(status))
        return status;
    }
    if (stint_status status = inputs.bind(bindings, batch, engine.session()); !ok(status))
      return status;
    MeasureOptions measure;
    measure.iterations = iterations;
    measure.warm_up = kWarmUp;
    return measure_runs(engine.session(), measure, times);
  }

  std::FILE* in_;
  std::FILE* out_;
  AgentSettings settings_;
};

}  // namespace

int serve(std::FILE* in, std::FILE* out, const AgentSettings& settings) {
  return Agent(in, out, settings).serve();
}

}  // namespace stint
