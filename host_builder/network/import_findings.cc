#include "host_builder/network/import_findings.h"

namespace stint::builder {
namespace {

/// Beyond this many findings the list stops: a hostile file could make it as long as it likes.
constexpr size_t kMaxFindings = 500;

}  // namespace

void ImportFindings::add_text(const std::string& text) {
  if (texts_.size() >= kMaxFindings) {
    ++left_out_;
    return;
  }
  if (seen_.insert(text).second) texts_.push_back(text);
}

void ImportFindings::add(const std::string& where, const Refusal& refusal) {
  add_text(where + ": " + refusal.what());
}

void ImportFindings::add(const std::string& where, const BuildError& error) {
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
    add(where, Refusal(error.what(), kCheckModel));
  }
}

void ImportFindings::raise() const {
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
  findings.raise("the ONNX model cannot be built:");
}

}  // namespace stint::builder
