// Layer normalisation. Before this header: Number, Rows and Row (offsets of x, scale, bias, y,
// mean, inverse deviation), epsilon(), and the operands that may be absent: bias_at(args, offset),
// write_statistics(args, offset, mean, inverse deviation).
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Rows::kElements;
  index_t row[6] = {0, 0, 0, 0, 0, 0};
  if (real) Rows::at(team.line, row);
  const auto element = [&](index_t j) {
    index_t offset[6];
    Row::at(j, offset);
    return load<Number>(in0(args)[row[0] + offset[0]]);
  };
  const Moments m = moments_of(team, real, Row::kElements, element);
  if (!real) return;
  const Number inverse = Number(1) / sqrt_of(m.variance + static_cast<Number>(epsilon()));
  for (index_t j = static_cast<index_t>(team.part); j < Row::kElements; j += kParts) {
    index_t offset[6];
    Row::at(j, offset);
    const Number d = (load<Number>(in0(args)[row[0] + offset[0]]) - m.mean) - m.mean_rest;
    const Number y = d * inverse * load<Number>(in1(args)[row[1] + offset[1]]);
    out0(args)[row[3] + offset[3]] = store<Out0>(y + bias_at(args, row[2] + offset[2]));
  }
  if (team.part == 0) write_statistics(args, row, m.mean + m.mean_rest, inverse);
}
