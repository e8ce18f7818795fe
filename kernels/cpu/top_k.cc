// The k largest or smallest elements along one axis, best first; equal elements keep their order. A
// NaN counts as larger than every number.
#include <algorithm>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/reduce.h"

namespace stint::cpu {
namespace {

template <typename C>
struct Entry {
  C value;
  int64_t index;
};
static_assert(sizeof(Entry<float>) == 16 && sizeof(Entry<double>) == 16);

/// Strict total order: a comes before b in the result.
template <typename C>
struct Better {
  bool largest;
  bool operator()(const Entry<C>& a, const Entry<C>& b) const {
    const bool a_nan = a.value != a.value;
    const bool b_nan = b.value != b.value;
    if (a_nan != b_nan) return a_nan == largest;
    if (!a_nan && a.value != b.value) return largest ? a.value > b.value : a.value < b.value;
    return a.index < b.index;
  }
};

/// Leaves the best k of the line in `kept`, in order. A heap whose root is the worst that is kept.
template <typename C>
void select(const TensorView& x, int64_t from, int64_t step, int64_t length, int64_t k,
            const Better<C>& better, Entry<C>* kept) {
  C buffer[kBlock];
  int64_t size = 0;
  for (int64_t at = 0; at < length; at += kBlock) {
    const int64_t n = std::min(length - at, kBlock);
    const C* line = block_of(x.dtype, x.data, from + at * step, step, n, buffer);
    for (int64_t i = 0; i < n; ++i) {
      const Entry<C> entry = {line[i], at + i};
      if (size < k) {
        kept[size++] = entry;
        std::push_heap(kept, kept + size, better);
      } else if (better(entry, kept[0])) {
        std::pop_heap(kept, kept + k, better);
        kept[k - 1] = entry;
        std::push_heap(kept, kept + k, better);
      }
    }
  }
  std::sort_heap(kept, kept + k, better);
}

Status check_result(const TensorView& x, const TensorView& y, int axis, int64_t k) {
  if (y.rank != x.rank) return corrupt("output of top-k has the wrong rank", y.rank, x.rank);
  for (int i = 0; i < x.rank; ++i) {
    const int64_t expected = i == axis ? k : x.shape[i];
    if (y.shape[i] != expected)
      return corrupt("output of top-k has the wrong shape", y.shape[i], expected);
  }
  return ok_status();
}

}  // namespace

Status check_top_k(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<TopKParams>(args));
  const auto& p = params_of<TopKParams>(args);
  if (p.has_values > 1 || p.has_indices > 1 || p.has_values + p.has_indices == 0)
    return corrupt("top-k needs values, indices or both", p.has_values, 1);
  STINT_RETURN_IF_ERROR(
      check_operands(args, 1, 1, static_cast<uint32_t>(p.has_values + p.has_indices)));
  const TensorView& x = args.inputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  const TensorView& first = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, first));
  const int64_t k = first.shape[p.axis];
  if (k > x.shape[p.axis])
    return corrupt("top-k wants more elements than there are", k, x.shape[p.axis]);
  for (uint32_t i = 0; i < args.output_count; ++i)
    STINT_RETURN_IF_ERROR(check_result(x, args.outputs[i], p.axis, k));
  if (p.has_values != 0) STINT_RETURN_IF_ERROR(check_dtype(first, x.dtype));
  if (p.has_indices != 0) {
    const DType t = args.outputs[p.has_values].dtype;
    if (t != DType::kI64 && t != DType::kI32)
      return corrupt("indices must be i32 or i64", static_cast<int64_t>(t),
                     static_cast<int64_t>(DType::kI64));
  }
  if (args.worker_scratch_bytes < topk_scratch_bytes(k))
    return corrupt("too little worker scratch for top-k",
                   static_cast<int64_t>(args.worker_scratch_bytes),
                   static_cast<int64_t>(topk_scratch_bytes(k)));
  return ok_status();
}

void run_top_k(const StepArgs& args) {
  const auto& p = params_of<TopKParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView* values = p.has_values != 0 ? &args.outputs[0] : nullptr;
  const TensorView* indices = p.has_indices != 0 ? &args.outputs[p.has_values] : nullptr;
  const int64_t k = args.outputs[0].shape[p.axis];
  if (args.outputs[0].elements() == 0) return;
  StridedLoop<3> loop;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.axis)
      loop.add_axis(x.shape[i], {x.strides[i], values ? values->strides[i] : 0,
                                 indices ? indices->strides[i] : 0});
  loop.collapse();
  const int64_t length = x.shape[p.axis];
  with_type(compute_type(x.dtype), [&](auto zero) {
    using C = decltype(zero);
    const Better<C> better = {p.largest != 0};
    parallel_ranges(args.parallel, loop.elements(), 1 + 4096 / length,
                    [&](int64_t begin, int64_t end, uint32_t worker) {
                      auto* kept = reinterpret_cast<Entry<C>*>(args.worker_scratch +
                                                               worker * args.worker_scratch_bytes);
                      loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                        for (int64_t line = 0; line < n; ++line) {
                          select(x, offsets[0] + line * loop.inner_stride(0), x.strides[p.axis],
                                 length, k, better, kept);
                          for (int64_t i = 0; i < k; ++i) {
                            if (values != nullptr)
                              store_block(values->dtype, values->data,
                                          offsets[1] + line * loop.inner_stride(1) +
                                              i * values->strides[p.axis],
                                          1, 1, &kept[i].value);
                            if (indices != nullptr)
                              store_block(indices->dtype, indices->data,
                                          offsets[2] + line * loop.inner_stride(2) +
                                              i * indices->strides[p.axis],
                                          1, 1, &kept[i].index);
                          }
                        }
                      });
                    });
  });
}

}  // namespace stint::cpu
