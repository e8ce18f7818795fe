#include "host_builder/tune/agent_link.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "host_builder/support/error.h"
#include "tests/support/tiny_plan.h"

using namespace stint::builder;
using std::chrono::milliseconds;

namespace {

constexpr const char* kHello =
    R"(read line; echo '{"ok":true,"protocol":1,"device":"D","sm":90,"driver":13000}'; )";

AgentOptions impatient() {
  AgentOptions options;
  options.start = options.answer = milliseconds(300);
  return options;
}

/// What starting the agent and timing a small plan fails with.
std::string failure_of(const std::string& command) {
  try {
    AgentLink link(command, impatient());
    link.time(std::vector<std::byte>(100), 10);
  } catch (const BuildError& error) {
    CHECK(std::string(error.what()).find("the agent '") == 0);
    return error.what();
  }
  return "no failure";
}

bool has(const std::string& text, const char* part) {
  CAPTURE(text);
  CAPTURE(part);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an agent that is not one is refused with what it did") {
  CHECK(has(failure_of("/nowhere/agent 2>/dev/null"),
            "exit status 127 without an answer; is the command installed there?"));
  CHECK(has(failure_of("exit 3"), "exit status 3"));
  CHECK(has(failure_of("kill -9 $$"), "signal 9"));
  CHECK(has(failure_of("echo hello world"), "answered 'hello world', which is not"));
  CHECK(has(failure_of("echo '{}'"), "not stint-agent's protocol"));
  CHECK(has(failure_of("yes | tr -d '\\n'"), "endless"));
  CHECK(has(failure_of(R"(echo '{"ok":true,"protocol":77}')"), "protocol 77, this builder 1"));
  CHECK(has(failure_of(R"(echo '{"ok":true,"protocol":1}')"), "no text \"device\""));
  CHECK(has(failure_of(R"(echo '{"ok":true,"protocol":1,"device":"D","sm":-1,"driver":1}')"),
            "no number \"sm\""));
  CHECK(has(failure_of(R"(echo '{"ok":false,"error":"no driver"}')"), "cannot work: no driver"));
}

TEST_CASE("an agent that fails while it works is a clear error in bounded time") {
  const std::string hello = kHello;
  const auto start = std::chrono::steady_clock::now();
  CHECK(has(failure_of("exec sleep 100"), "does not answer in time"));
  CHECK(has(failure_of(hello + "exec sleep 100"), "does not answer in time"));
  CHECK(has(failure_of(hello + "exit 4"), "exit status 4"));
  CHECK(has(failure_of(hello + "echo garbage; cat >/dev/null"), "answered 'garbage'"));
  CHECK(has(failure_of(hello + R"(echo '{"ok":true,"p50_us":"x"}'; cat >/dev/null)"),
            "no time \"p50_us\""));
  CHECK(has(failure_of(hello + R"(echo '{"ok":true,"p50_us":0,"p10_us":0}'; cat >/dev/null)"),
            "no time \"p50_us\""));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("a plan larger than a pipe holds does not hang on an agent that does not read") {
  AgentLink link(std::string(kHello) + "exec sleep 100", impatient());
  CHECK_THROWS_WITH_AS(link.time(std::vector<std::byte>(1 << 20), 10),
                       doctest::Contains("does not take what it is sent"), BuildError);
  AgentLink dead(std::string(kHello) + "exit 0", impatient());
  CHECK_THROWS_WITH_AS(dead.time(std::vector<std::byte>(1 << 20), 10),
                       doctest::Contains("exit status 0"), BuildError);
}

TEST_CASE("a refused plan is an answer, and a broken agent is started again") {
  AgentLink link(std::string(kHello) +
                 R"(read line; echo '{"ok":false,"error":"lost","fatal":true}')");
  for (int i = 0; i < 2; ++i) {
    const AgentAnswer answer = link.time({}, 10);
    CHECK(!answer.ok);
    CHECK(answer.error == "lost");
  }
  CHECK(link.device().name == "D");
}

TEST_CASE("no agent outlives its link") {
  { AgentLink link(std::string(kHello) + "cat >/dev/null"); }
  failure_of("exec sleep 100");
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("the real agent times a plan of the cpu") {
  AgentLink link(STINT_AGENT);
  const stint::test::AlignedBytes file = stint::test::write_plan(stint::test::tiny_plan());
  const std::vector<std::byte> plan(file.data(), file.data() + file.size());
  for (int i = 0; i < 2; ++i) {
    const AgentAnswer answer = link.time(plan, 50);
    REQUIRE_MESSAGE(answer.ok, answer.error);
    CHECK(answer.times.p50_us >= answer.times.p10_us);
    CHECK(answer.times.p10_us > 0);
  }
  std::vector<std::byte> damaged = plan;
  damaged[damaged.size() / 2] ^= std::byte{0xff};
  const AgentAnswer refused = link.time(damaged, 50);
  CHECK(!refused.ok);
  CHECK(!refused.error.empty());
  CHECK(link.time(plan, 50).ok);  // and goes on
}
