// ONNX NonMaxSuppression: a block an image and class, which keeps picking the best row that is left
// and drops what overlaps it. The block that finishes last writes the selections of all, in order.
// Before this header: kImages, kClasses, kRows, kLimit, kCenter, kHasThreshold, iou_threshold(),
// score_threshold(), kOutputs; strides kBoxImage, kBoxRow, kScoreImage, kScoreClass, kOutRow;
// workspace(args): per block kLimit + 1 int32 (count, rows), then kRows bytes a block; state(args):
// one uint32.
#pragma once

struct Corners {
  float x1, y1, x2, y2;
};

__device__ __forceinline__ Corners corners_of(const In0* p) {
  float b[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) b[k] = load<float>(p[k]);
  if (kCenter) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
  // Any two opposite corners, y before x.
  return {b[1] < b[3] ? b[1] : b[3], b[0] < b[2] ? b[0] : b[2], b[1] < b[3] ? b[3] : b[1],
          b[0] < b[2] ? b[2] : b[0]};
}

__device__ __forceinline__ float area_of(const Corners& c) {
  return __fmul_rn(c.x2 - c.x1, c.y2 - c.y1);
}

__device__ __forceinline__ bool suppresses(const Corners& a, const Corners& b) {
  const float left = a.x1 > b.x1 ? a.x1 : b.x1, right = a.x2 < b.x2 ? a.x2 : b.x2;
  const float top = a.y1 > b.y1 ? a.y1 : b.y1, bottom = a.y2 < b.y2 ? a.y2 : b.y2;
  if (!(right > left) || !(bottom > top)) return false;
  const float both = __fmul_rn(right - left, bottom - top);
  const float area_a = area_of(a), area_b = area_of(b);
  if (!(area_a > 0.0f) || !(area_b > 0.0f)) return false;
  return both / (area_a + area_b - both) > iou_threshold();
}

struct Pick {
  float score;
  int32_t row;  // -1: none
};
struct BetterPick {
  __device__ __forceinline__ Pick operator()(const Pick& a, const Pick& b) const {
    if (a.row < 0) return b;
    if (b.row < 0) return a;
    const bool first = a.score != b.score ? a.score > b.score : a.row < b.row;
    return first ? a : b;
  }
};

__device__ __forceinline__ void select(const Args& args, const Team& team, int64_t image, int64_t c,
                                       int32_t* picked, uint8_t* left) {
  const In0* boxes = in0(args) + image * kBoxImage;
  const In1* scores = in1(args) + image * kScoreImage + c * kScoreClass;
  int32_t count = 0;
  Corners last = {0, 0, 0, 0};
  while (count < kLimit) {
    Pick best = {0.0f, -1};
    // Every thread looks after its own rows: nobody else reads or writes their marks.
    for (int64_t row = team.part; row < kRows; row += kParts) {
      const float score = load<float>(scores[row]);
      if (count == 0) {
        left[row] = (kHasThreshold ? score > score_threshold() : score == score) ? 1 : 0;
      } else if (left[row] != 0 &&
                 (row == picked[count] || suppresses(last, corners_of(boxes + row * kBoxRow)))) {
        left[row] = 0;
      }
      if (left[row] != 0) best = BetterPick()(best, {score, static_cast<int32_t>(row)});
    }
    best = team.combined(best, BetterPick());
    if (best.row < 0) break;
    last = corners_of(boxes + best.row * kBoxRow);
    ++count;
    if (team.part == 0) picked[count] = best.row;
    __syncthreads();
  }
  if (team.part == 0) picked[0] = count;
}

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  constexpr int64_t kBlocks = kImages * kClasses;
  int32_t* all = reinterpret_cast<int32_t*>(workspace(args));
  uint8_t* marks = reinterpret_cast<uint8_t*>(all + kBlocks * (kLimit + 1));
  const int64_t block = blockIdx.x;
  if (kBlocks > 0)
    select(args, team, block / kClasses, block % kClasses, all + block * (kLimit + 1),
           marks + block * kRows);
  __shared__ bool is_last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) is_last = atomicAdd(state(args), 1u) + 1 == gridDim.x;
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  int64_t used = 0;
  for (int64_t b = 0; b < kBlocks; ++b) {
    const volatile int32_t* picked = all + b * (kLimit + 1);
    const int32_t count = picked[0];
    for (int32_t i = team.part; i < count; i += kParts) {
      Out0* to = out0(args) + (used + i) * kOutRow;
      to[0] = b / kClasses;
      to[1] = b % kClasses;
      to[2] = picked[1 + i];
    }
    used += count;
  }
  for (int64_t i = used + team.part; i < kOutputs; i += kParts)
    for (int k = 0; k < 3; ++k) out0(args)[i * kOutRow + k] = -1;
  if (threadIdx.x == 0) *state(args) = 0;
}
