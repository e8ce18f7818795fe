// Element-wise programs whose operands and results are f32, u8 or i8. They compute with real
// numbers in f32; a program of one 8-bit operand is a table.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized/quantized_pointwise.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/pointwise_program-inl.h"
#include "kernels/cpu/quantized/quantized_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

using Place = PointwiseTiles::Place;
constexpr int64_t kLanes = RealLoader<float>::kLanes;

/// With fewer elements a table costs more than it saves.
constexpr int64_t kTableElements = 2048;

template <typename X>
void load_row(const RealLoader<X>& loader, const X* from, int64_t stride, int64_t n, float* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  HWY_ALIGN X buffer[kLanes] = {};
  HWY_ALIGN float reals[kLanes];
  int64_t i = 0;
  if (stride == 1) {
    for (; i + kLanes <= n; i += kLanes) hn::StoreU(loader.load(from + i), d, to + i);
  } else if (stride == 0) {
    for (X& b : buffer) b = *from;
    const auto v = loader.load(buffer);
    for (; i + kLanes <= n; i += kLanes) hn::StoreU(v, d, to + i);
  }
  for (; i < n; i += kLanes) {
    const int64_t lanes = n - i < kLanes ? n - i : kLanes;
    for (int64_t k = 0; k < lanes; ++k) buffer[k] = from[(i + k) * stride];
    hn::Store(loader.load(buffer), d, reals);
    for (int64_t k = 0; k < lanes; ++k) to[i + k] = reals[k];
  }
}

template <typename Y>
void store_row(const RealStorer<Y>& storer, float inverse, const float* from, int64_t n, Y* to,
               int64_t stride) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, inverse);
  int64_t i = 0;
  if (stride == 1) {
    for (; i + kLanes <= n; i += kLanes)
      storer.store(hn::Mul(hn::LoadU(d, from + i), factor), to + i);
  }
  HWY_ALIGN float reals[kLanes] = {};
  HWY_ALIGN Y buffer[kLanes];
  for (; i < n; i += kLanes) {
    const int64_t lanes = n - i < kLanes ? n - i : kLanes;
    for (int64_t k = 0; k < lanes; ++k) reals[k] = from[i + k];
    storer.store(hn::Mul(hn::Load(d, reals), factor), buffer);
    for (int64_t k = 0; k < lanes; ++k) to[(i + k) * stride] = buffer[k];
  }
}

class Program {
 public:
  explicit Program(const StepArgs& args)
      : args_(args),
        q_(params_of<QuantizedPointwiseParams>(args)),
        ops_(trailing_of<QuantizedPointwiseParams, PointwiseOp>(args)),
        count_(q_.program.instruction_count),
        inputs_(static_cast<int>(args.input_count)) {}

  void run() const {
    const TensorView& x = args_.inputs[0];
    const TensorView& y = args_.outputs[0];
    if (inputs_ == 1 && x.dtype != DType::kF32 && x.elements() == y.elements() &&
        y.elements() >= kTableElements) {
      with_stored_type(y.dtype, [&](auto zero) { map_by_table<decltype(zero)>(x, y); });
      return;
    }
    PointwiseTiles(args_).for_each([&](const PointwiseTiles::Tile& tile, float* scratch,
                                       const void** held) { run_tile(tile, scratch, held); });
  }

 private:
  /// The program's result for n elements whose operands are in place; scratch as for a tile.
  const float* execute(const float** operand, int64_t n, float* scratch) const {
    for (int i = 0; i < count_; ++i) {
      const PointwiseOp& op = ops_[i];
      float* result = scratch + (inputs_ + i) * kPointwiseTile;
      // The same bits on every target.
      pointwise::execute<Unfused>(op, operand[op.a], operand[op.b], operand[op.c], n, result);
      operand[inputs_ + i] = result;
    }
    return operand[inputs_ + count_ - 1];
  }

