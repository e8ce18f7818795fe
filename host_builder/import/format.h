// What the importer needs to know of a file format. Each has a folder here and a line in the list
// of importer.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/import/import_options.h"
#include "host_builder/import/source.h"

namespace stint::builder {

struct Format {
  const char* name;
  /// Whether the file is one of this format, by its content: its name proves nothing.
  bool (*is)(std::span<const std::byte> bytes);
  /// Parses, checks and translates. Every unsupported or malformed node is reported in one
  /// BuildError: its name, what was found, what is needed, what to do. The bytes may be hostile.
  Graph (*import)(Source& source, const ImportOptions& options);
  /// Names of further files, as the model writes them, in the order of their bytes. Throws
  /// BuildError for what is no model.
  std::vector<std::string> (*files)(const Source& source);
  /// Reads one of them into the source. Throws FileRefusal.
  void (*load)(Source& source, const std::string& name);
  /// Whether the user may give the weights in a file of their own, the source's second.
  bool takes_weights = false;
};

}  // namespace stint::builder
