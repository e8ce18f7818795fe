// The table of results per operator, and the list of expected refusals.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stint::conformance {

enum class Outcome { kPassed, kPassedWithConstants, kRefused, kWrong };

struct Result {
  std::string test;
  std::string group;  // the operator under test
  Outcome outcome = Outcome::kPassed;
  std::string reason;        // of a refusal or a wrong result
  bool by_importer = false;  // the refusal
};

/// Lines "test<TAB>reason", '#' starts a comment.
std::map<std::string, std::string> read_expected_refusals(const std::filesystem::path& path);
void write_expected_refusals(const std::filesystem::path& path, const std::vector<Result>& results);

/// One line per operator with counts, then refusals grouped by reason, then every wrong result.
std::string table(const std::vector<Result>& results);

/// The reason in a BuildError without what differs from test to test.
std::string short_reason(const std::string& error);

}  // namespace stint::conformance
