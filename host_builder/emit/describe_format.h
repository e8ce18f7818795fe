// Numbers and shapes as people read them; shared by the text and the page.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace stint::builder {

/// "512 B", "1.50 KiB", "3.25 MiB".
std::string readable_bytes(uint64_t bytes);

/// "12.3 M", "1.20 G".
std::string readable_count(double count);

/// "f32[1x3x224x224]" of a tensor or binding as describe_json gives it.
std::string readable_type(const nlohmann::json& tensor);

/// One line about an input or output.
std::string readable_binding(const nlohmann::json& binding);

/// peak / lower bound, 1 when nothing is planned.
double peak_ratio(const nlohmann::json& program);

/// printf's "%.*f".
std::string fixed(double value, int digits);

}  // namespace stint::builder
