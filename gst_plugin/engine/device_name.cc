#include "gst_plugin/engine/device_name.h"

#include "stint/engine.hpp"

namespace stint::gst {

Problem resolve_device(const std::string& wanted, DeviceName* device) {
  if (!wanted.empty() && !device->parse(wanted))
    return {Problem::Kind::kSettings, "there is no such device", wanted, "auto, cpu or cuda:N", ""};
  if (device->kind == STINT_DEVICE_CPU) return {};
  CudaDeviceInfo info;
  const stint_status status = stint_cuda_device(device->ordinal, &info);
  if (stint::ok(status)) return {};
  if (device->kind == STINT_DEVICE_ANY) {
    device->kind = STINT_DEVICE_CPU;
    return {};
  }
  return {Problem::Kind::kSettings, "the device cannot be used: " + stint::describe(status), wanted,
          "device=cpu or device=auto, and a plan with a cpu target",
          "stint build MODEL.onnx --target cpu -o MODEL.plan"};
}

}  // namespace stint::gst
