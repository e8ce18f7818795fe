// Speaks the agent's protocol, verifies plans as the real one does, and makes up times: of the
// steps whose kernel's name holds a text.
//   fake_agent [--sm N] [--driver N] [--name TEXT] [--log FILE] RULE...
// A rule is [PLAN:]TEXT=MICROSECONDS (0: the device refuses such a plan; the last rule that fits a
// step counts, PLAN being the plan's name); a step that none fits takes 1 us. --log gets a line per
// plan: its name.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "agent/protocol.h"
#include "core/include/stint/engine.hpp"
#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"
#include "tests/support/aligned_bytes.h"

namespace {

struct Rule {
  std::string plan, text;
  double us = 0;
};

Rule parse_rule(const std::string& argument) {
  Rule rule;
  const size_t equals = argument.rfind('=');
  std::string left = argument.substr(0, equals);
  if (const size_t colon = left.find(':'); colon != std::string::npos) {
    rule.plan = left.substr(0, colon);
    left = left.substr(colon + 1);
  }
  rule.text = left;
  rule.us = std::atof(argument.substr(equals + 1).c_str());
  return rule;
}

double time_of(const stint::fb::Plan& plan, const std::vector<Rule>& rules) {
  double total = 0;
  for (const auto* step : *plan.variants()->Get(0)->programs()->Get(0)->steps()) {
    double us = 1;
    const std::string symbol = step->launch() == nullptr ? "" : step->launch()->symbol()->str();
    for (const Rule& rule : rules) {
      const bool fits = (rule.plan.empty() || rule.plan == plan.name()->str()) &&
                        symbol.find(rule.text) != std::string::npos;
      if (fits) us = rule.us;
    }
    if (us == 0) return 0;
    total += us;
  }
  return total;
}

std::string refusal_of(const stint::test::AlignedBytes& file) {
  stint::Plan plan;
  const stint_status status = plan.open(file.data(), file.size());
  return stint::ok(status) ? "" : stint::describe(status);
}

void answer_time(const stint::test::AlignedBytes& bytes, const std::vector<Rule>& rules,
                 std::ofstream& log) {
  if (const std::string refusal = refusal_of(bytes); !refusal.empty()) {
    std::cout << "{\"ok\":false,\"error\":\"" << refusal << "\"}" << std::endl;
    return;
  }
  stint::FileHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto& plan =
      *flatbuffers::GetRoot<stint::fb::Plan>(bytes.data() + header.flatbuffer_offset);
  log << plan.name()->str() << std::endl;
  const double us = time_of(plan, rules);
  if (us == 0) {
    std::cout << R"({"ok":false,"error":"too many resources"})" << std::endl;
  } else {
    std::cout << "{\"ok\":true,\"p50_us\":" << us << ",\"p10_us\":" << us << "}" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string sm = "90", driver = "13000", name = "Fake";
  std::vector<Rule> rules;
  std::ofstream log;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--sm") {
      sm = argv[++i];
    } else if (argument == "--driver") {
      driver = argv[++i];
    } else if (argument == "--name") {
      name = argv[++i];
    } else if (argument == "--log") {
      log.open(argv[++i], std::ios::app);
    } else {
      rules.push_back(parse_rule(argument));
    }
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "hello") {
      std::cout << "{\"ok\":true,\"protocol\":" << stint::kAgentProtocol << ",\"device\":\"" << name
                << "\",\"sm\":" << sm << ",\"driver\":" << driver << "}" << std::endl;
      continue;
    }
    size_t size = 0;
    if (std::sscanf(line.c_str(), "time %zu", &size) != 1) return 1;
    const stint::test::AlignedBytes plan(size, 4096);
    std::cin.read(reinterpret_cast<char*>(plan.data()), static_cast<std::streamsize>(size));
    answer_time(plan, rules, log);
  }
}
