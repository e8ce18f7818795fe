// Operands of a matrix product by numpy's rules: a vector on the left is a row, a vector on the
// right a column, and the result has no axis for it.
#pragma once

#include "kernels/cpu/epilogue.h"
#include "plan_schema/params/matmul.h"

namespace stint::cpu {

struct MatMulViews {
  /// Operand counts, types and ranks below kMaxRank have been checked.
  MatMulViews(const StepArgs& args, const MatMulParams& p)
      : a(args.inputs[0]), b(args.inputs[1]), y(args.outputs[0]) {
    const TensorView* r = epilogue_operands(args, p.epilogue, 2).residual;
    has_residual = r != nullptr;
    if (has_residual) residual = *r;
    if (!p.b_packed && b.rank == 1) {
      append_unit(&b);
      append_unit(&y);
      if (has_residual) append_unit(&residual);
    }
    if (a.rank == 1) {
      a.shape[1] = a.shape[0];
      a.strides[1] = a.strides[0];
      a.shape[0] = 1;
      a.rank = 2;
      insert_row(&y);
      if (has_residual) insert_row(&residual);
    }
  }

  TensorView a, b, y, residual;
  bool has_residual = false;

 private:
  static void append_unit(TensorView* t) {
    t->shape[t->rank] = 1;
    t->strides[t->rank] = 1;
    ++t->rank;
  }
  static void insert_row(TensorView* t) {
    if (t->rank == 0) return;
    t->shape[t->rank] = t->shape[t->rank - 1];
    t->strides[t->rank] = t->strides[t->rank - 1];
    t->shape[t->rank - 1] = 1;
    ++t->rank;
  }
};

}  // namespace stint::cpu
