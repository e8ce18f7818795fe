// The labels of classes in a text file, one a line.
#pragma once

#include <string>
#include <vector>

#include "gst_plugin/engine/problem.h"

namespace stint::gst {

/// Reads UTF-8 lines without their ends; a byte order mark and empty lines at the end are left out,
/// an empty line elsewhere is a class without a label. Whatever is no list of lines (a folder or a
/// FIFO, binary data, UTF-16, JSON, YAML, an empty file) is refused: read as lines, it would name
/// classes wrongly.
Problem read_labels_file(const std::string& path, std::vector<std::string>* labels);

}  // namespace stint::gst
