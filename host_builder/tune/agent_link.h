// The builder's end of the pipe to stint-agent, which times plans on the target.
//
// Requests are lines, answered by one line of JSON each:
//   hello                       {"ok":true,"protocol":1,"device":"...","sm":90,"driver":13000}
//   time BYTES ITERATIONS       {"ok":true,"p50_us":1.5,"p10_us":1.4}
//   <BYTES bytes of a plan>
// or {"ok":false,"error":"..."}; with "fatal":true the agent is unusable and is started again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/tune/tactic_file.h"

namespace stint::builder {

struct AgentTimes {
  double p50_us = 0;
  double p10_us = 0;
};

/// What became of a request to time a plan.
struct AgentAnswer {
  bool ok = false;
  AgentTimes times;
  std::string error;  // the agent's words, if not ok
};

struct AgentOptions {
  std::chrono::milliseconds start{60'000};   // to the first answer; a network may be in between
  std::chrono::milliseconds answer{60'000};  // to any later one, beside the time to send the plan
};

/// A running agent. Every wait is bounded; what goes wrong with the agent itself is a BuildError
/// that names its command.
class AgentLink {
 public:
  /// Starts `command` through /bin/sh -c and asks for its device.
  explicit AgentLink(std::string command, AgentOptions options = {});
  ~AgentLink();
  AgentLink(const AgentLink&) = delete;
  AgentLink& operator=(const AgentLink&) = delete;

  const TacticDevice& device() const { return device_; }

  /// Median and tenth percentile of a run of the plan's only program.
  AgentAnswer time(const std::vector<std::byte>& plan, uint32_t iterations);

 private:
  using Clock = std::chrono::steady_clock;

  void start();
  void hello();
  /// Closes the pipes and waits for the end, which it brings about after `grace`.
  void stop(std::chrono::milliseconds grace);
  [[noreturn]] void fail(const std::string& why);
  /// How the agent ended, for a message.
  std::string end_of_agent();
  void send(const void* data, size_t bytes, Clock::time_point deadline);
  std::string receive_line(Clock::time_point deadline);

  std::string command_;
  AgentOptions options_;
  TacticDevice device_;
  pid_t pid_ = -1;
  int to_agent_ = -1;
  int from_agent_ = -1;
  std::string received_;  // of lines not complete yet
  unsigned restarts_ = 0;
};

}  // namespace stint::builder
