#include "tests/support/reference_evaluator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

#include "host_builder/graph/shape.h"

namespace stint::builder::test {

namespace {

double half_to_double(uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const int mantissa = h & 1023;
  const double sign = h & 0x8000 ? -1.0 : 1.0;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

double round_to_half(double x) {
  if (!std::isfinite(x) || x == 0) return x;
  int exponent;
  std::frexp(x, &exponent);
  const int shift = std::max(exponent - 11, -24);
  const double r = std::ldexp(std::nearbyint(std::ldexp(x, -shift)), shift);
  return std::fabs(r) > 65504 ? std::copysign(INFINITY, x) : r;
}

double stored_element(const Value& v, int64_t i) {
  const std::byte* p = v.constant->data() + i * dtype_bytes(v.dtype);
  auto load = [&](auto t) {
    std::memcpy(&t, p, sizeof t);
    return t;
  };
  switch (v.dtype) {
    case DType::kF32:
      return load(float{});
    case DType::kF64:
      return load(double{});
    case DType::kF16:
      return half_to_double(load(uint16_t{}));
    case DType::kI64:
      return static_cast<double>(load(int64_t{}));
    case DType::kI32:
      return load(int32_t{});
    case DType::kU8:
    case DType::kBool:
      return load(uint8_t{});
    case DType::kI8:
      return load(int8_t{});
    default:
      throw std::runtime_error("reference: constant type");
  }
}

/// The number that an element stands for.
double element(const Value& v, int64_t i) {
  const double stored = stored_element(v, i);
  if (!v.quant) return stored;
  const Quantisation& q = *v.quant;
  int64_t inner = 1;
  for (size_t d = static_cast<size_t>(q.axis + 1); d < v.shape.size(); ++d) inner *= v.shape[d];
  const size_t place =
      q.axis == -1 ? 0 : static_cast<size_t>(i / inner % v.shape[static_cast<size_t>(q.axis)]);
  const double zero = q.zero_points.empty() ? 0 : q.zero_points.at(place);
  return (stored - zero) * static_cast<double>(q.scales.at(place));
}

Shape strides_of(const Value& v) { return v.strides.empty() ? dense_strides(v.shape) : v.strides; }

/// Calls f(index) for every index of the shape, row-major.
template <typename F>
void for_each_index(const Shape& shape, F f) {
  int64_t n = 1;
  for (int64_t e : shape) n *= e;
  Shape index(shape.size(), 0);
  for (int64_t k = 0; k < n; ++k) {
    f(index, k);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

int64_t flat(const Shape& shape, const Shape& index) {
  int64_t at = 0;
  for (size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + index[d];
  return at;
}

double broadcast_at(const Tensor& t, const Shape& index) {
  int64_t at = 0;
  const size_t skip = index.size() - t.shape.size();
  for (size_t d = 0; d < t.shape.size(); ++d)
    at = at * t.shape[d] + (t.shape[d] == 1 ? 0 : index[skip + d]);
  return t.data[at];
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }

double apply(EltOp op, double a, double b, double c, double alpha, double beta) {
  switch (op) {
    case EltOp::kCopy:
      return a;
    case EltOp::kNeg:
      return -a;
    case EltOp::kAbs:
      return std::fabs(a);
    case EltOp::kSqrt:
      return std::sqrt(a);
    case EltOp::kExp:
      return std::exp(a);
    case EltOp::kLog:
      return std::log(a);
    case EltOp::kFloor:
      return std::floor(a);
    case EltOp::kCeil:
      return std::ceil(a);
    case EltOp::kRound:
      return std::nearbyint(a);
    case EltOp::kErf:
      return std::erf(a);
    case EltOp::kRelu:
      return std::max(a, 0.0);
    case EltOp::kSigmoid:
      return sigmoid(a);
    case EltOp::kTanh:
      return std::tanh(a);
    case EltOp::kHardSwish:
      return a * std::clamp(a / 6 + 0.5, 0.0, 1.0);
    case EltOp::kSoftplus:
      return softplus(a);
    case EltOp::kMish:
      return a * std::tanh(softplus(a));
    case EltOp::kGeluTanh:
      return 0.5 * a * (1 + std::tanh(0.79788456080286536 * (a + 0.044715 * a * a * a)));
    case EltOp::kGelu:
      return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0)));
    case EltOp::kSilu:
      return a * sigmoid(a);
    case EltOp::kNot:
      return a == 0;
    case EltOp::kReciprocal:
      return 1 / a;
    case EltOp::kClip:
      return std::min(std::max(a, alpha), beta);
    case EltOp::kLeakyRelu:
      return a < 0 ? alpha * a : a;
    case EltOp::kElu:
      return a < 0 ? alpha * std::expm1(a) : a;
    case EltOp::kHardSigmoid:
      return std::clamp(alpha * a + beta, 0.0, 1.0);
    case EltOp::kAdd:
      return a + b;
    case EltOp::kSub:
      return a - b;
    case EltOp::kMul:
      return a * b;
    case EltOp::kDiv:
      return a / b;
    case EltOp::kPow:
      return std::pow(a, b);
    case EltOp::kMin:
      return std::isnan(b) ? b : std::min(a, b);
    case EltOp::kMax:
      return std::isnan(b) ? b : std::max(a, b);
    case EltOp::kPRelu:
      return a < 0 ? a * b : a;
    case EltOp::kGreater:
      return a > b;
    case EltOp::kLess:
      return a < b;
    case EltOp::kWhere:
      return c != 0 ? a : b;
    default:
      throw std::runtime_error("reference: element-wise operation");
  }
}

double activate(const Epilogue& e, double x) {
  switch (e.act) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return apply(EltOp::kRelu, x, 0, 0, 0, 0);
    case Activation::kClip:
      return apply(EltOp::kClip, x, 0, 0, e.alpha, e.beta);
    case Activation::kLeakyRelu:
      return apply(EltOp::kLeakyRelu, x, 0, 0, e.alpha, 0);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kHardSigmoid:
      return std::clamp(e.alpha * x + e.beta, 0.0, 1.0);
    case Activation::kHardSwish:
      return apply(EltOp::kHardSwish, x, 0, 0, 0, 0);
    case Activation::kMish:
      return apply(EltOp::kMish, x, 0, 0, 0, 0);
    case Activation::kGelu:
      return apply(EltOp::kGelu, x, 0, 0, 0, 0);
    case Activation::kElu:
      return apply(EltOp::kElu, x, 0, 0, e.alpha, 0);
  }
  return NAN;
}

using Operands = std::vector<const Tensor*>;

void epilogue(const Epilogue& e, const Operands& in, size_t channel_axis, Tensor& y) {
  for_each_index(y.shape, [&](const Shape& index, int64_t k) {
    double& v = y.data[k];
    if (in.size() > 2 && in[2]) v += in[2]->data[index[channel_axis]];
    const double residual = in.size() > 3 && in[3] ? in[3]->data[k] : 0;
    v = e.residual_after_act ? activate(e, v) + residual : activate(e, v + residual);
  });
}

/// Where N, C and the spatial axes of an activation are.
struct Layout {
  bool last;
  size_t rank;
  size_t channel() const { return last ? rank - 1 : 1; }
  size_t spatial(size_t i) const { return last ? 1 + i : 2 + i; }
  size_t spatial_rank() const { return rank - 2; }
};

/// The largest part of every network's arithmetic, so without an allocation per element.
void conv(const ConvAttributes& a, const Layout& l, const Operands& in, Tensor& y) {
  const Tensor &x = *in[0], &w = *in[1];
  const int64_t per_group_in = w.shape[1], per_group_out = w.shape[0] / a.groups;
  const Shape taps(w.shape.begin() + 2, w.shape.end());
  const int64_t tap_count = *checked_elements(taps);
  const Shape strides = dense_strides(x.shape);
  const int64_t channel_stride = strides[l.channel()];
  for_each_index(y.shape, [&](const Shape& index, int64_t k) {
    const int64_t oc = index[l.channel()], group = oc / per_group_out;
    const int64_t origin = index[0] * strides[0] + group * per_group_in * channel_stride;
    double sum = 0;
    for (int64_t t = 0; t < tap_count; ++t) {
      int64_t at = origin, rest = t;
      bool inside = true;
      for (size_t i = taps.size(); i-- > 0;) {
        const size_t d = l.spatial(i);
        const int64_t p =
            index[d] * a.strides[i] - a.pads_begin[i] + rest % taps[i] * a.dilations[i];
        rest /= taps[i];
        inside &= p >= 0 && p < x.shape[d];
        at += p * strides[d];
      }
      if (!inside) continue;
      const double* px = x.data.data() + at;
      const double* pw = &w.data[oc * per_group_in * tap_count + t];
      for (int64_t c = 0; c < per_group_in; ++c) sum += px[c * channel_stride] * pw[c * tap_count];
    }
    y.data[k] = sum;
  });
  epilogue(a.epilogue, in, l.channel(), y);
}

void conv_transpose(const ConvTransposeAttributes& a, const Layout& l, const Operands& in,
                    Tensor& y) {
  const Tensor &x = *in[0], &w = *in[1];
  const int64_t per_group_out = w.shape[1], per_group_in = w.shape[0] / a.groups;
  const Shape taps(w.shape.begin() + 2, w.shape.end());
  const int64_t tap_count = *checked_elements(taps);
  std::fill(y.data.begin(), y.data.end(), 0.0);
  for_each_index(x.shape, [&](const Shape& index, int64_t k) {
    const int64_t ic = index[l.channel()], group = ic / per_group_in;
    for_each_index(taps, [&](const Shape& tap, int64_t t) {
      Shape at = index;
      for (size_t i = 0; i < l.spatial_rank(); ++i) {
        const int64_t p =
            index[l.spatial(i)] * a.strides[i] - a.pads_begin[i] + tap[i] * a.dilations[i];
        if (p < 0 || p >= y.shape[l.spatial(i)]) return;
        at[l.spatial(i)] = p;
      }
      for (int64_t c = 0; c < per_group_out; ++c) {
        at[l.channel()] = group * per_group_out + c;
        y.data[flat(y.shape, at)] += x.data[k] * w.data[(ic * per_group_out + c) * tap_count + t];
      }
    });
  });
  epilogue(a.epilogue, in, l.channel(), y);
}

void pool(const PoolAttributes& a, const Layout& l, const Tensor& x, Tensor& y) {
  for_each_index(y.shape, [&](const Shape& index, int64_t k) {
    double best = -INFINITY, sum = 0;
    int64_t inside = 0, counted = 0;
    for_each_index(a.kernel, [&](const Shape& tap, int64_t) {
      Shape at = index;
      bool in_input = true, in_padded = true;
      for (size_t i = 0; i < l.spatial_rank(); ++i) {
        const int64_t p =
            index[l.spatial(i)] * a.strides[i] - a.pads_begin[i] + tap[i] * a.dilations[i];
        in_input &= p >= 0 && p < x.shape[l.spatial(i)];
        in_padded &= p < x.shape[l.spatial(i)] + a.pads_end[i];
        at[l.spatial(i)] = p;
      }
      counted += in_padded;
      if (!in_input) return;
      const double v = x.data[flat(x.shape, at)];
      if (v > best || std::isnan(v)) best = v;
      sum += v;
      ++inside;
    });
    y.data[k] = a.kind == PoolKind::kMax
                    ? best
                    : sum / static_cast<double>(a.count_include_pad ? counted : inside);
  });
}

void matmul(const MatMulAttributes& a, const Operands& in, Tensor& y) {
  Tensor x = *in[0], w = *in[1];
  if (x.shape.size() == 1) x.shape.insert(x.shape.begin(), 1);
  if (w.shape.size() == 1) w.shape.push_back(1);
  const int64_t m = x.shape[x.shape.size() - 2], kk = x.shape.back(), n = w.shape.back();
  Shape batch = broadcast_shapes(Shape(x.shape.begin(), x.shape.end() - 2),
                                 Shape(w.shape.begin(), w.shape.end() - 2));
  auto offset = [&](const Tensor& t, const Shape& b) {
    Tensor outer{Shape(t.shape.begin(), t.shape.end() - 2), {}};
    int64_t at = 0;
    for (size_t d = 0; d < outer.shape.size(); ++d)
      at = at * outer.shape[d] + (outer.shape[d] == 1 ? 0 : b[b.size() - outer.shape.size() + d]);
    return at;
  };
  for_each_index(batch, [&](const Shape& b, int64_t k) {
    const double* pa = x.data.data() + offset(x, b) * m * kk;
    const double* pb = w.data.data() + offset(w, b) * kk * n;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t q = 0; q < kk; ++q) sum += pa[i * kk + q] * pb[q * n + j];
        y.data[(k * m + i) * n + j] = sum;
      }
  });
  if (!y.shape.empty()) epilogue(a.epilogue, in, y.shape.size() - 1, y);
}

