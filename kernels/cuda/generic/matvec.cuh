// Batched matrix product of a few rows: what is read is the second matrix, once. A team (team.cuh,
// adjacent lines are adjacent columns) splits the terms of a column's dot products. Constants as
// for matmul.cuh.
#pragma once

struct Column {
  float row[kM];
};
struct MergeColumns {
  __device__ __forceinline__ Column operator()(Column a, const Column& b) const {
#pragma unroll
    for (int m = 0; m < kM; ++m) a.row[m] += b.row[m];
    return a;
  }
};

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Batches::kElements * static_cast<index_t>(kN);
  const index_t n = team.line % static_cast<index_t>(kN);
  index_t at[4] = {0, 0, 0, 0};
  if (real) Batches::at(team.line / static_cast<index_t>(kN), at);
  const In0* a = in0(args) + at[0];
  const In1* b = in1(args) + at[1] + n * static_cast<index_t>(kBColumn);
  Column sum = {};
  if (real) {
#pragma unroll 4
    for (int64_t k = team.part; k < kK; k += kParts) {
      const float factor = load<float>(b[k * kBRow]);
#pragma unroll
      for (int m = 0; m < kM; ++m)
        sum.row[m] = fmaf(load<float>(a[m * kARow + k * kAColumn]), factor, sum.row[m]);
    }
  }
  sum = team.combined(sum, MergeColumns());
  if (!real || team.part != 0) return;
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    const index_t residual =
        at[3] + static_cast<index_t>(m * kRRow) + n * static_cast<index_t>(kRColumn);
    out0(args)[at[2] + static_cast<index_t>(m * kYRow) + n * static_cast<index_t>(kYColumn)] =
        store<Out0>(finished(args, sum.row[m], n, residual));
  }
}
