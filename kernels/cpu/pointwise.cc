// Fused element-wise programs on f32, executed a tile at a time: every intermediate result stays in
// the first-level cache.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise.cc"
#include "kernels/cpu/simd_dispatch.h"

#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "kernels/cpu/vector_math-inl.h"
#include "plan_schema/params/pointwise.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

/// y[i] = f(a[i], b[i], c[i]); operands that f does not use may be any readable memory.
template <int kOperands, typename F>
HWY_INLINE void map(const float* a, const float* b, const float* c, float* y, int64_t n, F f) {
  const Tag d;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V va = hn::LoadU(d, a + i);
    const V vb = kOperands > 1 ? hn::LoadU(d, b + i) : va;
    const V vc = kOperands > 2 ? hn::LoadU(d, c + i) : va;
    hn::StoreU(f(va, vb, vc), d, y + i);
  }
  if (i == n) return;
  HWY_ALIGN float tail[3][kLanes] = {};
  const size_t bytes = static_cast<size_t>(n - i) * sizeof(float);
  std::memcpy(tail[0], a + i, bytes);
  if (kOperands > 1) std::memcpy(tail[1], b + i, bytes);
  if (kOperands > 2) std::memcpy(tail[2], c + i, bytes);
  hn::Store(f(hn::Load(d, tail[0]), hn::Load(d, tail[1]), hn::Load(d, tail[2])), d, tail[0]);
  std::memcpy(y + i, tail[0], bytes);
}

HWY_INLINE V as_number(hn::Mask<Tag> m) { return hn::IfThenElseZero(m, hn::Set(Tag(), 1.0f)); }

void execute(const PointwiseOp& op, const float* a, const float* b, const float* c, int64_t n,
             float* y) {
  const Tag d;
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0f);
  const V alpha = hn::Set(d, op.alpha);
  const V beta = hn::Set(d, op.beta);
#define STINT_UNARY(expression) \
  map<1>(a, b, c, y, n, [&](V x, V, V) HWY_ATTR { return expression; })
#define STINT_BINARY(expression) \
  map<2>(a, b, c, y, n, [&](V x, V z, V) HWY_ATTR { return expression; })
  switch (op.op) {
    case EltOp::kCopy:
      return STINT_UNARY(x);
    case EltOp::kNeg:
      return STINT_UNARY(hn::Neg(x));
    case EltOp::kAbs:
      return STINT_UNARY(hn::Abs(x));
    case EltOp::kSqrt:
      return STINT_UNARY(hn::Sqrt(x));
    case EltOp::kExp:
      return STINT_UNARY(vexp(d, x));
    case EltOp::kFloor:
      return STINT_UNARY(hn::Floor(x));
    case EltOp::kCeil:
      return STINT_UNARY(hn::Ceil(x));
    case EltOp::kRound:
      return STINT_UNARY(hn::Round(x));
    case EltOp::kErf:
      return STINT_UNARY(verf(d, x));
    case EltOp::kRelu:
      return STINT_UNARY(at_least(x, zero));
    case EltOp::kSigmoid:
      return STINT_UNARY(vsigmoid(d, x));
    case EltOp::kTanh:
      return STINT_UNARY(vtanh(d, x));
    case EltOp::kHardSwish:
      return STINT_UNARY(vhard_swish(d, x));
    case EltOp::kMish:
      return STINT_UNARY(vmish(d, x));
    case EltOp::kGelu:
      return STINT_UNARY(vgelu(d, x));
    case EltOp::kGeluTanh:
      return STINT_UNARY(vgelu_tanh(d, x));
    case EltOp::kSilu:
      return STINT_UNARY(vsilu(d, x));
    case EltOp::kReciprocal:
      return STINT_UNARY(hn::Div(one, x));
    case EltOp::kSoftsign:
      return STINT_UNARY(hn::Div(x, hn::Add(one, hn::Abs(x))));
    case EltOp::kSoftplus:
      return STINT_UNARY(vsoftplus(d, x));
    case EltOp::kClip:
      return STINT_UNARY(clamp(d, x, alpha, beta));
    case EltOp::kLeakyRelu:
      return STINT_UNARY(vleaky_relu(d, x, alpha));
    case EltOp::kElu:
      return STINT_UNARY(velu(d, x, alpha));
    case EltOp::kHardSigmoid:
      return STINT_UNARY(vhard_sigmoid(d, x, alpha, beta));
    case EltOp::kSelu:
      return STINT_UNARY(hn::Mul(beta, velu(d, x, alpha)));
    case EltOp::kThresholdedRelu:
      return STINT_UNARY(hn::IfThenZeroElse(hn::Le(x, alpha), x));
    case EltOp::kAdd:
      return STINT_BINARY(hn::Add(x, z));
    case EltOp::kSub:
      return STINT_BINARY(hn::Sub(x, z));
    case EltOp::kMul:
      return STINT_BINARY(hn::Mul(x, z));
    case EltOp::kDiv:
      return STINT_BINARY(hn::Div(x, z));
    case EltOp::kMin:
      return STINT_BINARY(vsmaller(x, z));
    case EltOp::kMax:
      return STINT_BINARY(vlarger(x, z));
    case EltOp::kPRelu:
      return STINT_BINARY(hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, z), x));
    case EltOp::kEqual:
      return STINT_BINARY(as_number(hn::Eq(x, z)));
    case EltOp::kLess:
      return STINT_BINARY(as_number(hn::Lt(x, z)));
    case EltOp::kLessOrEqual:
      return STINT_BINARY(as_number(hn::Le(x, z)));
    case EltOp::kGreater:
      return STINT_BINARY(as_number(hn::Gt(x, z)));
    case EltOp::kGreaterOrEqual:
      return STINT_BINARY(as_number(hn::Ge(x, z)));
    case EltOp::kWhere:
      return map<3>(a, b, c, y, n,
                    [&](V x, V p, V q) HWY_ATTR { return hn::IfThenElse(hn::Ne(x, zero), p, q); });
    default:
      break;
  }
