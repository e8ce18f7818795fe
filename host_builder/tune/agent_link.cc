#include "host_builder/tune/agent_link.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/protocol.h"
#include "host_builder/support/error.h"

extern char** environ;

namespace stint::builder {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr size_t kMaxAnswerBytes = 65536;  // an answer is one short line
constexpr size_t kMaxNameBytes = 128;
constexpr unsigned kMaxRestarts = 8;
constexpr double kSlowestLinkBytesPerMs = 250;  // 2 Mbit/s: a slower network is taken for a hang
constexpr milliseconds kGrace{2000};            // to end by itself once its input is closed
constexpr milliseconds kShortGrace{100};        // for one that has failed

/// Writing to an agent that died must be an error here, not the end of this process. Keeps SIGPIPE
/// from this thread while alive and swallows the one that a write caused.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipeSignal() {
    const timespec now = {};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

void close_if_open(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

/// Waits until the descriptor is ready or closed; false at the deadline.
bool wait_for(int fd, short events, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting = {fd, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

/// Printable ASCII, for messages and files, whatever an agent says.
std::string printable(const std::string& text, size_t limit) {
  std::string clean;
  for (const char c : text.substr(0, limit)) clean += c >= 0x20 && c < 0x7f ? c : '?';
  return clean + (text.size() > limit ? "..." : "");
}

uint32_t whole_number(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned() || found->get<uint64_t>() > UINT32_MAX)
    throw BuildError(std::string("its answer has no number \"") + name + "\"");
  return found->get<uint32_t>();
}

double microseconds(const Json& json, const char* name) {
  const auto found = json.find(name);
  const double us = found != json.end() && found->is_number() ? found->get<double>() : 0;
  if (!(us > 0) || !std::isfinite(us))
    throw BuildError(std::string("its answer has no time \"") + name + "\"");
  return us;
}

std::string text_of(const Json& json, const char* name, size_t limit) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string())
    throw BuildError(std::string("its answer has no text \"") + name + "\"");
  return printable(found->get_ref<const std::string&>(), limit);
}

/// Throws BuildError for what is no answer.
Json parse_answer(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  const bool answered = json.is_object() && json.contains("ok") && json["ok"].is_boolean();
  if (!answered)
    throw BuildError("it answered '" + printable(line, 120) +
                     "', which is not stint-agent's protocol");
  return json;
}

}  // namespace

AgentLink::AgentLink(std::string command, AgentOptions options)
    : command_(std::move(command)), options_(options) {
  try {
    start();
    hello();
  } catch (...) {
    stop(kShortGrace);
    throw;
  }
}

AgentLink::~AgentLink() { stop(kGrace); }

void AgentLink::start() {
  int down[2] = {-1, -1}, up[2] = {-1, -1};  // its input, its output
  if (pipe2(down, O_CLOEXEC) != 0) throw BuildError("no pipe: " + std::string(strerror(errno)));
  if (pipe2(up, O_CLOEXEC) != 0) {
    const int error = errno;
    close(down[0]);
    close(down[1]);
    throw BuildError("no pipe: " + std::string(strerror(error)));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], 0);
  posix_spawn_file_actions_adddup2(&actions, up[1], 1);
  std::string shell = "/bin/sh", flag = "-c";
  char* arguments[] = {shell.data(), flag.data(), command_.data(), nullptr};
  const int error = posix_spawn(&pid_, "/bin/sh", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  to_agent_ = down[1];
  from_agent_ = up[0];
  received_.clear();
  if (error != 0) {
    pid_ = -1;
    fail("/bin/sh cannot be started: " + std::string(strerror(error)));
  }
  fcntl(to_agent_, F_SETFL, fcntl(to_agent_, F_GETFL) | O_NONBLOCK);
}

void AgentLink::hello() {
  const Clock::time_point deadline = Clock::now() + options_.start;
  const std::string request = "hello\n";
  send(request.data(), request.size(), deadline);
  const std::string line = receive_line(deadline);
  try {
    const Json answer = parse_answer(line);
    if (!answer["ok"].get<bool>())
      throw BuildError("it cannot work: " + text_of(answer, "error", 1000));
    if (const uint32_t protocol = whole_number(answer, "protocol"); protocol != kAgentProtocol)
      throw BuildError("it speaks protocol " + std::to_string(protocol) + ", this builder " +
                       std::to_string(kAgentProtocol) +
                       "; install the stint-agent of this version");
    TacticDevice device;
    device.name = text_of(answer, "device", kMaxNameBytes);
    device.sm = whole_number(answer, "sm");
    device.driver = whole_number(answer, "driver");
    if (device.name.empty()) throw BuildError("it does not name its device");
    if (!device_.name.empty() && device_ != device)
      throw BuildError("started again, it speaks for " + device.name + " instead of " +
                       device_.name);
    device_ = std::move(device);
  } catch (const BuildError& error) {
    fail(error.what());
  }
}

