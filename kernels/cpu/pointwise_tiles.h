// How an element-wise program over broadcast operands falls into tiles, and its checks.
#pragma once

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/pointwise.h"

namespace stint::cpu {

/// A tile is `rows` whole rows of the innermost axis, or a part of one row. Operand k of the loop
/// is input k, the last is y.
class PointwiseTiles {
 public:
  static constexpr int kOperands = kMaxPointwiseInputs + 1;
  static constexpr int kY = kMaxPointwiseInputs;

  /// Part of an operand that belongs to a tile.
  struct Place {
    int64_t offset;  // elements
    int64_t row_stride, column_stride;
    bool dense;    // row-major without gaps
    bool repeats;  // the same for the next tile, as long as that is no larger
  };
  struct Tile {
    int64_t rows, columns;
    Place places[kOperands];
  };

  explicit PointwiseTiles(const StepArgs& args)
      : args_(args), inputs_(static_cast<int>(args.input_count)) {
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

  /// Calls f(tile, scratch, held) for all tiles, spread over the workers. `held` has a place for
  /// each input, null at first, that a worker's tiles share.
  template <typename F>
  void for_each(F&& f) const {
    const int64_t tiles = row_tiles_ * column_tiles_;
    parallel_ranges(
        args_.parallel, loop_.elements() * tiles, 8,
        [&](int64_t begin, int64_t end, uint32_t worker) {
          auto* scratch =
              reinterpret_cast<float*>(args_.worker_scratch + worker * args_.worker_scratch_bytes);
          // What each input's scratch tile is a copy of.
          const void* held[kMaxPointwiseInputs] = {};
          for (int64_t i = begin; i < end; ++i) {
            loop_.for_range(i / tiles, i / tiles + 1, [&](const int64_t* offsets, int64_t) {
              f(tile_at(offsets, i % tiles / column_tiles_ * tile_rows_,
                        i % column_tiles_ * tile_columns_),
                scratch, held);
            });
          }
        });
  }

 private:
  Tile tile_at(const int64_t* offsets, int64_t row, int64_t column) const {
    Tile t;
    t.rows = rows_ - row < tile_rows_ ? rows_ - row : tile_rows_;
    t.columns = columns_ - column < tile_columns_ ? columns_ - column : tile_columns_;
    const bool whole = t.rows == tile_rows_ && t.columns == tile_columns_;
    const auto place = [&](int k) {
      Place& p = t.places[k];
      p.offset = offsets[k] + row * row_stride_[k] + column * column_stride_[k];
      p.row_stride = row_stride_[k];
      p.column_stride = column_stride_[k];
      p.dense = p.column_stride == 1 && (t.rows == 1 || p.row_stride == t.columns);
      p.repeats = (p.row_stride == 0 || rows_ == 1) && whole;
    };
    for (int k = 0; k < inputs_; ++k) place(k);
    place(kY);
    return t;
  }

  const StepArgs& args_;
  int inputs_;
  StridedLoop<kOperands> loop_;  // the axes outside the two innermost ones
  int64_t rows_ = 1, columns_ = 1;
  int64_t row_stride_[kOperands] = {}, column_stride_[kOperands] = {};
  int64_t tile_rows_ = 1, tile_columns_ = 1;
  int64_t row_tiles_ = 1, column_tiles_ = 1;
};

/// Everything but the element types and the parameter block; the program's operands are counted.
inline Status check_pointwise_program(const StepArgs& args, const PointwiseOp* ops, int count) {
  const int inputs = static_cast<int>(args.input_count);
  for (int k = 0; k < inputs; ++k)
    STINT_RETURN_IF_ERROR(check_broadcast(args.inputs[k], args.outputs[0]));
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

inline Status check_instruction_count(int count) {
  if (count < 1 || count > kMaxPointwiseInstructions)
    return corrupt("pointwise program has no or too many instructions", count,
                   kMaxPointwiseInstructions);
  return ok_status();
}

}  // namespace stint::cpu
