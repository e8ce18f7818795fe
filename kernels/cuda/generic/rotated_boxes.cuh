// Rotated box of each detection in the frame, as kernels/cpu/rotated_boxes.cc has it. A thread a
// detection; there are few, so double precision costs nothing that shows. Before this header,
// besides detail_rows.cuh's: kFit, frame_of(args, slot), strides kFoundSlot, kFoundRow of the
// detections, kOutSlot, kOutPlace.
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= kBatch * kMost) return;
  const int64_t slot = i / kMost, which = i % kMost;
  const int64_t row = kept_row(args, slot, which);
  Out0* to = out0(args) + slot * kOutSlot + which * kOutPlace;
  if (row < 0) {
#pragma unroll
    for (int k = 0; k < 7; ++k) to[k] = store<Out0>(0.0f);
    return;
  }
  const FitGeometry g = fit_geometry<kFit>(kInputWidth, kInputHeight, frame_of(args, slot));
  const double scale_x = unit_x(), scale_y = unit_y();
  double w = head_value(args, slot, row, 2) * scale_x;
  double h = head_value(args, slot, row, 3) * scale_y;
  double angle = head_value(args, slot, row, kFirstColumn);
  const double c = cos(angle), s = sin(angle);
  const double wx = c * g.scale_x, wy = s * g.scale_y, hx = s * g.scale_x, hy = c * g.scale_y;
  w *= sqrt(wx * wx + wy * wy);
  h *= sqrt(hx * hx + hy * hy);
  angle += atan2(c * wy - s * wx, c * wx + s * wy);
  const double quarter_turn = 1.57079632679489661923;
  const double turns = floor(angle / quarter_turn);
  angle -= turns * quarter_turn;
  const bool swapped = fmod(turns, 2.0) != 0.0;
  to[0] = store<Out0>(head_value(args, slot, row, 0) * scale_x * g.scale_x + g.offset_x);
  to[1] = store<Out0>(head_value(args, slot, row, 1) * scale_y * g.scale_y + g.offset_y);
  to[2] = store<Out0>(swapped ? h : w);
  to[3] = store<Out0>(swapped ? w : h);
  to[4] = store<Out0>(angle);
  const In2* found = in2(args) + slot * kFoundSlot + which * kFoundRow;
  to[5] = store<Out0>(found[4]);
  to[6] = store<Out0>(static_cast<float>(__float_as_int(found[5])));
}
