// What the importer finds wrong with a model, collected so that a user sees all of it at once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "host_builder/support/error.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

/// A refusal that concerns a whole file of external data, not only the tensor that met it first.
class FileRefusal : public Refusal {
 public:
  FileRefusal(std::string location, const std::string& found, Action action,
              const std::string& rest = {})
      : Refusal(found, action, rest), location_(std::move(location)) {}
  const std::string& location() const { return location_; }

 private:
  std::string location_;
};

class ImportFindings {
 public:
  explicit ImportFindings(int64_t batch) : batch_(batch) {}

  void add(const std::string& where, const Refusal& refusal);
  /// Errors of shape inference and of the kernels know no remedy; they get one here.
  void add(const std::string& where, const BuildError& error);
  bool empty() const { return texts_.empty() && files_.empty(); }
  /// Throws all of it as one BuildError, if there is any.
  void raise() const;

 private:
  struct FileFinding {
    std::string text, first_reader;
    size_t readers = 0;
  };

  void add_text(const std::string& text);

  int64_t batch_;
  std::vector<std::string> texts_;
  std::set<std::string> seen_;  // a body that is translated several times repeats its findings
  size_t left_out_ = 0;
  std::map<std::string, FileFinding> files_;
};

}  // namespace stint::builder
