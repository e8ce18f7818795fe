#include "host_builder/import/onnx/operators/window_attributes.h"

#include <map>

namespace stint::builder {

void check_extents(const NodeTranslation& n, const Extents& values, size_t count, int64_t least,
                   const char* what) {
  if (values.size() != count) {
    n.fail(std::string("attribute '") + what + "' has " + std::to_string(values.size()) +
               " entries, needs " + std::to_string(count),
           kCheckModel);
  }
  for (int64_t v : values) {
    if (v < least || v > kMaxWindowExtent)
      n.fail(std::string("attribute '") + what + "' holds " + std::to_string(v) +
                 ", which is out of range",
             kCheckModel);
  }
}

Window read_window(NodeTranslation& n, size_t spatial, const Extents& default_kernel) {
  Window w;
  w.kernel = n.integers("kernel_shape", default_kernel);
  w.strides = n.integers("strides", Extents(spatial, 1));
  w.dilations = n.integers("dilations", Extents(spatial, 1));
  const std::string auto_pad = n.text("auto_pad", "NOTSET");
  const Extents pads = n.integers("pads", Extents(2 * spatial, 0));
  check_extents(n, w.kernel, spatial, 1, "kernel_shape");
  check_extents(n, w.strides, spatial, 1, "strides");
  check_extents(n, w.dilations, spatial, 1, "dilations");
  check_extents(n, pads, 2 * spatial, 0, "pads");
  static const std::map<std::string, Padding> kPaddings = {{"NOTSET", Padding::kExplicit},
                                                           {"VALID", Padding::kValid},
                                                           {"SAME_UPPER", Padding::kSameUpper},
                                                           {"SAME_LOWER", Padding::kSameLower}};
  const auto padding = kPaddings.find(auto_pad);
  if (padding == kPaddings.end()) {
    n.fail(
        "attribute 'auto_pad' is '" + auto_pad + "', needs NOTSET, VALID, SAME_UPPER or SAME_LOWER",
        kCheckModel);
  }
  w.padding = padding->second;
  w.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(spatial));
  w.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(spatial), pads.end());
  return w;
}

Extents kernel_of_weights(const NodeTranslation& n, size_t spatial, size_t weights) {
  if (n.rank(weights) != spatial + 2) {
    n.fail("weights " + shape_text(n.shape(weights)) + " do not have the input's rank " +
               std::to_string(spatial + 2),
           kCheckModel);
  }
  return {n.shape(weights).begin() + 2, n.shape(weights).end()};
}

}  // namespace stint::builder