void reduce(const ReduceAttributes& a, const Tensor& x, Tensor& y) {
  std::vector<bool> reduced(x.shape.size(), false);
  for (int64_t axis : a.axes) reduced[axis < 0 ? axis + x.shape.size() : axis] = true;
  std::vector<double> acc(y.data.size(), a.op == ReduceOp::kMax    ? -INFINITY
                                         : a.op == ReduceOp::kMin  ? INFINITY
                                         : a.op == ReduceOp::kProd ? 1
                                                                   : 0);
  for_each_index(x.shape, [&](const Shape& index, int64_t k) {
    int64_t at = 0;
    for (size_t d = 0; d < index.size(); ++d)
      if (!reduced[d]) at = at * x.shape[d] + index[d];
    const double v = x.data[k];
    double& r = acc[at];
    switch (a.op) {
      case ReduceOp::kSum:
      case ReduceOp::kMean:
      case ReduceOp::kLogSum:
        r += v;
        break;
      case ReduceOp::kMax:
        if (v > r || std::isnan(v)) r = v;
        break;
      case ReduceOp::kMin:
        if (v < r || std::isnan(v)) r = v;
        break;
      case ReduceOp::kProd:
        r *= v;
        break;
      case ReduceOp::kL1:
        r += std::fabs(v);
        break;
      case ReduceOp::kL2:
      case ReduceOp::kSumSquare:
        r += v * v;
        break;
      case ReduceOp::kLogSumExp:
        r += std::exp(v);
        break;
    }
  });
  const double count = static_cast<double>(x.data.size()) / static_cast<double>(y.data.size());
  for (size_t i = 0; i < acc.size(); ++i) {
    double v = acc[i];
    if (a.op == ReduceOp::kMean) v /= count;
    if (a.op == ReduceOp::kL2) v = std::sqrt(v);
    if (a.op == ReduceOp::kLogSum || a.op == ReduceOp::kLogSumExp) v = std::log(v);
    y.data[i] = v;
  }
}

