// Errors of the host world.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace stint::builder {

/// The work failed. what() says what was found, what is needed and what to do; several findings are
/// one per line.
class BuildError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The request itself is wrong (bad option value), not the work. The command line exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Collects findings so that a user sees all of them at once.
class Findings {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  bool empty() const { return texts_.empty(); }
  const std::vector<std::string>& texts() const { return texts_; }
  /// Throws BuildError("<headline>\n  - <finding>...") if there is any.
  void raise(const std::string& headline) const;

 private:
  std::vector<std::string> texts_;
};

}  // namespace stint::builder
