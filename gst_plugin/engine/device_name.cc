#include "gst_plugin/engine/device_name.h"

#include <algorithm>

namespace stint::gst {

Problem resolve_device(const std::string& wanted, std::string* device) {
  if (wanted.empty() || wanted == "auto" || wanted == "cpu") {
    *device = "cpu";
    return {};
  }
  const std::string prefix = "cuda:";
  const std::string number = wanted.starts_with(prefix) ? wanted.substr(prefix.size()) : "";
  const bool is_cuda =
      !number.empty() && number.size() <= 3 &&
      std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (is_cuda) {
    return {Problem::Kind::kSettings, "this stintinfer runs plans on the CPU only", wanted,
            "device=cpu or device=auto, and a plan with a cpu target",
            "stint build MODEL.onnx --target cpu -o MODEL.plan"};
  }
  return {Problem::Kind::kSettings, "there is no such device", wanted, "auto, cpu or cuda:N", ""};
}

}  // namespace stint::gst