#undef STINT_UNARY
#undef STINT_BINARY
  // Rare in networks: the standard library's functions.
  ElementwiseParams scalar;
  scalar.op = op.op;
  scalar.alpha = op.alpha;
  scalar.beta = op.beta;
  apply_elementwise(scalar, a, b, c, n, y);
}

/// A tile is `rows` whole rows of the innermost axis, or a part of one row. Operand k of the loop
/// is input k, the last is y.
class Program {
 public:
  static constexpr int kOperands = kMaxPointwiseInputs + 1;
  static constexpr int kY = kMaxPointwiseInputs;

  explicit Program(const StepArgs& args)
      : args_(args),
        ops_(trailing_of<PointwiseParams, PointwiseOp>(args)),
        count_(params_of<PointwiseParams>(args).instruction_count),
        inputs_(static_cast<int>(args.input_count)) {
    const TensorView& y = args.outputs[0];
    for (int axis = 0; axis < y.rank; ++axis) {
      int64_t strides[kOperands] = {};
      for (int k = 0; k < inputs_; ++k) strides[k] = broadcast_stride(args.inputs[k], y.rank, axis);
      strides[kY] = y.strides[axis];
      loop_.add_axis(y.shape[axis], strides);
    }
    loop_.collapse();
    columns_ = loop_.inner_extent();
    for (int k = 0; k < kOperands; ++k) column_stride_[k] = loop_.inner_stride(k);
    --loop_.rank;
    if (loop_.rank > 0) {
      rows_ = loop_.inner_extent();
      for (int k = 0; k < kOperands; ++k) row_stride_[k] = loop_.inner_stride(k);
      --loop_.rank;
    }
    if (loop_.rank == 0) loop_.add_axis(1, {});
    tile_columns_ = columns_ < kPointwiseTile ? columns_ : kPointwiseTile;
    tile_rows_ = columns_ < kPointwiseTile ? kPointwiseTile / columns_ : 1;
    row_tiles_ = (rows_ + tile_rows_ - 1) / tile_rows_;
    column_tiles_ = (columns_ + tile_columns_ - 1) / tile_columns_;
  }

  void run() const {
    const int64_t tiles = row_tiles_ * column_tiles_;
    parallel_ranges(
        args_.parallel, loop_.elements() * tiles, 8,
        [&](int64_t begin, int64_t end, uint32_t worker) {
          auto* scratch =
              reinterpret_cast<float*>(args_.worker_scratch + worker * args_.worker_scratch_bytes);
          // What each input's scratch tile is a copy of.
          const float* held[kMaxPointwiseInputs] = {};
          for (int64_t i = begin; i < end; ++i) {
            loop_.for_range(i / tiles, i / tiles + 1, [&](const int64_t* offsets, int64_t) {
              run_tile(offsets, i % tiles / column_tiles_ * tile_rows_,
                       i % column_tiles_ * tile_columns_, scratch, held);
            });
          }
        });
  }

