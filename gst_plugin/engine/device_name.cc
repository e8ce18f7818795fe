#include "gst_plugin/engine/device_name.h"

#include <algorithm>
#include <cstring>

#include "stint/engine.hpp"

namespace stint::gst {

namespace {
constexpr const char* kCudaPrefix = "cuda:";
}

Problem resolve_device(const std::string& wanted, std::string* device) {
  stint_cuda_device_info info;
  if (wanted == "cpu" || wanted.empty() || wanted == "auto") {
    const bool has_choice = wanted != "cpu" && stint::ok(stint_cuda_device(0, &info));
    *device = has_choice ? "auto" : "cpu";
    return {};
  }
  const std::string number =
      wanted.starts_with(kCudaPrefix) ? wanted.substr(std::strlen(kCudaPrefix)) : "";
  const bool is_cuda =
      !number.empty() && number.size() <= 3 &&
      std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_cuda)
    return {Problem::Kind::kSettings, "there is no such device", wanted, "auto, cpu or cuda:N", ""};
  *device = kCudaPrefix + std::to_string(std::stoul(number));
  const stint_status status = stint_cuda_device(cuda_ordinal(*device), &info);
  if (stint::ok(status)) return {};
  return {Problem::Kind::kSettings, "the device cannot be used: " + stint::describe(status), wanted,
          "device=cpu or device=auto, and a plan with a cpu target",
          "stint build MODEL.onnx --target cpu -o MODEL.plan"};
}

uint32_t cuda_ordinal(const std::string& device) {
  return static_cast<uint32_t>(std::stoul(device.substr(std::strlen(kCudaPrefix))));
}

}  // namespace stint::gst