int64_t positive(int64_t axis, size_t rank) {
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}

void arg_reduce(bool is_max, bool select_last, int64_t axis, const Tensor& x, Tensor& y) {
  axis = positive(axis, x.shape.size());
  int64_t inner = 1;
  for (size_t d = axis + 1; d < x.shape.size(); ++d) inner *= x.shape[d];
  const int64_t n = x.shape[axis];
  for (size_t k = 0; k < y.data.size(); ++k) {
    const double* p = &x.data[(k / inner) * n * inner + k % inner];
    int64_t best = 0;
    for (int64_t i = 1; i < n; ++i) {
      const double v = p[i * inner], b = p[best * inner];
      if (is_max ? v > b : v < b)
        best = i;
      else if (select_last && v == b)
        best = i;
    }
    y.data[k] = static_cast<double>(best);
  }
}

void cumulative(const CumulativeAttributes& a, const Tensor& x, Tensor& y) {
  const int64_t axis = positive(a.axis, x.shape.size()), n = x.shape[axis];
  int64_t inner = 1;
  for (size_t d = axis + 1; d < x.shape.size(); ++d) inner *= x.shape[d];
  for (size_t k = 0; k < x.data.size(); ++k) {
    if ((k / inner) % n != 0) continue;
    double total = a.product ? 1 : 0;
    for (int64_t i = 0; i < n; ++i) {
      const size_t at = k + (a.reverse ? n - 1 - i : i) * inner;
      const double next = a.product ? total * x.data[at] : total + x.data[at];
      y.data[at] = a.exclusive ? total : next;
      total = next;
    }
  }
}