 private:
  void run_tile(const int64_t* offsets, int64_t row, int64_t column, float* scratch,
                const float** held) const {
    const int64_t rows = rows_ - row < tile_rows_ ? rows_ - row : tile_rows_;
    const int64_t columns = columns_ - column < tile_columns_ ? columns_ - column : tile_columns_;
    const int64_t n = rows * columns;
    const float* operand[kMaxPointwiseInputs + kMaxPointwiseInstructions];
    for (int k = 0; k < inputs_; ++k) {
      const float* x = args_.inputs[k].as<float>() + offsets[k] + row * row_stride_[k] +
                       column * column_stride_[k];
      operand[k] = x;
      if (column_stride_[k] == 1 && (rows == 1 || row_stride_[k] == columns)) continue;
      float* tile = scratch + k * kPointwiseTile;
      operand[k] = tile;
      // A broadcast operand is the same for the next tile; a whole tile serves a smaller one too.
      const bool repeats = (row_stride_[k] == 0 || rows_ == 1) && rows == tile_rows_;
      if (held[k] == x && repeats && columns == tile_columns_) continue;
      held[k] = repeats && columns == tile_columns_ ? x : nullptr;
      materialize(x, row_stride_[k], column_stride_[k], rows, columns, tile);
    }
    float* y = args_.outputs[0].as<float>() + offsets[kY] + row * row_stride_[kY] +
               column * column_stride_[kY];
    const bool y_dense = column_stride_[kY] == 1 && (rows == 1 || row_stride_[kY] == columns);
    for (int i = 0; i < count_; ++i) {
      const PointwiseOp& op = ops_[i];
      float* result = i == count_ - 1 && y_dense ? y : scratch + (inputs_ + i) * kPointwiseTile;
      execute(op, operand[op.a], operand[op.b], operand[op.c], n, result);
      operand[inputs_ + i] = result;
    }
    if (y_dense) return;
    const float* result = operand[inputs_ + count_ - 1];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        y[r * row_stride_[kY] + c * column_stride_[kY]] = result[r * columns + c];
  }

  static void materialize(const float* x, int64_t row_stride, int64_t column_stride, int64_t rows,
                          int64_t columns, float* tile) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = x + r * row_stride;
      float* to = tile + r * columns;
      if (column_stride == 1) {
        for (int64_t c = 0; c < columns; ++c) to[c] = from[c];
      } else if (column_stride == 0) {
        const float value = *from;
        for (int64_t c = 0; c < columns; ++c) to[c] = value;
      } else {
        for (int64_t c = 0; c < columns; ++c) to[c] = from[c * column_stride];
      }
    }
  }

  const StepArgs& args_;
  const PointwiseOp* ops_;
  int count_;
  int inputs_;
  StridedLoop<kOperands> loop_;  // the axes outside the two innermost ones
  int64_t rows_ = 1, columns_ = 1;
  int64_t row_stride_[kOperands] = {}, column_stride_[kOperands] = {};
  int64_t tile_rows_ = 1, tile_columns_ = 1;
  int64_t row_tiles_ = 1, column_tiles_ = 1;
};

}  // namespace

void pointwise_run(const StepArgs& args) { Program(args).run(); }

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_pointwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<PointwiseParams>(args));
  const int count = params_of<PointwiseParams>(args).instruction_count;
  if (count < 1 || count > kMaxPointwiseInstructions)
    return corrupt("pointwise program has no or too many instructions", count,
                   kMaxPointwiseInstructions);
  STINT_RETURN_IF_ERROR((check_trailing<PointwiseParams, PointwiseOp>(args, count)));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, kMaxPointwiseInputs, 1));
  const int inputs = static_cast<int>(args.input_count);
  STINT_RETURN_IF_ERROR(check_dtype(args.outputs[0], DType::kF32));
  for (int k = 0; k < inputs; ++k) {
    STINT_RETURN_IF_ERROR(check_dtype(args.inputs[k], DType::kF32));
    STINT_RETURN_IF_ERROR(check_broadcast(args.inputs[k], args.outputs[0]));
  }
  const PointwiseOp* ops = trailing_of<PointwiseParams, PointwiseOp>(args);
  for (int i = 0; i < count; ++i) {
    const int operands = elt_operands(ops[i].op);
    if (operands == 0 || !elt_defined(ops[i].op, true))
      return corrupt("unknown pointwise operation", static_cast<int64_t>(ops[i].op), i);
    // Operands an operation does not use are read as pointers all the same.
    if (ops[i].a >= inputs + i || ops[i].b >= inputs + i || ops[i].c >= inputs + i)
      return corrupt("pointwise instruction reads a later result", i, inputs + i);
  }
  const uint64_t needed = pointwise_scratch_bytes(inputs, count);
  if (args.worker_scratch_bytes < needed)
    return corrupt("too little worker scratch for a pointwise program",
                   static_cast<int64_t>(args.worker_scratch_bytes), static_cast<int64_t>(needed));
  return ok_status();
}

void run_pointwise(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  STINT_SIMD(pointwise_run)(args);
}

}  // namespace stint::cpu
#endif
