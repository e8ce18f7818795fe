// HannWindow, HammingWindow, BlackmanWindow: weights of a number of samples.
#include <algorithm>
#include <cmath>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {
namespace {

/// Sums of cosines: a0 - a1 cos(t) + a2 cos(2t).
struct Cosines {
  double a0, a1, a2;
};

Cosines cosines_of(const std::string& op) {
  if (op == "HannWindow") return {0.5, 0.5, 0.0};
  if (op == "HammingWindow") return {25.0 / 46.0, 1.0 - 25.0 / 46.0, 0.0};
  return {0.42, 0.5, 0.08};
}

void translate_window(NodeTranslation& n) {
  const bool periodic = n.integer("periodic", 1) != 0;
  const auto to = static_cast<int32_t>(n.integer("output_datatype", onnx::TensorProto::FLOAT));
  const auto dtype = dtype_from_onnx(to);
  if (!dtype)
    n.fail("of type " + onnx_type_name(to) + " is not supported",
           "export the model with type float");
  known(n, 0);
  const int64_t size = n.constant_integer(0, "the size");
  HostTensor y = room(n, *dtype, {std::max<int64_t>(size, 0)});
  spend(n, 64.0 * static_cast<double>(y.shape[0]));
  const Cosines c = cosines_of(n.op());
  const double steps = static_cast<double>(periodic ? size : std::max<int64_t>(size - 1, 1));
  for (int64_t i = 0; i < y.shape[0]; ++i) {
    const double t = 2.0 * std::acos(-1.0) * static_cast<double>(i) / steps;
    const auto element = scalar_bytes(*dtype, c.a0 - c.a1 * std::cos(t) + c.a2 * std::cos(2.0 * t));
    std::copy(element.begin(), element.end(),
              y.data.begin() + i * static_cast<int64_t>(element.size()));
  }
  bind_known(n, 0, std::move(y), *dtype);
}

}  // namespace

const std::vector<OperatorEntry> kWindowOperators = {
    {"HannWindow", 17, kNewestOpset, translate_window},
    {"HammingWindow", 17, kNewestOpset, translate_window},
    {"BlackmanWindow", 17, kNewestOpset, translate_window},
};

}  // namespace stint::builder
