#include "tests/conformance/report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace stint::conformance {
namespace {

struct Counts {
  size_t tests = 0, passed = 0, with_constants = 0, folded = 0, refused = 0, wrong = 0;

  void add(Outcome outcome) {
    ++tests;
    passed += outcome == Outcome::kPassed;
    with_constants += outcome == Outcome::kPassedWithConstants;
    folded += outcome == Outcome::kFolded;
    refused += outcome == Outcome::kRefused;
    wrong += outcome == Outcome::kWrong || outcome == Outcome::kDeviates;
  }
};

std::string row(const std::string& name, const Counts& c) {
  char line[160];
  std::snprintf(line, sizeof(line), "%-32.32s %6zu %7zu %10zu %6zu %8zu %6zu\n", name.c_str(),
                c.tests, c.passed, c.with_constants, c.folded, c.refused, c.wrong);
  return line;
}

}  // namespace

std::map<std::string, std::string> read_reasons(const std::filesystem::path& path) {
  std::map<std::string, std::string> expected;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    if (line.empty() || line[0] == '#' || tab == std::string::npos) continue;
    expected[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return expected;
}

void write_expected_refusals(const std::filesystem::path& path,
                             const std::vector<Result>& results) {
  std::ofstream file(path);
  file << "# ONNX backend tests that the builder refuses, and why. Written by the conformance "
          "tests when\n"
          "# STINT_WRITE_EXPECTATIONS names this file. A refused test that is not listed fails the "
          "tests.\n"
          "# 'folded': built where every operand is a constant.\n";
  for (const Result& r : results) {
    if (r.outcome == Outcome::kRefused) file << r.test << '\t' << r.reason << '\n';
    if (r.outcome == Outcome::kFolded) file << r.test << '\t' << kFoldedMark << r.reason << '\n';
  }
}

std::string table(const std::vector<Result>& results) {
  std::map<std::string, Counts> groups;
  std::map<std::string, size_t> reasons;
  Counts total;
  for (const Result& r : results) {
    groups[r.group].add(r.outcome);
    total.add(r.outcome);
    if (r.outcome == Outcome::kRefused) ++reasons[r.reason];
  }
  std::string text =
      "operator                          tests  passed  with shape folded  refused  wrong\n"
      "                                                   inputs fixed\n";
  Counts refused_entirely;
  for (const auto& [name, counts] : groups) {
    if (counts.refused == counts.tests) {
      refused_entirely.tests += counts.tests;
      refused_entirely.refused += counts.refused;
    } else {
      text += row(name, counts);
    }
  }
  text += row("operators refused altogether", refused_entirely) + row("all", total) +
          "\nrefused because\n";
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(count, reason);
  std::sort(sorted.rbegin(), sorted.rend());
  for (const auto& [count, reason] : sorted) text += std::to_string(count) + "\t" + reason + "\n";
  for (const Result& r : results) {
    if (r.outcome == Outcome::kDeviates) text += "deviates, " + r.test + ": " + r.reason + "\n";
    if (r.outcome == Outcome::kWrong) text += "WRONG " + r.test + ": " + r.reason + "\n";
  }
  return text;
}

std::string short_reason(const std::string& error) {
  // "headline:\n  - node 'name' (Op): reason\n  - ..." -> "Op: reason"
  const size_t item = error.find("\n  - ");
  std::string text = item == std::string::npos ? error : error.substr(item + 5);
  text = text.substr(0, text.find('\n'));
  if (text.rfind("node '", 0) == 0) {
    const size_t open = text.find("' (");
    const size_t close = text.find("): ", open);
    if (open != std::string::npos && close != std::string::npos) {
      text = text.substr(open + 3, close - open - 3) + ": " + text.substr(close + 3);
    }
  }
  return text;
}

}  // namespace stint::conformance