AgentAnswer AgentLink::time(const std::vector<std::byte>& plan, uint32_t iterations) {
  const auto sending =
      milliseconds(static_cast<int64_t>(static_cast<double>(plan.size()) / kSlowestLinkBytesPerMs));
  const Clock::time_point deadline = Clock::now() + options_.answer + sending;
  const std::string request =
      "time " + std::to_string(plan.size()) + " " + std::to_string(iterations) + "\n";
  send(request.data(), request.size(), deadline);
  send(plan.data(), plan.size(), deadline);
  const std::string line = receive_line(deadline);
  AgentAnswer result;
  bool restart = false;
  try {
    const Json answer = parse_answer(line);
    result.ok = answer["ok"].get<bool>();
    if (result.ok) {
      result.times = {microseconds(answer, "p50_us"), microseconds(answer, "p10_us")};
    } else {
      result.error = text_of(answer, "error", 1000);
      restart = answer.contains("fatal") && answer["fatal"] == true;
    }
  } catch (const BuildError& error) {
    fail(error.what());
  }
  if (restart) {
    if (++restarts_ > kMaxRestarts)
      fail("it broke down again and again; the last time: " + result.error);
    stop(kGrace);
    start();
    hello();
  }
  return result;
}

void AgentLink::send(const void* data, size_t bytes, Clock::time_point deadline) {
  const NoBrokenPipeSignal guard;
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = write(to_agent_, next, bytes);
    if (written > 0) {
      next += written;
      bytes -= static_cast<size_t>(written);
    } else if (written < 0 && errno == EAGAIN) {
      if (!wait_for(to_agent_, POLLOUT, deadline)) fail("it does not take what it is sent");
    } else if (written < 0 && errno != EINTR) {
      return;  // it reads no more; what it said last, or how it ended, is in receive_line
    }
  }
}

std::string AgentLink::receive_line(Clock::time_point deadline) {
  for (;;) {
    if (const size_t end = received_.find('\n'); end != std::string::npos) {
      const std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    if (received_.size() > kMaxAnswerBytes) fail("its answer is endless");
    if (!wait_for(from_agent_, POLLIN, deadline)) fail("it does not answer in time");
    std::array<char, 4096> buffer;
    const ssize_t count = read(from_agent_, buffer.data(), buffer.size());
    if (count > 0) {
      received_.append(buffer.data(), static_cast<size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      fail(end_of_agent());
    }
  }
}

std::string AgentLink::end_of_agent() {
  int status = 0;
  const Clock::time_point deadline = Clock::now() + kGrace;
  pid_t ended = 0;
  while (pid_ > 0 && (ended = waitpid(pid_, &status, WNOHANG)) == 0 && Clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(5));
  if (ended != pid_) return "it closed its output without an answer";
  pid_ = -1;
  if (WIFSIGNALED(status))
    return "it was ended by signal " + std::to_string(WTERMSIG(status)) + " without an answer";
  const int code = WEXITSTATUS(status);
  return "it ended with exit status " + std::to_string(code) + " without an answer" +
         (code == 127 ? "; is the command installed there?" : "");
}

void AgentLink::fail(const std::string& why) {
  stop(kShortGrace);
  throw BuildError("the agent '" + printable(command_, 200) + "': " + why);
}

void AgentLink::stop(milliseconds grace) {
  close_if_open(to_agent_);  // an idle agent ends by itself
  close_if_open(from_agent_);
  const auto ended_within = [this](milliseconds time) {
    const Clock::time_point deadline = Clock::now() + time;
    for (;;) {
      if (pid_ <= 0 || waitpid(pid_, nullptr, WNOHANG) != 0) return true;
      if (Clock::now() >= deadline) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
  };
  if (!ended_within(grace)) {
    kill(pid_, SIGTERM);
    if (!ended_within(grace)) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  pid_ = -1;
}

}  // namespace stint::builder
