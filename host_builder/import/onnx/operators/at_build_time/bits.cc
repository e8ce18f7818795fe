// BitShift and BitCast.
#include <type_traits>

#include "host_builder/import/onnx/operators/at_build_time/known.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

void translate_shift(NodeTranslation& n) {
  const std::string direction = n.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    n.fail("attribute 'direction' is '" + direction + "', needs LEFT or RIGHT", kCheckModel);
  const Value& x = known(n, 0);
  const Value& by = known(n, 1);
  if (x.dtype != by.dtype) n.fail("needs operands of one type", "cast one of them");
  HostTensor y = room(n, x.dtype, broadcast_shapes(x.shape, by.shape));
  const int64_t count = *checked_elements(y.shape);
  spend(n, static_cast<double>(count));
  with_element_type(n, x.dtype, [&](auto type) {
    using T = decltype(type);
    if constexpr (std::is_unsigned_v<T>) {
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t value = elements<T>(x)[met_by(i, y.shape, x.shape)];
        const uint64_t distance = elements<T>(by)[met_by(i, y.shape, by.shape)];
        const bool all = distance >= 8 * sizeof(T);  // every bit has left
        const uint64_t shifted =
            direction == "LEFT" ? value << (distance & 63) : value >> (distance & 63);
        y.as<T>()[i] = all ? T{0} : static_cast<T>(shifted);
      }
    } else {
      n.fail("needs unsigned integers, they are " + std::string(dtype_name(x.dtype)), "cast them");
    }
  });
  bind_known(n, 0, std::move(y), x.dtype);
}

void translate_bit_cast(NodeTranslation& n) {
  const Value& x = known(n, 0);
  const auto to = static_cast<int32_t>(n.required_integer("to"));
  const auto dtype = dtype_from_onnx(to);
  if (!dtype || dtype_bytes(*dtype) != dtype_bytes(x.dtype)) {
    n.fail("from " + std::string(dtype_name(x.dtype)) + " to " + onnx_type_name(to) +
               ": the types need equally many bits",
           kCheckModel);
  }
  HostTensor y = room(n, *dtype, x.shape);
  y.data = *x.constant;
  bind_known(n, 0, std::move(y), *dtype);
}

}  // namespace

const std::vector<OperatorEntry> kBitOperators = {
    {"BitShift", 11, kNewestOpset, translate_shift},
    {"BitCast", 26, kNewestOpset, translate_bit_cast},
};

}  // namespace stint::builder
