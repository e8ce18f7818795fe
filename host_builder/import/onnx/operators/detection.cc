// NonMaxSuppression.
#include <cstring>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Where the boxes are constants, so is the number of those that survive.
ValueId used_rows(NodeTranslation& n, ValueId selected) {
  const Value& value = n.network().graph().value(selected);
  if (!value.is_constant()) return selected;
  std::vector<int64_t> rows(static_cast<size_t>(value.elements()));
  std::memcpy(rows.data(), value.constant->data(), value.constant->size());
  while (!rows.empty() && rows.back() == -1) rows.pop_back();
  return n.network().constant(DType::kI64, {static_cast<int64_t>(rows.size() / 3), 3}, rows);
}

void translate_non_max_suppression(NodeTranslation& n) {
  NmsAttributes a;
  a.center_point_box = n.integer("center_point_box", 0) != 0;
  if (n.has(2)) a.max_output_per_class = n.constant_integer(2, "max_output_boxes_per_class");
  if (n.has(3)) a.iou_threshold = static_cast<float>(n.constant_number(3, "iou_threshold"));
  if (n.has(4)) {
    a.score_threshold = static_cast<float>(n.constant_number(4, "score_threshold"));
    a.has_score_threshold = true;
  }
  n.bind(0, used_rows(n, n.network().add(Op::kNonMaxSuppression, a, {n.in(0), n.in(1)})));
}

}  // namespace

const std::vector<OperatorEntry> kDetectionOperators = {
    {"NonMaxSuppression", 10, kNewestOpset, translate_non_max_suppression},
};

}  // namespace stint::builder
