// Elements chosen by indices along one axis.
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_gather(const InferenceContext& c) {
  c.require(c.dtype(1) == DType::kI64 || c.dtype(1) == DType::kI32,
            "indices must be i32 or i64, they are " + std::string(dtype_name(c.dtype(1))));
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, c.rank(0), "axis");
  Shape result(c.shape(0).begin(), c.shape(0).begin() + axis);
  result.insert(result.end(), c.shape(1).begin(), c.shape(1).end());
  result.insert(result.end(), c.shape(0).begin() + axis + 1, c.shape(0).end());
  return {{c.dtype(0), result}};
}

}  // namespace

constinit const OpDef ops::kGather = {
    .name = "Gather",
    .arity = {2, 2, 1, 1},
    .has_its_attributes = has<AxisAttributes>,
    .types = {{kQuantizable, kIndices}, kQuantizable},
    .infer = infer_gather,
    .layout = LayoutRule::any_order(),
    .products = no_products,
    .print = print_axis,
};

}  // namespace stint::builder
