#include "host_builder/emit/describe_format.h"

#include <cstdio>

namespace stint::builder {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string readable_bytes(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  if (bytes < 1024 * 1024) return fixed(static_cast<double>(bytes) / 1024, 2) + " KiB";
  return fixed(static_cast<double>(bytes) / (1024 * 1024), 2) + " MiB";
}

std::string readable_count(double count) {
  if (count < 1e3) return fixed(count, 0);
  if (count < 1e6) return fixed(count / 1e3, 1) + " k";
  if (count < 1e9) return fixed(count / 1e6, 1) + " M";
  return fixed(count / 1e9, 2) + " G";
}

std::string readable_type(const nlohmann::json& tensor) {
  std::string text = tensor.at("dtype").get<std::string>() + "[";
  const auto& shape = tensor.at("shape");
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : "x") + std::to_string(shape[i].get<int64_t>());
  return text + "]";
}

std::string readable_binding(const nlohmann::json& binding) {
  const auto name = binding.at("name").get<std::string>();
  if (binding.at("kind") != "image") {
    const std::string kind = binding.at("kind") == "detections" ? "detections " : "";
    return name + "  " + kind + readable_type(binding) + "  " +
           readable_bytes(binding.at("bytes").get<uint64_t>());
  }
  std::string text = name + "  frame -> " + std::to_string(binding.at("width").get<uint32_t>()) +
                     "x" + std::to_string(binding.at("height").get<uint32_t>()) + " " +
                     binding.at("order").get<std::string>() + ", " +
                     binding.at("fit").get<std::string>() + ", mean";
  for (const auto& value : binding.at("mean")) text += " " + fixed(value.get<double>(), 3);
  text += ", scale";
  for (const auto& value : binding.at("scale")) text += " " + fixed(value.get<double>(), 6);
  return text;
}

double peak_ratio(const nlohmann::json& program) {
  const auto bound = program.at("lower_bound_bytes").get<double>();
  return bound == 0 ? 1.0 : program.at("peak_bytes").get<double>() / bound;
}

}  // namespace stint::builder
