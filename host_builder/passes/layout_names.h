// Names of values that passes brought into another order of axes.
#pragma once

#include <optional>
#include <string>

namespace stint::builder {

/// The name without the last ending that the layout pass gave it ("x_nhwc", "x_p_1": "x"): of a
/// value with the same elements in another order or shape. Nothing if it has none. A model may use
/// such names of its own: whoever can, looks for the whole name first.
std::optional<std::string> without_layout_ending(const std::string& name);

}  // namespace stint::builder
