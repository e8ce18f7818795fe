// The table of results per operator, and the list of expected refusals.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stint::conformance {

/// kFolded: right where every operand is a constant, refused otherwise. kDeviates: wrong by ONNX's
/// test and listed as meant so.
enum class Outcome { kPassed, kPassedWithConstants, kFolded, kRefused, kDeviates, kWrong };

struct Result {
  std::string test;
  std::string group;  // the operator under test
  Outcome outcome = Outcome::kPassed;
  std::string reason;  // of a refusal (for kFolded of operands that are no constants) or a wrong
                       // result
  bool by_importer = false;  // the refusal
};

/// Starts the reason of an expected refusal that does not concern constants: the test is kFolded.
inline constexpr const char* kFoldedMark = "folded, else ";

/// Lines "test<TAB>reason", '#' starts a comment.
std::map<std::string, std::string> read_reasons(const std::filesystem::path& path);
void write_expected_refusals(const std::filesystem::path& path, const std::vector<Result>& results);

/// One line per operator with counts, then refusals grouped by reason, then every wrong result.
std::string table(const std::vector<Result>& results);

/// The reason in a BuildError without what differs from test to test.
std::string short_reason(const std::string& error);

}  // namespace stint::conformance
