// The `device` property: auto, cpu or cuda:N.
#pragma once

#include <cstdint>
#include <string>

#include "gst_plugin/engine/problem.h"

namespace stint::gst {

/// Turns what the user wrote into "cpu", "cuda:N", or, where there is a CUDA device, "auto": a plan
/// then decides by the machine code it holds. Fails with kSettings for anything else, saying what
/// would do.
Problem resolve_device(const std::string& wanted, std::string* device);

/// N of a resolved "cuda:N".
uint32_t cuda_ordinal(const std::string& device);

}  // namespace stint::gst
