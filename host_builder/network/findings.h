// What is found wrong with a network, collected so that a user sees all of it at once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "host_builder/network/network_options.h"
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

/// Ends a translation as a whole: attempt() lets it pass.
class TranslationEnds : public Refusal {
 public:
  using Refusal::Refusal;
};

class NetworkFindings {
 public:
  explicit NetworkFindings(int64_t batch, SourceWords words = {})
      : batch_(batch), words_(std::move(words)) {}

  /// `where`: "node 'a' (Conv)". What is found, needed and to be done is the refusal's.
  void add(const std::string& where, const Refusal& refusal);
  /// Errors of shape inference and of the kernels know no remedy; they get one here.
  void add(const std::string& where, const BuildError& error);
  /// Whatever the work throws becomes a finding.
  template <typename Work>
  void attempt(const std::string& where, Work&& work) {
    try {
      work();
    } catch (...) {
      add_caught(where);
    }
  }
  bool empty() const { return texts_.empty() && files_.empty(); }
  /// Throws all of it as one BuildError, if there is any.
  void raise() const;

 private:
  struct FileFinding {
    std::string text, first_reader;
    size_t readers = 0;
  };

  void add_text(const std::string& text);
  void add_caught(const std::string& where);

  int64_t batch_;
  SourceWords words_;
  std::vector<std::string> texts_;
  std::set<std::string> seen_;  // a body that is translated several times repeats its findings
  size_t left_out_ = 0;
  std::map<std::string, FileFinding> files_;
};

}  // namespace stint::builder
