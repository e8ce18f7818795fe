// Inverse and hyperbolic functions. Sin, Cos and Tan have kernels.
#include <cmath>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

template <double (*function)(double)>
void translate(NodeTranslation& n) {
  const Value& x = known_wide(n, 0);
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64)
    n.fail("needs a floating-point operand, it is " + std::string(dtype_name(x.dtype)),
           "cast it to float");
  HostTensor y = room(n, x.dtype, x.shape);
  spend(n, 32.0 * static_cast<double>(x.elements()));
  with_element_type(n, x.dtype, [&](auto type) {
    using T = decltype(type);
    for (int64_t i = 0; i < x.elements(); ++i)
      y.as<T>()[i] = static_cast<T>(function(static_cast<double>(elements<T>(x)[i])));
  });
  bind_known(n, 0, std::move(y), n.dtype(0));
}

}  // namespace

const std::vector<OperatorEntry> kTrigonometryOperators = {
    {"Asin", 7, kNewestOpset, translate<std::asin>},
    {"Acos", 7, kNewestOpset, translate<std::acos>},
    {"Atan", 7, kNewestOpset, translate<std::atan>},
    {"Sinh", 9, kNewestOpset, translate<std::sinh>},
    {"Cosh", 9, kNewestOpset, translate<std::cosh>},
    {"Asinh", 9, kNewestOpset, translate<std::asinh>},
    {"Acosh", 9, kNewestOpset, translate<std::acosh>},
    {"Atanh", 9, kNewestOpset, translate<std::atanh>},
};

}  // namespace stint::builder