void softmax(const SoftmaxAttributes& a, const Tensor& x, Tensor& y) {
  const int64_t axis = positive(a.axis, x.shape.size()), n = x.shape[axis];
  int64_t inner = 1;
  for (size_t d = axis + 1; d < x.shape.size(); ++d) inner *= x.shape[d];
  for (size_t k = 0; k < x.data.size(); ++k) {
    if ((k / inner) % n != 0) continue;
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; ++i) top = std::max(top, x.data[k + i * inner]);
    for (int64_t i = 0; i < n; ++i) sum += std::exp(x.data[k + i * inner] - top);
    for (int64_t i = 0; i < n; ++i) {
      const double v = x.data[k + i * inner] - top;
      y.data[k + i * inner] = a.log ? v - std::log(sum) : std::exp(v) / sum;
    }
  }
}

void channel_norm(Op op, const NormAttributes& a, const Layout& l, const Operands& in, Tensor& y) {
  const Tensor& x = *in[0];
  std::map<std::pair<int64_t, int64_t>, std::pair<double, double>> moments;
  if (op == Op::kInstanceNorm) {
    for_each_index(x.shape, [&](const Shape& i, int64_t k) {
      auto& m = moments[{i[0], i[l.channel()]}];
      m.first += x.data[k];
      m.second += x.data[k] * x.data[k];
    });
  }
  const double count =
      static_cast<double>(x.data.size()) / static_cast<double>(x.shape[0] * x.shape[l.channel()]);
  for_each_index(x.shape, [&](const Shape& i, int64_t k) {
    const int64_t c = i[l.channel()];
    double mean, variance;
    if (op == Op::kBatchNorm) {
      mean = in[3]->data[c];
      variance = in[4]->data[c];
    } else {
      mean = moments[{i[0], c}].first / count;
      variance = moments[{i[0], c}].second / count - mean * mean;
    }
    y.data[k] =
        (x.data[k] - mean) / std::sqrt(variance + a.epsilon) * in[1]->data[c] + in[2]->data[c];
  });
}

