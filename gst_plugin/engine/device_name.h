// The `device` property: auto, cpu or cuda:N.
#pragma once

#include <string>

#include "gst_plugin/engine/problem.h"

namespace stint::gst {

/// Turns what the user wrote into the device that will be used ("cpu"). `auto` takes the best there
/// is. Fails with kSettings for anything else, saying what would do.
Problem resolve_device(const std::string& wanted, std::string* device);

}  // namespace stint::gst
