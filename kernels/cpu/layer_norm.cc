#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/norm_check.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/norm.h"

namespace stint::cpu {
namespace {

enum Operand { kX, kScale, kBias, kY, kMean, kInvStd, kOperands };

/// C: type elements are computed in.
template <typename C>
class LayerNorm {
 public:
  explicit LayerNorm(const StepArgs& args) : args_(args), p_(params_of<LayerNormParams>(args)) {
    view_[kX] = &args.inputs[0];
    view_[kScale] = &args.inputs[1];
    view_[kBias] = p_.has_bias != 0 ? &args.inputs[2] : nullptr;
    uint32_t next = 0;
    view_[kY] = &args.outputs[next++];
    view_[kMean] = p_.has_mean != 0 ? &args.outputs[next++] : nullptr;
    view_[kInvStd] = p_.has_inv_std != 0 ? &args.outputs[next++] : nullptr;
    const int rank = view_[kX]->rank;
    for (int i = 0; i < rank; ++i) {
      int64_t strides[kOperands] = {};
      for (int k = 0; k < kOperands; ++k)
        if (view_[k] != nullptr) strides[k] = broadcast_stride(*view_[k], rank, i);
      (i < p_.axis ? rows_ : row_).add_axis(view_[kX]->shape[i], strides);
    }
    rows_.collapse();
    row_.collapse();
    length_ = row_.elements();
  }

  void run() const {
    parallel_ranges(args_.parallel, rows_.elements(), 1 + 8 * 1024 / (length_ + 1),
                    [&](int64_t begin, int64_t end, uint32_t) {
                      rows_.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                        for (int64_t i = 0; i < n; ++i) {
                          int64_t at[kOperands];
                          for (int k = 0; k < kOperands; ++k)
                            at[k] = offsets[k] + i * rows_.inner_stride(k);
                          normalize(at);
                        }
                      });
                    });
  }

 private:
  /// A block of operand k, or null when it is absent.
  const C* block(int k, const int64_t* offsets, const int64_t* row_offset, int64_t at, int64_t n,
                 C* buffer) const {
    if (view_[k] == nullptr) return nullptr;
    const int64_t stride = row_.inner_stride(k);
    return block_of(view_[k]->dtype, view_[k]->data, row_offset[k] + offsets[k] + at * stride,
                    stride, n, buffer);
  }

  template <typename F>
  void each_block(F f) const {
    row_.for_range(0, length_, [&](const int64_t* offsets, int64_t run) {
      for (int64_t at = 0; at < run; at += kBlock)
        f(offsets, at, run - at < kBlock ? run - at : kBlock);
    });
  }

  void normalize(const int64_t* row_offset) const {
    C buffers[3][kBlock];
    double sum = 0;
    each_block([&](const int64_t* offsets, int64_t at, int64_t n) {
      const C* x = block(kX, offsets, row_offset, at, n, buffers[0]);
      for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
    });
    const double mean = sum / static_cast<double>(length_);
    double squares = 0;
    each_block([&](const int64_t* offsets, int64_t at, int64_t n) {
      const C* x = block(kX, offsets, row_offset, at, n, buffers[0]);
      for (int64_t i = 0; i < n; ++i) {
        const double d = static_cast<double>(x[i]) - mean;
        squares += d * d;
      }
    });
    const double inv_std =
        1.0 / std::sqrt(squares / static_cast<double>(length_) + static_cast<double>(p_.epsilon));
    each_block([&](const int64_t* offsets, int64_t at, int64_t n) {
      const C* x = block(kX, offsets, row_offset, at, n, buffers[0]);
      const C* scale = block(kScale, offsets, row_offset, at, n, buffers[1]);
      const C* bias = block(kBias, offsets, row_offset, at, n, buffers[2]);
      C result[kBlock];
      for (int64_t i = 0; i < n; ++i)
        result[i] = static_cast<C>((static_cast<double>(x[i]) - mean) * inv_std) * scale[i];
      if (bias != nullptr)
        for (int64_t i = 0; i < n; ++i) result[i] += bias[i];
      const int64_t stride = row_.inner_stride(kY);
      store_block(view_[kY]->dtype, view_[kY]->data, row_offset[kY] + offsets[kY] + at * stride,
                  stride, n, result);
    });
    if (view_[kMean] != nullptr)
      store_block(view_[kMean]->dtype, view_[kMean]->data, row_offset[kMean], 1, 1, &mean);
    if (view_[kInvStd] != nullptr)
      store_block(view_[kInvStd]->dtype, view_[kInvStd]->data, row_offset[kInvStd], 1, 1, &inv_std);
  }

  const StepArgs& args_;
  const LayerNormParams& p_;
  const TensorView* view_[kOperands];
  StridedLoop<kOperands> rows_;
  StridedLoop<kOperands> row_;
  int64_t length_ = 0;
};

/// Mean and deviation have x's shape with 1 from `axis` on.
Status check_statistic(const TensorView& x, const TensorView& t, int axis) {
  STINT_RETURN_IF_ERROR(check_floating(t));
  if (t.rank != x.rank)
    return corrupt("statistic of a layer norm has the wrong rank", t.rank, x.rank);
  for (int i = 0; i < x.rank; ++i) {
    const int64_t expected = i < axis ? x.shape[i] : 1;
    if (t.shape[i] != expected)
      return corrupt("statistic of a layer norm has the wrong shape", t.shape[i], expected);
  }
  return ok_status();
}

}  // namespace

Status check_layer_norm(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<LayerNormParams>(args));
  const auto& p = params_of<LayerNormParams>(args);
  const uint32_t inputs = p.has_bias != 0 ? 3 : 2;
  const uint32_t outputs = 1u + (p.has_mean != 0 ? 1u : 0u) + (p.has_inv_std != 0 ? 1u : 0u);
  STINT_RETURN_IF_ERROR(check_operands(args, inputs, inputs, outputs));
  const TensorView& x = args.inputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  for (uint32_t i = 0; i < inputs; ++i) {
    STINT_RETURN_IF_ERROR(check_floating(args.inputs[i]));
    STINT_RETURN_IF_ERROR(check_broadcast(args.inputs[i], x));
  }
  STINT_RETURN_IF_ERROR(check_floating(args.outputs[0]));
  STINT_RETURN_IF_ERROR(check_same_shape(x, args.outputs[0]));
  for (uint32_t i = 1; i < outputs; ++i)
    STINT_RETURN_IF_ERROR(check_statistic(x, args.outputs[i], p.axis));
  return ok_status();
}

void run_layer_norm(const StepArgs& args) {
  const TensorView& x = args.inputs[0];
  if (x.elements() == 0) return;
  if (x.dtype == DType::kF64) return LayerNorm<double>(args).run();
  LayerNorm<float>(args).run();
}

}  // namespace stint::cpu