void lrn(const LrnAttributes& a, const Tensor& x, Tensor& y) {
  const int64_t axis = positive(a.axis, x.shape.size());
  for_each_index(x.shape, [&](const Shape& i, int64_t k) {
    double sum = 0;
    const int64_t first = i[axis] - (a.size - 1) / 2;
    for (int64_t c = std::max<int64_t>(first, 0); c < std::min(first + a.size, x.shape[axis]);
         ++c) {
      Shape at = i;
      at[axis] = c;
      const double v = x.data[flat(x.shape, at)];
      sum += v * v;
    }
    y.data[k] = x.data[k] / std::pow(a.bias + a.alpha / static_cast<double>(a.size) * sum, a.beta);
  });
}

void pad(const PadAttributes& a, const Tensor& x, Tensor& y) {
  for_each_index(y.shape, [&](const Shape& index, int64_t k) {
    Shape at = index;
    bool inside = true;
    for (size_t d = 0; d < at.size(); ++d) {
      at[d] -= a.begin[d];
      const int64_t n = x.shape[d];
      if (a.mode == PadMode::kEdge) at[d] = std::clamp<int64_t>(at[d], 0, n - 1);
      if (a.mode == PadMode::kReflect) {
        if (at[d] < 0) at[d] = -at[d];
        if (at[d] >= n) at[d] = 2 * (n - 1) - at[d];
      }
      inside &= at[d] >= 0 && at[d] < n;
    }
    y.data[k] = inside ? x.data[flat(x.shape, at)] : a.value;
  });
}

double source_coordinate(const ResizeAttributes& a, size_t d, int64_t o, int64_t in, int64_t out) {
  const double scale = a.scales[d];
  switch (a.coordinate) {
    case CoordinateMode::kAsymmetric:
      return static_cast<double>(o) / scale;
    case CoordinateMode::kAlignCorners:
      return out == 1 ? 0
                      : static_cast<double>(o) * static_cast<double>(in - 1) /
                            static_cast<double>(out - 1);
    case CoordinateMode::kPytorchHalfPixel:
      return out == 1 ? 0 : (static_cast<double>(o) + 0.5) / scale - 0.5;
    case CoordinateMode::kHalfPixel:
      return (static_cast<double>(o) + 0.5) / scale - 0.5;
    default:
      throw std::runtime_error("reference: coordinate mode");
  }
}

void resize(const ResizeAttributes& a, const Tensor& x, Tensor& y) {
  Tensor current = x;
  for (size_t d = 0; d < x.shape.size(); ++d) {  // separable
    Tensor next;
    next.shape = current.shape;
    next.shape[d] = y.shape[d];
    next.data.resize(*checked_elements(next.shape));
    const int64_t n = current.shape[d];
    for_each_index(next.shape, [&](const Shape& index, int64_t k) {
      auto at = [&](int64_t i) {
        Shape s = index;
        s[d] = std::clamp<int64_t>(i, 0, n - 1);
        return current.data[flat(current.shape, s)];
      };
      const double p = source_coordinate(a, d, index[d], n, y.shape[d]);
      if (a.mode == ResizeMode::kNearest) {
        const double q = a.nearest == NearestMode::kFloor              ? std::floor(p)
                         : a.nearest == NearestMode::kCeil             ? std::ceil(p)
                         : a.nearest == NearestMode::kRoundPreferFloor ? std::ceil(p - 0.5)
                                                                       : std::floor(p + 0.5);
        next.data[k] = at(static_cast<int64_t>(q));
      } else {
        const double f = std::floor(p), t = p - f;
        next.data[k] = at(static_cast<int64_t>(f)) * (1 - t) +
                       (t > 0 ? at(static_cast<int64_t>(f) + 1) * t : 0);
      }
    });
    current = std::move(next);
  }
  y.data = current.data;
}

