// Model files -> graph, whatever their format.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/import/import_options.h"
#include "host_builder/import/source.h"

namespace stint::builder {

/// The model with static shapes everywhere and constants folded. Its format is found by its
/// content. Files that the model names are read into the source. Throws BuildError with everything
/// that is wrong.
Graph import_model(Source& source, const ImportOptions& options);
Graph import_model(const std::filesystem::path& model, const ImportOptions& options);

/// The model's own file and those that it names, each once; they need not exist. A file that is no
/// model is alone: importing it says why.
std::vector<std::filesystem::path> files_of_model(const std::filesystem::path& model);

struct SourceHash {
  Sha256Digest digest{};
  std::vector<std::string> files;  // that the model names, in the order in which they are hashed
};

/// Of the model and all files that it names: any other weights give another hash (Source::digest).
/// Reads those that were not read yet. Throws BuildError for what is no model and for files that
/// are not there.
SourceHash source_hash(Source& source);

}  // namespace stint::builder
