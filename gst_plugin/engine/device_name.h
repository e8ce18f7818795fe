// The `device` property: auto, cpu or cuda:N.
#pragma once

#include <string>

#include "gst_plugin/engine/problem.h"
#include "stint/device.hpp"

namespace stint::gst {

/// Turns what the user wrote (nothing: auto) into a device that is there: the CPU, a CUDA device,
/// or, where there is one, "auto": a plan then decides by the machine code it holds. Fails with
/// kSettings for anything else, saying what would do.
Problem resolve_device(const std::string& wanted, DeviceName* device);

}  // namespace stint::gst