void depth_space(Op op, const DepthToSpaceAttributes& a, const Layout& l, const Tensor& x,
                 Tensor& y) {
  const bool to_space = op == Op::kDepthToSpace;
  const Tensor& wide = to_space ? y : x;  // the one with large planes
  const Tensor& deep = to_space ? x : y;
  const int64_t b = a.block, channels = wide.shape[l.channel()];
  for_each_index(wide.shape, [&](const Shape& i, int64_t k) {
    const int64_t c = i[l.channel()], h = i[l.spatial(0)], w = i[l.spatial(1)];
    Shape at = i;
    at[l.spatial(0)] = h / b;
    at[l.spatial(1)] = w / b;
    const int64_t cell = (h % b) * b + w % b;
    at[l.channel()] = a.crd ? c * b * b + cell : cell * channels + c;
    const int64_t other = flat(deep.shape, at);
    if (to_space)
      y.data[k] = x.data[other];
    else
      y.data[other] = x.data[k];
  });
}

void layer_norm(const NormAttributes& a, const Operands& in, Tensor& y) {
  const Tensor& x = *in[0];
  const int64_t axis = positive(a.axis, x.shape.size());
  const Shape normalized(x.shape.begin() + axis, x.shape.end());
  const int64_t n = *checked_elements(normalized);
  for (size_t k = 0; k < x.data.size(); k += n) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; ++i) mean += x.data[k + i] / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i)
      variance += std::pow(x.data[k + i] - mean, 2) / static_cast<double>(n);
    for_each_index(normalized, [&](const Shape& index, int64_t i) {
      y.data[k + i] =
          (x.data[k + i] - mean) / std::sqrt(variance + a.epsilon) * broadcast_at(*in[1], index) +
          (in.size() > 2 && in[2] ? broadcast_at(*in[2], index) : 0);
    });
  }
}

void gather(int64_t axis, const Tensor& x, const Tensor& indices, Tensor& y) {
  axis = positive(axis, x.shape.size());
  for_each_index(y.shape, [&](const Shape& i, int64_t k) {
    const Shape which(i.begin() + axis,
                      i.begin() + axis + static_cast<int64_t>(indices.shape.size()));
    Shape at(i.begin(), i.begin() + axis);
    const auto wanted = static_cast<int64_t>(indices.data[flat(indices.shape, which)]);
    at.push_back(positive(wanted, static_cast<size_t>(x.shape[axis])));
    at.insert(at.end(), i.begin() + axis + static_cast<int64_t>(indices.shape.size()), i.end());
    y.data[k] = x.data[flat(x.shape, at)];
  });
}