  void run_tile(const PointwiseTiles::Tile& t, float* scratch, const void** held) const {
    const float* operand[kMaxPointwiseInputs + kMaxPointwiseInstructions];
    for (int k = 0; k < inputs_; ++k) {
      const Place& p = t.places[k];
      const TensorView& view = args_.inputs[k];
      float* tile = scratch + k * kPointwiseTile;
      operand[k] = tile;
      if (view.dtype == DType::kF32 && p.dense) {
        operand[k] = view.as<float>() + p.offset;
        continue;
      }
      const void* x = view.as<std::byte>() + p.offset * dtype_bytes(view.dtype);
      // A broadcast operand is the same for the next tile; a whole tile serves a smaller one too.
      if (held[k] == x && p.repeats) continue;
      held[k] = p.repeats ? x : nullptr;
      with_stored_type(view.dtype, [&](auto zero) {
        using X = decltype(zero);
        const RealLoader<X> loader(q_.inputs[k].scale, q_.inputs[k].zero_point);
        for (int64_t r = 0; r < t.rows; ++r)
          load_row(loader, static_cast<const X*>(x) + r * p.row_stride, p.column_stride, t.columns,
                   tile + r * t.columns);
      });
    }
    const float* result = execute(operand, t.rows * t.columns, scratch);
    const Place& p = t.places[PointwiseTiles::kY];
    with_stored_type(args_.outputs[0].dtype, [&](auto zero) {
      using Y = decltype(zero);
      const RealStorer<Y> storer(q_.y.zero_point);
      for (int64_t r = 0; r < t.rows; ++r)
        store_row(storer, 1.0f / q_.y.scale, result + r * t.columns, t.columns,
                  args_.outputs[0].as<Y>() + p.offset + r * p.row_stride, p.column_stride);
    });
  }

  template <typename Y>
  void map_by_table(const TensorView& x, const TensorView& y) const {
    // In the order of the bytes, whatever their sign.
    HWY_ALIGN uint8_t bytes[256];
    for (int i = 0; i < 256; ++i) bytes[i] = static_cast<uint8_t>(i);
    auto* scratch = reinterpret_cast<float*>(args_.worker_scratch);
    const float* operand[kMaxPointwiseInputs + kMaxPointwiseInstructions] = {scratch};
    const QuantParams& of_x = q_.inputs[0];
    if (x.dtype == DType::kI8)
      load_row(RealLoader<int8_t>(of_x.scale, of_x.zero_point),
               reinterpret_cast<const int8_t*>(bytes), 1, 256, scratch);
    else
      load_row(RealLoader<uint8_t>(of_x.scale, of_x.zero_point), bytes, 1, 256, scratch);
    Y table[256];
    store_row(RealStorer<Y>(q_.y.zero_point), 1.0f / q_.y.scale, execute(operand, 256, scratch),
              256, table, 1);
    StridedLoop<2> loop;
    // A broadcast x has as many elements as y: only extents of 1 differ.
    for (int i = 0; i < y.rank; ++i)
      loop.add_axis(y.shape[i], {broadcast_stride(x, y.rank, i), y.strides[i]});
    loop.collapse();
    const int64_t x_stride = loop.inner_stride(0), y_stride = loop.inner_stride(1);
    parallel_ranges(args_.parallel, loop.elements(), 16384,
                    [&](int64_t begin, int64_t end, uint32_t) {
                      loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                        const uint8_t* from = x.as<uint8_t>() + offsets[0];
                        Y* to = y.as<Y>() + offsets[1];
                        for (int64_t i = 0; i < n; ++i)
                          to[i * y_stride] = table[from[i * x_stride]];
                      });
                    });
  }

  const StepArgs& args_;
  const QuantizedPointwiseParams& q_;
  const PointwiseOp* ops_;
  int count_;
  int inputs_;
};

}  // namespace

void quantized_pointwise_run(const StepArgs& args) { Program(args).run(); }

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_quantized_pointwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<QuantizedPointwiseParams>(args));
  const QuantizedPointwiseParams& q = params_of<QuantizedPointwiseParams>(args);
  const int count = q.program.instruction_count;
  STINT_RETURN_IF_ERROR(check_instruction_count(count));
  STINT_RETURN_IF_ERROR((check_trailing<QuantizedPointwiseParams, PointwiseOp>(args, count)));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, kMaxPointwiseInputs, 1));
  STINT_RETURN_IF_ERROR(check_quantized(args.outputs[0], q.y));
  for (uint32_t k = 0; k < args.input_count; ++k)
    STINT_RETURN_IF_ERROR(check_quantized(args.inputs[k], q.inputs[k]));
  return check_pointwise_program(args, trailing_of<QuantizedPointwiseParams, PointwiseOp>(args),
                                 count);
}

void run_quantized_pointwise(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  STINT_SIMD(quantized_pointwise_run)(args);
}

}  // namespace stint::cpu
#endif
