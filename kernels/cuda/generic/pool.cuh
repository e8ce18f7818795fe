// Max and average pooling over 1 to 3 spatial axes (missing ones have extent 1). Before this
// header:
//   kPack       neighbouring channels of a thread
//   Outputs     offsets of x (image and channel), y, indices, then the output's position on the
//               three axes, image and channel
//   Axis0..2    kKernel, kStride, kDilation, kPad, kPadEnd, kIn, kStep (of x)
//   kIsMax, kCountPadding, kHasIndices, kColumnMajor, kChannels; write_index(args, offset, value)
// A window's cells are shared by a team (team.cuh).
#pragma once

template <typename Axis>
struct Span {
  int64_t first, begin, count;  // position of cell 0, cells inside x

  __device__ __forceinline__ explicit Span(int64_t o) {
    first = o * Axis::kStride - Axis::kPad;
    begin = first >= 0 ? 0 : (-first + Axis::kDilation - 1) / Axis::kDilation;
    const int64_t room = Axis::kIn - first;
    int64_t end = room <= 0 ? 0 : (room + Axis::kDilation - 1) / Axis::kDilation;
    end = end < Axis::kKernel ? end : Axis::kKernel;
    begin = begin < end ? begin : end;
    count = end - begin;
  }
  __device__ __forceinline__ int64_t offset() const {
    return count > 0 ? (first + begin * Axis::kDilation) * Axis::kStep : 0;
  }
  /// Cells that an average counts.
  __device__ __forceinline__ int64_t counted() const {
    if (!kCountPadding) return count;
    const int64_t room = Axis::kIn + Axis::kPadEnd - first;
    const int64_t cells = room <= 0 ? 0 : (room + Axis::kDilation - 1) / Axis::kDilation;
    return cells < Axis::kKernel ? cells : Axis::kKernel;
  }
  __device__ __forceinline__ int64_t position(int64_t cell) const {
    return first + (begin + cell) * Axis::kDilation;
  }
};

struct Values {
  float item[kPack];
};
struct MergeValues {
  __device__ __forceinline__ Values operator()(Values a, const Values& b) const {
#pragma unroll
    for (int k = 0; k < kPack; ++k)
      a.item[k] = kIsMax ? Largest()(a.item[k], b.item[k]) : a.item[k] + b.item[k];
    return a;
  }
};

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Outputs::kElements;
  index_t o[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  if (real) Outputs::at(team.line, o);
  const Span<Axis0> a(static_cast<int64_t>(o[3]));
  const Span<Axis1> b(static_cast<int64_t>(o[4]));
  const Span<Axis2> c(static_cast<int64_t>(o[5]));
  const In0* x = in0(args) + static_cast<int64_t>(o[0]) + a.offset() + b.offset() + c.offset();
  constexpr int64_t kStep0 = Axis0::kStep * Axis0::kDilation;
  constexpr int64_t kStep1 = Axis1::kStep * Axis1::kDilation;
  constexpr int64_t kStep2 = Axis2::kStep * Axis2::kDilation;
  Values values;
#pragma unroll
  for (int k = 0; k < kPack; ++k) values.item[k] = kIsMax ? lowest<float>() : 0.0f;
  int64_t at[3] = {0, 0, 0};
  bool any = false;
  if (real) {
    const int n1 = static_cast<int>(b.count), n2 = static_cast<int>(c.count);
    const int cells = static_cast<int>(a.count) * n1 * n2;
    for (int cell = team.part; cell < cells; cell += kParts) {
      const int i = cell / n2 / n1, j = cell / n2 % n1, k = cell % n2;
      const Pack<In0, kPack> v =
          *reinterpret_cast<const Pack<In0, kPack>*>(x + i * kStep0 + j * kStep1 + k * kStep2);
      Values own;
#pragma unroll
      for (int e = 0; e < kPack; ++e) own.item[e] = load<float>(v.item[e]);
      // The first of the largest, or the first NaN.
      const bool first_nan = own.item[0] != own.item[0] && values.item[0] == values.item[0];
      if (kHasIndices && (!any || own.item[0] > values.item[0] || first_nan)) {
        at[0] = i, at[1] = j, at[2] = k;
        if (!any) values.item[0] = own.item[0];
        any = true;
      }
      values = MergeValues()(values, own);
    }
  }
  values = team.combined(values, MergeValues());
  if (!real || team.part != 0) return;
  const int64_t counted = a.counted() * b.counted() * c.counted();
  const float scale = counted > 0 ? 1.0f / static_cast<float>(counted) : 0.0f;
  Pack<Out0, kPack> y;
#pragma unroll
  for (int k = 0; k < kPack; ++k)
    y.item[k] = store<Out0>(kIsMax ? values.item[k] : values.item[k] * scale);
  *reinterpret_cast<Pack<Out0, kPack>*>(out0(args) + o[1]) = y;
  if constexpr (kHasIndices) {
    const int64_t p0 = a.position(at[0]), p1 = b.position(at[1]), p2 = c.position(at[2]);
    // Column major counts the real spatial axes in the opposite order.
    int64_t flat = (p0 * Axis1::kIn + p1) * Axis2::kIn + p2;
    if (kColumnMajor && kSpatialRank == 3) flat = (p2 * Axis1::kIn + p1) * Axis0::kIn + p0;
    if (kColumnMajor && kSpatialRank == 2) flat = p2 * Axis1::kIn + p1;
    const int64_t plane = Axis0::kIn * Axis1::kIn * Axis2::kIn;
    const int64_t image = static_cast<int64_t>(o[6]), channel = static_cast<int64_t>(o[7]);
    write_index(args, o[2], any ? (image * kChannels + channel) * plane + flat : 0);
  }
}