void compute(const Graph& graph, const Node& node, const Operands& in, std::vector<Tensor>& out) {
  Tensor& y = out[0];
  const Tensor& x = *in[0];
  const Layout layout{graph.channels_last, x.shape.size()};
  switch (node.op) {
    case Op::kIdentity:
    case Op::kReshape:
      y.data = x.data;
      return;
    case Op::kConv:
      conv(node.as<ConvAttributes>(), layout, in, y);
      if (out.size() > 1)
        for_each_index(out[1].shape, [&](const Shape& i, int64_t k) {
          Shape at = i;
          for (size_t d = 0; d < at.size(); ++d) at[d] /= out[1].shape[d] / y.shape[d];
          out[1].data[k] = y.data[flat(y.shape, at)];
        });
      return;
    case Op::kConvTranspose:
      return conv_transpose(node.as<ConvTransposeAttributes>(), layout, in, y);
    case Op::kMatMul:
      return matmul(node.as<MatMulAttributes>(), in, y);
    case Op::kPool:
      return pool(node.as<PoolAttributes>(), layout, x, y);
    case Op::kUnary: {
      const auto& a = node.as<UnaryAttributes>();
      for (size_t k = 0; k < y.data.size(); ++k)
        y.data[k] = apply(a.op, x.data[k], 0, 0, a.alpha, a.beta);
      return;
    }
    case Op::kBinary:
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        y.data[k] = apply(node.as<BinaryAttributes>().op, broadcast_at(x, i),
                          broadcast_at(*in[1], i), 0, 0, 0);
      });
      return;
    case Op::kWhere:
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        y.data[k] = broadcast_at(x, i) != 0 ? broadcast_at(*in[1], i) : broadcast_at(*in[2], i);
      });
      return;
    case Op::kPointwise: {
      const auto& program = node.as<PointwiseAttributes>().program;
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        std::vector<double> r;
        for (const Tensor* t : in) r.push_back(broadcast_at(*t, i));
        for (const PointwiseInstruction& p : program) {
          const double b = p.op >= EltOp::kAdd ? r.at(p.b) : 0,
                       c = p.op >= EltOp::kWhere ? r.at(p.c) : 0;
          r.push_back(apply(p.op, r.at(p.a), b, c, p.alpha, p.beta));
        }
        y.data[k] = r.back();
      });
      return;
    }
    case Op::kCast: {
      const DType from = graph.value(node.inputs[0]).dtype, to = graph.value(node.outputs[0]).dtype;
      (void)from;
      if (graph.value(node.outputs[0]).quant) {  // numbers, whatever memory holds of them
        y.data = x.data;
        return;
      }
      for (size_t k = 0; k < y.data.size(); ++k) {
        const double v = x.data[k];
        y.data[k] = to == DType::kF16                        ? round_to_half(v)
                    : to == DType::kBool                     ? v != 0
                    : to == DType::kF32 || to == DType::kF64 ? v
                                                             : std::trunc(v);
      }
      return;
    }
    case Op::kReduce:
      return reduce(node.as<ReduceAttributes>(), x, y);
    case Op::kArgReduce: {
      const auto& a = node.as<ArgReduceAttributes>();
      return arg_reduce(a.is_max, a.select_last, a.axis, x, y);
    }
    case Op::kArgmaxMask:
      return arg_reduce(true, false, node.as<AxisAttributes>().axis, x, y);
    case Op::kCumulative:
      return cumulative(node.as<CumulativeAttributes>(), x, y);
    case Op::kSoftmax:
      return softmax(node.as<SoftmaxAttributes>(), x, y);
    case Op::kBatchNorm:
    case Op::kInstanceNorm:
      return channel_norm(node.op, node.as<NormAttributes>(), layout, in, y);
    case Op::kLayerNorm:
      return layer_norm(node.as<NormAttributes>(), in, y);
    case Op::kLrn:
      return lrn(node.as<LrnAttributes>(), x, y);
    case Op::kConcat: {
      const int64_t axis = positive(node.as<AxisAttributes>().axis, y.shape.size());
      int64_t start = 0;
      for (const Tensor* t : in) {
        for_each_index(t->shape, [&](const Shape& i, int64_t k) {
          Shape at = i;
          at[axis] += start;
          y.data[flat(y.shape, at)] = t->data[k];
        });
        start += t->shape[axis];
      }
      return;
    }
    case Op::kSlice: {
      const auto& a = node.as<SliceAttributes>();
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        Shape at = i;
        for (size_t d = 0; d < at.size(); ++d) at[d] = a.starts[d] + i[d] * a.steps[d];
        y.data[k] = x.data[flat(x.shape, at)];
      });
      return;
    }
    case Op::kPad:
      return pad(node.as<PadAttributes>(), x, y);
    case Op::kTranspose: {
      const auto& perm = node.as<TransposeAttributes>().perm;
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        Shape at(i.size());
        for (size_t d = 0; d < i.size(); ++d) at[perm[d]] = i[d];
        y.data[k] = x.data[flat(x.shape, at)];
      });
      return;
    }
    case Op::kGather:
      return gather(node.as<AxisAttributes>().axis, x, *in[1], y);
    case Op::kExpand:
      for_each_index(y.shape, [&](const Shape& i, int64_t k) { y.data[k] = broadcast_at(x, i); });
      return;
    case Op::kTile:
      for_each_index(y.shape, [&](const Shape& i, int64_t k) {
        Shape at = i;
        for (size_t d = 0; d < at.size(); ++d) at[d] %= x.shape[d];
        y.data[k] = x.data[flat(x.shape, at)];
      });
      return;
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return depth_space(node.op, node.as<DepthToSpaceAttributes>(), layout, x, y);
    case Op::kResize:
      return resize(node.as<ResizeAttributes>(), x, y);
    default:
      throw std::runtime_error(std::string("reference: operation ") + op_name(node.op));
  }
}

