// Identifies the model that a plan was built from.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host_builder/import/onnx/external_folders.h"
#include "host_builder/support/sha256.h"

namespace stint::builder {

struct SourceHash {
  Sha256Digest digest{};
  std::vector<std::string> files;  // of external data, in the order in which they are hashed
};

/// Without external data the SHA-256 of the model file, as `sha256sum` prints it. With it the
/// SHA-256 of that digest and of those of all external files, in the order of their locations'
/// bytes, one behind the other: any other weights give another hash. Reads every file once, whole.
/// Throws BuildError for what is no model and for files that are not there.
SourceHash source_hash(std::span<const std::byte> model, const ExternalFolders& folders);

/// As it is printed: 64 hexadecimal digits.
std::string hash_text(const Sha256Digest& digest);

}  // namespace stint::builder
