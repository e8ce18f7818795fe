// Element-wise programs, executed a tile at a time: every intermediate result stays in the
// first-level cache. What the kernels on f32 and on 8-bit integers share.
#if defined(STINT_POINTWISE_PROGRAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_POINTWISE_PROGRAM_INL_H_
#undef STINT_POINTWISE_PROGRAM_INL_H_
#else
#define STINT_POINTWISE_PROGRAM_INL_H_
#endif

#include <cstring>

#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/pointwise_tiles.h"
#include "kernels/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace pointwise {
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

/// D: how vectors are computed (Unfused).
template <class D>
void execute(const PointwiseOp& op, const float* a, const float* b, const float* c, int64_t n,
             float* y) {
  const D d;
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

}  // namespace pointwise
}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
