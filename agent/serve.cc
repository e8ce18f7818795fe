#include "agent/serve.h"

#include <algorithm>
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
constexpr std::chrono::milliseconds kTimeLimit{100};
// A burst need not be longer: waiting for it takes some 10 us.
constexpr double kBurstMicroseconds = 1000;

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
  ~Agent() { stint_cuda_free(&context_); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

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

  /// A machine without a GPU speaks for its CPU.
  void answer_hello() {
    CudaDeviceInfo info;
    const stint_status status = stint_cuda_device(settings_.device, &info);
    if (!ok(status)) {
      if (settings_.device != 0) return answer_error(describe(status), true);
      std::snprintf(info.name, sizeof info.name, "cpu");
      info.sm = info.driver_version = 0;
    }
    answer("{\"ok\":true,\"protocol\":" + std::to_string(kAgentProtocol) +
           ",\"version\":" + quoted(STINT_VERSION_STRING) + ",\"device\":" + quoted(info.name) +
           ",\"sm\":" + std::to_string(info.sm) +
           ",\"driver\":" + std::to_string(info.driver_version) + "}");
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
    TargetInfo target;
    uint32_t batch = 0, count = 0;
    // A probe has one target: whether it is for this device is seen when it is loaded.
    if (stint_status status = plan.target(0, &target); !ok(status)) return status;
    if (stint_status status = plan.batches(target.name, &batch, 1, &count); !ok(status))
      return status;
    const bool on_cuda = target.kind == STINT_DEVICE_CUDA;
    if (on_cuda) {
      if (stint_status status = keep_context(); !ok(status)) return status;
    }
    Options options;
    options.threads = settings_.threads;
    options.device = settings_.device;
    Program program;
    std::vector<BindingInfo> inputs, outputs;
    if (stint_status status = program.open(plan, target.name, batch); !ok(status)) return status;
    if (stint_status status = list_bindings(program, &inputs, &outputs); !ok(status)) return status;
    // Pinning buffers that are bound elsewhere would take longer than the timing.
    const bool own_io = !on_cuda || !NoiseInputs::binds_all_on_device(inputs, outputs);
    NoiseInputs noise;  // outlives the session
    SingleSession loaded;
    if (stint_status status = loaded.create(plan, target.name, batch, options, own_io); !ok(status))
      return status;
    const stint_status bound =
        on_cuda ? noise.bind_on_device(inputs, outputs, batch, settings_.device, loaded.session())
                : noise.bind(inputs, batch, loaded.session());
    if (!ok(bound)) return bound;
    MeasureOptions measure;
    measure.iterations = iterations;
    measure.warm_up = kWarmUp;
    measure.time_limit = kTimeLimit;
    if (on_cuda) {
      if (stint_status status = choose_burst(loaded.session(), &measure.burst); !ok(status))
        return status;
    }
    return measure_runs(loaded.session(), measure, times);
  }

  static stint_status choose_burst(Session& session, uint32_t* burst) {
    MeasureOptions once;
    once.iterations = 1;
    once.warm_up = std::chrono::milliseconds(0);
    once.burst = 1;
    std::vector<double> times;
    const stint_status status = measure_runs(session, once, &times);
    if (ok(status))
      *burst = std::clamp(static_cast<uint32_t>(kBurstMicroseconds / std::max(1.0, times[0])), 1u,
                          kBurst);
    return status;
  }

  /// A context that lives as long as the agent: making one for every plan would take longer than
  /// all the rest.
  stint_status keep_context() {
    if (context_.data != nullptr) return ok_result();
    return stint_cuda_allocate(settings_.device, STINT_CUDA_DEVICE_MEMORY, 1, &context_);
  }

  CudaMemory context_;
  std::FILE* in_;
  std::FILE* out_;
  AgentSettings settings_;
};

}  // namespace

int serve(std::FILE* in, std::FILE* out, const AgentSettings& settings) {
  return Agent(in, out, settings).serve();
}

}  // namespace stint
