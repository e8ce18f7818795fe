// Instance normalisation. Before this header: Number, Kept (image and channel: offsets of x, y,
// scale, bias), Spatial (offsets of x and y), epsilon().
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Kept::kElements;
  index_t line[4] = {0, 0, 0, 0};
  if (real) Kept::at(team.line, line);
  const auto element = [&](index_t j) {
    index_t offset[2];
    Spatial::at(j, offset);
    return load<Number>(in0(args)[line[0] + offset[0]]);
  };
  const Moments m = moments_of(team, real, Spatial::kElements, element);
  if (!real) return;
  const Number factor =
      load<Number>(in1(args)[line[2]]) / sqrt_of(m.variance + static_cast<Number>(epsilon()));
  const Number term = load<Number>(in2(args)[line[3]]);
  for (index_t j = static_cast<index_t>(team.part); j < Spatial::kElements; j += kParts) {
    index_t offset[2];
    Spatial::at(j, offset);
    const Number d = (load<Number>(in0(args)[line[0] + offset[0]]) - m.mean) - m.mean_rest;
    out0(args)[line[1] + offset[1]] = store<Out0>(d * factor + term);
  }
}
