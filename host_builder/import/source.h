// What a model is read from: one file or several, each read once, and one hash over all of them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "host_builder/support/sha256.h"

namespace stint::builder {

struct SourceFile {
  std::filesystem::path path;  // empty: the bytes came from memory
  std::vector<std::byte> bytes;
  Sha256Digest digest{};
  std::string note;  // something the user should know: the file lies elsewhere. Empty: nothing
};

class Source {
 public:
  /// Reads the files that the user gives: the model's own, and others that its format wants (a
  /// topology's weights). Throws BuildError for what cannot be read.
  static Source of_file(const std::filesystem::path& model,
                        const std::vector<std::filesystem::path>& more = {});
  static Source of_bytes(std::span<const std::byte> model,
                         const std::vector<std::span<const std::byte>>& more = {});

  /// The model's own file.
  const std::filesystem::path& path() const { return given_.front().path; }
  std::span<const std::byte> bytes() const { return given_.front().bytes; }
  /// Every file that the user gave, the model's own first.
  const std::vector<SourceFile>& given() const { return given_; }

  /// A file that the model itself names; null if it was not read yet.
  const SourceFile* find(const std::string& name) const;
  /// Reads it whole and keeps it. Throws FileRefusal.
  const SourceFile& load(const std::string& name, const std::filesystem::path& path,
                         std::string note);
  /// Those that were read, by name.
  const std::map<std::string, SourceFile>& named() const { return named_; }

  /// Of one file its SHA-256, as `sha256sum` prints it. Of several the SHA-256 of their digests one
  /// behind the other: those that the user gave, then those that the model names in the order of
  /// the names' bytes. Under whatever names the user's files lie.
  Sha256Digest digest() const;

 private:
  std::vector<SourceFile> given_;
  std::map<std::string, SourceFile> named_;
};

}  // namespace stint::builder
