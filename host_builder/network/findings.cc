#include "host_builder/network/findings.h"

#include <new>

namespace stint::builder {
namespace {

/// Beyond this many findings the list stops: a hostile file could make it as long as it likes.
constexpr size_t kMaxFindings = 500;

}  // namespace

void NetworkFindings::add_text(const std::string& text) {
  if (texts_.size() >= kMaxFindings) {
    ++left_out_;
    return;
  }
  if (seen_.insert(text).second) texts_.push_back(text);
}

void NetworkFindings::add(const std::string& where, const Refusal& refusal) {
  add_text(where + ": " + refusal.what());
}

void NetworkFindings::add(const std::string& where, const BuildError& error) {
  if (const auto* file = dynamic_cast<const FileRefusal*>(&error)) {
    FileFinding& finding = files_[file->location()];
    if (finding.readers++ > 0) return;
    finding.text = file->what();
    finding.first_reader = where;
  } else if (const auto* refusal = dynamic_cast<const Refusal*>(&error)) {
    add(where, *refusal);
  } else if (batch_ > 1) {
    add(where, Refusal(error.what(),
                       "build with --batch 1, or export the model with an open batch "
                       "axis: it may be made for another batch than ",
                       std::to_string(batch_)));
  } else {
    add(where, Refusal(error.what(), words_.check));
  }
}

void NetworkFindings::add_caught(const std::string& where) {
  try {
    throw;
  } catch (const TranslationEnds&) {
    throw;
  } catch (const BuildError& error) {
    add(where, error);
  } catch (const std::bad_alloc&) {
    add(where, Refusal("memory ran out while it was translated",
                       "build on a machine with more memory, or reduce the model"));
  } catch (const std::exception& error) {
    add(where, Refusal(std::string("is malformed (") + error.what() + ")", words_.check));
  }
}

void NetworkFindings::raise() const {
  Findings findings;
  for (const std::string& text : texts_) findings.add(text);
  if (left_out_ > 0) {
    findings.add(Refusal(std::to_string(left_out_) + " more findings are not listed",
                         "build again when these are mended")
                     .what());
  }
  for (const auto& [location, file] : files_) {
    const std::string readers =
        file.readers == 1 ? file.first_reader
                          : std::to_string(file.readers) + " tensors, first " + file.first_reader;
    findings.add("external data '" + location + "' (" + readers + "): " + file.text);
  }
  findings.raise(words_.headline);
}

}  // namespace stint::builder
