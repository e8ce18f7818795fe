// What --report writes: each layer of an INT8 plan, its precision, why, and its error.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host_builder/builder/builder.h"

namespace stint::builder {

/// As JSON or a page by the file's ending (.json, .html), else as text.
std::string integer_report(const std::vector<IntegerReport>& reports,
                           const std::filesystem::path& file);

}  // namespace stint::builder