/// Values in storages, addressed through their strides.
class Memory {
 public:
  explicit Memory(const Graph& graph) : graph_(graph) {}

  Tensor read(ValueId id) {
    const Value& v = graph_.value(id);
    Tensor t{v.shape, std::vector<double>(v.elements())};
    if (v.constant) {
      for (int64_t i = 0; i < v.elements(); ++i) t.data[i] = element(v, i);
      return t;
    }
    const std::vector<double>& s = storage(id);
    each(v, [&](int64_t k, int64_t at) { t.data[k] = s.at(at); });
    return t;
  }
  void write(ValueId id, const Tensor& t) {
    const Value& v = graph_.value(id);
    if (t.shape != v.shape) throw std::runtime_error("reference: shape of " + v.name);
    std::vector<double>& s = storage(id);
    each(v, [&](int64_t k, int64_t at) { s.at(at) = t.data[k]; });
  }

 private:
  template <typename F>
  static void each(const Value& v, F f) {
    const Shape strides = strides_of(v);
    const int64_t offset = v.view ? v.view->offset : 0;
    for_each_index(v.shape, [&](const Shape& i, int64_t k) {
      int64_t at = offset;
      for (size_t d = 0; d < i.size(); ++d) at += i[d] * strides[d];
      f(k, at);
    });
  }
  std::vector<double>& storage(ValueId id) {
    const Value& v = graph_.value(id);
    const ValueId base = v.view ? v.view->base : id;
    std::vector<double>& s = storages_[base];
    if (s.empty()) s.assign(std::max<int64_t>(graph_.value(base).elements(), 1), NAN);
    return s;
  }
  const Graph& graph_;
  std::map<ValueId, std::vector<double>> storages_;
};

}  // namespace

Tensors evaluate_reference(const Graph& graph, const Tensors& inputs) {
  Memory memory(graph);
  for (ValueId id : graph.inputs) memory.write(id, inputs.at(graph.value(id).name));
  for (NodeId n : graph.order()) {
    const Node& node = graph.node(n);
    std::vector<Tensor> operands(node.inputs.size());
    Operands in(node.inputs.size(), nullptr);
    for (size_t i = 0; i < in.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      operands[i] = memory.read(node.inputs[i]);
      in[i] = &operands[i];
    }
    std::vector<Tensor> out(node.outputs.size());
    for (size_t i = 0; i < out.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const Value& v = graph.value(node.outputs[i]);
      out[i] = {v.shape, std::vector<double>(v.elements(), NAN)};
    }
    compute(graph, node, in, out);
    for (size_t i = 0; i < out.size(); ++i)
      if (node.outputs[i] != kNoValue) memory.write(node.outputs[i], out[i]);
  }
  Tensors results;
  for (ValueId id : graph.outputs) results[graph.value(id).name] = memory.read(id);
  return results;
}

Tensors random_inputs(const Graph& graph, uint64_t seed) {
  Tensors inputs;
  for (ValueId id : graph.inputs) {
    const Value& v = graph.value(id);
    std::mt19937_64 random(seed + std::hash<std::string>()(v.name));
    Tensor t{v.shape, std::vector<double>(v.elements())};
    // Multiples of 1/1024 are exact in every float type.
    for (double& x : t.data)
      x = static_cast<double>(static_cast<int64_t>(random() % 2048) - 1024) / 1024.0;
    inputs[v.name] = std::move(t);
  }
  return inputs;
}

double difference(const Tensors& a, const Tensors& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (const auto& [name, x] : a) {
    const auto it = b.find(name);
    if (it == b.end() || it->second.shape != x.shape) return INFINITY;
    double range = 0, diff = 0;
    for (size_t i = 0; i < x.data.size(); ++i) {
      const double p = x.data[i], q = it->second.data[i];
      if (std::isfinite(p) != std::isfinite(q)) return INFINITY;
      if (!std::isfinite(p)) continue;
      range = std::max(range, std::fabs(p));
      diff = std::max(diff, std::fabs(p - q));
    }
    worst = std::max(worst, diff / std::max(range, 1e-6));
  }
  return worst;
}

}  // namespace stint::builder::test
