// One result element of the elements in its place.
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

bool has_parameters(EltOp op) { return op >= EltOp::kClip && op < EltOp::kAdd; }

bool is_comparison(EltOp op) {
  return op == EltOp::kEqual || op == EltOp::kLess || op == EltOp::kLessOrEqual ||
         op == EltOp::kGreater || op == EltOp::kGreaterOrEqual;
}

Types infer_unary(const InferenceContext& c) {
  const EltOp op = c.as<UnaryAttributes>().op;
  const bool to_bool = op == EltOp::kIsNan || op == EltOp::kIsInf;
  return {{to_bool ? DType::kBool : c.dtype(0), c.shape(0)}};
}

Types infer_binary(const InferenceContext& c) {
  c.same_dtype(0, 1);
  const DType dtype = is_comparison(c.as<BinaryAttributes>().op) ? DType::kBool : c.dtype(0);
  return {{dtype, broadcast_shapes(c.shape(0), c.shape(1))}};
}

Types infer_where(const InferenceContext& c) {
  c.same_dtype(1, 2);
  c.require(c.dtype(0) == DType::kBool,
            "the condition must be bool, it is " + std::string(dtype_name(c.dtype(0))));
  return {{c.dtype(1), broadcast_shapes(c.shape(0), broadcast_shapes(c.shape(1), c.shape(2)))}};
}

Types infer_pointwise(const InferenceContext& c) {
  c.require(!c.inputs.empty(), "a pointwise program needs operands");
  const auto& program = c.as<PointwiseAttributes>().program;
  c.require(!program.empty(), "the pointwise program is empty");
  Shape shape = c.shape(0);
  for (size_t i = 1; i < c.inputs.size(); ++i) shape = broadcast_shapes(shape, c.shape(i));
  for (size_t i = 0; i < program.size(); ++i) {
    const size_t known = c.inputs.size() + i;
    const auto arity = static_cast<uint8_t>(program[i].op);
    c.require(
        program[i].a < known && (arity < 64 || program[i].b < known) &&
            (arity < 96 || program[i].c < known),
        "instruction " + std::to_string(i) + " of the pointwise program reads a later result");
  }
  return {{c.declared.empty() ? DType::kF32 : c.declared[0].dtype, shape}};
}

Types infer_cast(const InferenceContext& c) { return {{c.declared_output().dtype, c.shape(0)}}; }

std::string print_unary(const Attributes& attributes) {
  const auto& a = std::get<UnaryAttributes>(attributes);
  Words w;
  w.add("op", elt_op_name(a.op));
  if (has_parameters(a.op)) w.add("alpha", a.alpha).add("beta", a.beta);
  return w.text();
}

std::string print_binary(const Attributes& attributes) {
  return Words().add("op", elt_op_name(std::get<BinaryAttributes>(attributes).op)).text();
}

std::string print_pointwise(const Attributes& attributes) {
  std::string text;
  for (const PointwiseInstruction& i : std::get<PointwiseAttributes>(attributes).program) {
    if (!text.empty()) text += "; ";
    text += std::string(elt_op_name(i.op)) + " " + std::to_string(i.a);
    if (i.op >= EltOp::kAdd) text += " " + std::to_string(i.b);
    if (i.op == EltOp::kWhere) text += " " + std::to_string(i.c);
    if (has_parameters(i.op))
      text += " (" + number_text(i.alpha) + ", " + number_text(i.beta) + ")";
  }
  return "program=[" + text + "]";
}

MovedSamples move_broadcast(const BatchMove& m) {
  std::optional<BatchPlace> result;
  for (const BatchMove::Operand& operand : m.operands) {
    BatchPlace at = operand.place;
    at.axis += m.out().size() - m.in(operand.index).size();
    if (result && !(*result == at))
      return LostSamples{"samples lie along " + axis_text(result->axis) +
                         " of one operand and along " + axis_text(at.axis) +
                         " of another, so that every sample meets every other"};
    result = at;
  }
  return *result;
}

}  // namespace

constinit const OpDef ops::kUnary = {
    .name = "Unary",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<UnaryAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_unary,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_unary,
};

constinit const OpDef ops::kBinary = {
    .name = "Binary",
    .arity = {2, 2, 1, 1},
    .has_its_attributes = has<BinaryAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_binary,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::of_any(move_broadcast),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_binary,
};

constinit const OpDef ops::kWhere = {
    .name = "Where",
    .arity = {3, 3, 1, 1},
    .has_its_attributes = has_none,
    .types = {{kCondition, kNumbers}, kNumbers},
    .infer = infer_where,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::of_any(move_broadcast),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

constinit const OpDef ops::kPointwise = {
    .name = "Pointwise",
    .arity = {1, Arity::kAny, 1, 1},
    .has_its_attributes = has<PointwiseAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_pointwise,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::of_any(move_broadcast),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_pointwise,
};

constinit const OpDef ops::kCast = {
    .name = "Cast",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has_none,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_cast,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

}  // namespace stint::builder
