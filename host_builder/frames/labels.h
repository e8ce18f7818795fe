// Class names: read from a text file, and counted against what the plan decodes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// One class name a line, the first is class 0: UTF-8, a byte order mark and any line ends are left
/// out, so are spaces around a name and empty lines at the end; an empty line between is a class
/// without a name. Throws BuildError that begins with `name` for what is not such a list: no line,
/// UTF-16, binary or other bytes, JSON, YAML, a pbtxt label map.
std::vector<std::string> parse_labels(std::string_view text, const std::string& name);

/// Throws like read_file() and parse_labels().
std::vector<std::string> read_labels(const std::filesystem::path& path);

/// Throws BuildError unless there is one label for each class that the graph's decoder counts,
/// background included. A graph without decoder or labels passes: nobody knows how many it needs.
void check_label_count(const std::vector<std::string>& labels, const Graph& graph);

}  // namespace stint::builder
