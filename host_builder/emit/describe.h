// What a plan file holds, for people and for scripts (stint inspect). Every function verifies the
// whole file first and throws BuildError for one that is not a sound plan.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace stint::builder {

/// "schema" of describe_json(): raised when a key changes its meaning or goes, not for new ones.
inline constexpr int kDescriptionSchema = 1;

/// Targets, programs, bindings, steps with tactics, the memory map, sizes and checksums.
nlohmann::json describe_json(const std::vector<std::byte>& plan);

/// The same for a terminal.
std::string describe_text(const std::vector<std::byte>& plan);

/// The same as one self-contained page, with the memory map drawn.
std::string describe_html(const std::vector<std::byte>& plan);

}  // namespace stint::builder
