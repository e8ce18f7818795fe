// Network outputs -> candidates -> suppression -> boxes in pixels of the source frame, as
// kernels/cpu/decode.cc has it: plan_schema/params/decode.h lists the decoders. kScanBlocks blocks
// a batch slot list the scores over the threshold; the one that finishes last keeps the best
// kMaxCandidates, decodes their boxes and suppresses. A candidate's key orders it: the higher
// score, then the lower row, then the lower class; keys differ, so nothing depends on the order of
// arrival.
//
// Before this header, besides detections.cuh's: kKind, kFit, kFunction, kNormalized, kCenterBoxes,
// kTransposed, kAgnostic, kMultiLabel, kScaledAnchors, kAnchorMajor, kRotated, kAngle (column),
// kLevels, kClasses, kFirstClass, kInputWidth, kInputHeight, kMaxCandidates, kKeys (most there can
// be), kObjectness (channel or -1), kFirstScore, kEndClass, kYFirst, kLabelled, kKeyClasses (1
// where the row has a class id), score_threshold(), iou_threshold(), centre_variance(),
// size_variance();
//   scan_inputs(args, scan)                     scan.tensor(data, stride, rows, first row) of each,
//                                               or scan.labelled(...) once where kLabelled
//   label_value(args, slot, row)                class id of a row, where kLabelled
//   level_of(row), anchor_size(level, k, axis)  levels of grid decoders
//   box_value(args, slot, level, row, k), prior_value(args, row, k)
//   write_row(args, slot, i, row)               where the rows of the detections are wanted
//   keys(args), candidates(args), state(args)   workspace: kKeys, kMaxCandidates a slot; two words
#pragma once

struct Limits {
  float score, iou;
  int64_t count;
};

__device__ __forceinline__ Limits run_limits(const Args& args) {
  Limits l = {score_threshold(), iou_threshold(), kMaxDetections};
  const DetectionLimits* set = limits_of(args);
  if (set->score_threshold >= 0.0f) l.score = set->score_threshold;
  if (set->iou_threshold >= 0.0f) l.iou = set->iou_threshold;
  if (set->max_detections > 0 && set->max_detections < l.count) l.count = set->max_detections;
  return l;
}

/// Unsigned numbers in the order of the floats.
__device__ __forceinline__ uint32_t ordered(float score) {
  const uint32_t u = bits_of(score + 0.0f);  // -0 is 0
  return (u >> 31) != 0 ? ~u : u | 0x80000000u;
}
__device__ __forceinline__ float score_of(uint64_t key) {
  const uint32_t u = static_cast<uint32_t>(key >> 32);
  return float_of_bits((u >> 31) != 0 ? u & 0x7FFFFFFFu : ~u);
}
__device__ __forceinline__ int64_t position_of(uint64_t key) {
  return static_cast<int64_t>(0xFFFFFFFFu - static_cast<uint32_t>(key));
}

struct Scan {
  float threshold;
  uint64_t* keys;
  uint32_t* count;
  int64_t first, step;  // rows of this thread

  __device__ __forceinline__ void offer(float score, int64_t row, int32_t c) const {
    if (!(score >= threshold)) return;
    const uint32_t at = atomicAdd(count, 1u);
    keys[at] = static_cast<uint64_t>(ordered(score)) << 32 |
               (0xFFFFFFFFu - static_cast<uint32_t>(row * kKeyClasses + c));
  }

  /// Rows of one tensor; `stride` lies between rows, or between channels when transposed.
  template <typename T>
  __device__ __forceinline__ void tensor(const T* data, int64_t stride, int64_t rows,
                                         int64_t first_row) const {
    for (int64_t row = first; row < rows; row += step) {
      const T* base = kTransposed ? data + row : data + row * stride;
      const int64_t channel = kTransposed ? stride : 1;
      const auto score = [&](int32_t c) { return load<float>(base[(kFirstScore + c) * channel]); };
      float object = 1.0f;
      if (kObjectness >= 0) {
        const float raw = load<float>(base[kObjectness * channel]);
        object = kFunction == 1 ? sigmoid_of(raw) : raw;
        if (!(object >= threshold)) continue;
      }
      float largest = 0.0f, sum = 1.0f;
      if (kFunction == 2) {
        largest = score(0);
        for (int32_t c = 1; c < kClasses; ++c) largest = score(c) > largest ? score(c) : largest;
        sum = 0.0f;
        for (int32_t c = 0; c < kClasses; ++c) sum += expf(score(c) - largest);
      }
      const auto probability = [&](float raw) {
        if (kFunction == 0) return raw;
        return kFunction == 1 ? sigmoid_of(raw) : expf(raw - largest) / sum;
      };
      if (kMultiLabel) {
        for (int32_t c = kFirstClass; c < kEndClass; ++c) {
          const float raw = score(c);
          if (kFunction == 0 && !(raw >= threshold)) continue;
          offer(object * probability(raw), first_row + row, c);
        }
        continue;
      }
      float best = float_of_bits(0xFF800000u);
      int32_t best_class = -1;
      for (int32_t c = kFirstClass; c < kEndClass; ++c) {
        const float v = score(c);
        if (v > best) {
          best = v;
          best_class = c;
        }
      }
      if (best_class < 0 || (kFunction == 0 && !(best >= threshold))) continue;
      offer(object * probability(best), first_row + row, best_class);
    }
  }

  /// Rows that count where the network says how many; a count that is no number is none.
  __device__ __forceinline__ int64_t counted(float count, int64_t rows) const {
    if (count >= static_cast<float>(rows)) return rows;
    return count > 0.0f ? static_cast<int64_t>(count) : 0;
  }

  /// One score and one class id a row; strides lie between rows. An id that is no whole number of
  /// kFirstClass..kClasses - 1 is no object.
  template <typename S, typename L>
  __device__ __forceinline__ void labelled(const S* scores, int64_t score_stride, const L* labels,
                                           int64_t label_stride, int64_t rows) const {
    for (int64_t row = first; row < rows; row += step) {
      const float raw = load<float>(scores[row * score_stride]);
      const float label = load<float>(labels[row * label_stride]);
      if (!(label >= static_cast<float>(kFirstClass)) || !(label < static_cast<float>(kClasses)))
        continue;
      if (static_cast<float>(static_cast<int32_t>(label)) != label) continue;
      offer(kFunction == 1 ? sigmoid_of(raw) : raw, row, 0);
    }
  }
};

__device__ __forceinline__ bool is_finite(float v) { return v - v == 0.0f; }

/// Network pixels, radians.
struct TurnedBox {
  float x, y, w, h, angle;
};

__device__ __forceinline__ TurnedBox turned_box(const Args& args, int64_t slot, int64_t row) {
  TurnedBox t = {box_value(args, slot, 0, row, 0), box_value(args, slot, 0, row, 1),
                 box_value(args, slot, 0, row, 2), box_value(args, slot, 0, row, 3),
                 box_value(args, slot, 0, row, kAngle)};
  if (kNormalized) {
    t.x *= static_cast<float>(kInputWidth), t.w *= static_cast<float>(kInputWidth);
    t.y *= static_cast<float>(kInputHeight), t.h *= static_cast<float>(kInputHeight);
  }
  return t;
}

/// False if the box is not a number.
__device__ __forceinline__ bool decode_box(const Args& args, int64_t slot, int64_t row,
                                           float* box) {
  if (kRotated) {  // the upright hull
    const TurnedBox t = turned_box(args, slot, row);
    const float c = fabsf(cosf(t.angle)), s = fabsf(sinf(t.angle));
    const float w = fabsf(t.w), h = fabsf(t.h);
    const float half_w = (w * c + h * s) / 2, half_h = (w * s + h * c) / 2;
    box[0] = t.x - half_w, box[1] = t.y - half_h, box[2] = t.x + half_w, box[3] = t.y + half_h;
    return is_finite(box[0]) && is_finite(box[1]) && is_finite(box[2]) && is_finite(box[3]);
  }
  const Level l = level_of(row);
  float v[4];
#pragma unroll
  for (int k = 0; k < 4; ++k)
    v[kYFirst ? k ^ 1 : k] =
        box_value(args, slot, l.index, kKind == 2 ? l.row : row, k);  // 2: a tensor a level
  float x = v[0], y = v[1], w = v[2], h = v[3];
  bool corners = false;
  if (kKind == 0 && kLevels > 0) {  // YOLOX
    x = (v[0] + static_cast<float>(l.row % l.grid_width)) * l.stride;
    y = (v[1] + static_cast<float>(l.row / l.grid_width)) * l.stride;
    w = expf(v[2]) * l.stride;
    h = expf(v[3]) * l.stride;
  } else if (kKind == 2) {  // YOLO with anchors
    const int64_t cells = static_cast<int64_t>(l.grid_width) * l.grid_height;
    const int64_t cell = kAnchorMajor ? l.row % cells : l.row / l.anchor_count;
    const int64_t anchor = kAnchorMajor ? l.row / cells : l.row % l.anchor_count;
    const float cx = static_cast<float>(cell % l.grid_width);
    const float cy = static_cast<float>(cell / l.grid_width);
    const float aw = anchor_size(l.index, anchor, 0), ah = anchor_size(l.index, anchor, 1);
    if (kScaledAnchors) {
      const float sw = 2.0f * sigmoid_of(v[2]), sh = 2.0f * sigmoid_of(v[3]);
      x = (2.0f * sigmoid_of(v[0]) - 0.5f + cx) * l.stride;
      y = (2.0f * sigmoid_of(v[1]) - 0.5f + cy) * l.stride;
      w = sw * sw * aw;
      h = sh * sh * ah;
    } else {
      x = (sigmoid_of(v[0]) + cx) * l.stride;
      y = (sigmoid_of(v[1]) + cy) * l.stride;
      w = expf(v[2]) * aw;
      h = expf(v[3]) * ah;
    }
  } else if (kKind == 3) {  // SSD priors
    float p[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) p[kYFirst ? k ^ 1 : k] = prior_value(args, row, k);
    if (!kCenterBoxes) {
      const float px = (p[0] + p[2]) / 2, py = (p[1] + p[3]) / 2;
      p[2] = p[2] - p[0], p[3] = p[3] - p[1], p[0] = px, p[1] = py;
    }
    x = p[0] + v[0] * centre_variance() * p[2];
    y = p[1] + v[1] * centre_variance() * p[3];
    w = p[2] * expf(v[2] * size_variance());
    h = p[3] * expf(v[3] * size_variance());
  } else if (kKind != 0) {
    corners = !kCenterBoxes;
  }
  if (corners) {
    box[0] = x, box[1] = y, box[2] = w, box[3] = h;
  } else {
    box[0] = x - w / 2, box[1] = y - h / 2, box[2] = x + w / 2, box[3] = y + h / 2;
  }
  if (kNormalized) {
    box[0] *= static_cast<float>(kInputWidth), box[2] *= static_cast<float>(kInputWidth);
    box[1] *= static_cast<float>(kInputHeight), box[3] *= static_cast<float>(kInputHeight);
  }
  return is_finite(box[0]) && is_finite(box[1]) && is_finite(box[2]) && is_finite(box[3]);
}

__device__ __forceinline__ float clipped(double v, int32_t limit) {
  return static_cast<float>(v < 0.0 ? 0.0 : (v > limit ? limit : v));
}

__device__ __forceinline__ Detection source_box(const FitGeometry& g, const float* box) {
  Detection d;
  d.x1 = clipped(box[0] * g.scale_x + g.offset_x, g.frame_width);
  d.y1 = clipped(box[1] * g.scale_y + g.offset_y, g.frame_height);
  d.x2 = clipped(box[2] * g.scale_x + g.offset_x, g.frame_width);
  d.y2 = clipped(box[3] * g.scale_y + g.offset_y, g.frame_height);
  return d;
}

/// Replaces a candidate's box and area by its Gaussian: kernels/cpu/gaussian_overlap.h.
__device__ __forceinline__ void become_gaussian(const Args& args, int64_t slot, int64_t row,
                                                Candidate& c) {
  const TurnedBox t = turned_box(args, slot, row);
  const float a = t.w * t.w / 12.0f, b = t.h * t.h / 12.0f;
  const float cosine = cosf(t.angle), sine = sinf(t.angle);
  c.box[0] = t.x, c.box[1] = t.y;
  c.box[2] = a * cosine * cosine + b * sine * sine;
  c.box[3] = a * sine * sine + b * cosine * cosine;
  c.area = (a - b) * cosine * sine;
}

__device__ __forceinline__ float own_determinant(const Candidate& c) {
  const float d = c.box[2] * c.box[3] - __fmul_rn(c.area, c.area);
  return d > 0.0f ? d : 0.0f;
}

__device__ __forceinline__ float gaussian_overlap(const Candidate& p, const Candidate& q) {
  const float epsilon = 1e-7f;
  const float a = p.box[2] + q.box[2], b = p.box[3] + q.box[3], c = p.area + q.area;
  const float dx = p.box[0] - q.box[0], dy = p.box[1] - q.box[1];
  const float determinant = a * b - __fmul_rn(c, c);
  const float nearness =
      ((a * dy * dy + b * dx * dx) / 4 - c * dx * dy / 2) / (determinant + epsilon);
  const float spread = 4 * sqrtf(own_determinant(p) * own_determinant(q)) + epsilon;
  float distance = nearness + logf(determinant / spread + epsilon) / 2;
  distance = distance > epsilon ? (distance < 100.0f ? distance : 100.0f) : epsilon;
  return 1.0f - sqrtf(1.0f - expf(-distance) + epsilon);
}

/// Intersection over union; 0 when either box is empty. Of rotated boxes ProbIoU.
__device__ __forceinline__ float overlap(const Candidate& a, const Candidate& b) {
  if (kRotated) return gaussian_overlap(a, b);
  const float left = a.box[0] > b.box[0] ? a.box[0] : b.box[0];
  const float right = a.box[2] < b.box[2] ? a.box[2] : b.box[2];
  const float top = a.box[1] > b.box[1] ? a.box[1] : b.box[1];
  const float bottom = a.box[3] < b.box[3] ? a.box[3] : b.box[3];
  if (!(right > left) || !(bottom > top)) return 0.0f;
  const float both = __fmul_rn(right - left, bottom - top);
  return both / (a.area + b.area - both);
}

/// The wanted-th largest of `count` keys: all digits, the highest first.
__device__ inline uint64_t nth_key(const uint64_t* all, uint32_t count, uint32_t wanted) {
  __shared__ uint32_t histogram[256];
  __shared__ uint64_t prefix;
  __shared__ uint32_t missing;
  if (threadIdx.x == 0) {
    prefix = 0;
    missing = wanted;
  }
  for (int shift = 56; shift >= 0; shift -= 8) {
    for (uint32_t i = threadIdx.x; i < 256; i += blockDim.x) histogram[i] = 0;
    __syncthreads();
    const uint64_t known = shift == 56 ? 0 : ~static_cast<uint64_t>(0) << (shift + 8);
    for (uint32_t i = threadIdx.x; i < count; i += blockDim.x)
      if ((all[i] & known) == prefix)
        atomicAdd(&histogram[static_cast<uint32_t>(all[i] >> shift) & 255u], 1u);
    __syncthreads();
    if (threadIdx.x == 0) {
      uint32_t digit = 255;
      while (histogram[digit] < missing) missing -= histogram[digit--];
      prefix |= static_cast<uint64_t>(digit) << shift;
    }
    __syncthreads();
  }
  return prefix;
}

struct Pick {
  uint64_t key;
  int32_t index;  // -1: none
};
struct BetterPick {
  __device__ __forceinline__ Pick operator()(const Pick& a, const Pick& b) const {
    if (a.index < 0) return b;
    if (b.index < 0) return a;
    return a.key > b.key ? a : b;
  }
};

__device__ inline void suppress(const Args& args, const Team& team, const Limits& limits,
                                int64_t slot, const ImageView* image, uint32_t listed) {
  const uint64_t* all = keys(args) + slot * kKeys;
  Candidate* items = candidates(args) + slot * kMaxCandidates;
  const uint64_t lowest_key = listed > static_cast<uint32_t>(kMaxCandidates)
                                  ? nth_key(all, listed, static_cast<uint32_t>(kMaxCandidates))
                                  : 0;
  const FitGeometry g = fit_geometry<kFit>(kInputWidth, kInputHeight, image);
  __shared__ uint32_t count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < listed; i += blockDim.x) {
    if (all[i] < lowest_key) continue;
    Candidate c;
    c.key = all[i];
    const int64_t row = position_of(c.key) / kKeyClasses;
    c.class_id = kLabelled ? static_cast<int32_t>(label_value(args, slot, row))
                           : static_cast<int32_t>(position_of(c.key) % kKeyClasses);
    if (!decode_box(args, slot, row, c.box)) continue;
    c.area = __fmul_rn(c.box[2] - c.box[0], c.box[3] - c.box[1]);
    const Detection d = source_box(g, c.box);
    if (!(d.x2 > d.x1) || !(d.y2 > d.y1)) continue;  // nothing of it lies in the frame
    if (kRotated) become_gaussian(args, slot, row, c);
    items[atomicAdd(&count, 1u)] = c;
  }
  __syncthreads();
  const int32_t n = static_cast<int32_t>(count);
  int64_t kept = 0;
  Pick last = {0, -1};
  Candidate rival = {};
  while (kept < limits.count) {
    Pick best = {0, -1};
    // Every thread looks after its own candidates; a key of 0 is one that is out.
    for (int32_t i = team.part; i < n; i += kParts) {
      Candidate& c = items[i];
      if (c.key == 0) continue;
      if (last.index >= 0) {
        const bool rivals = kAgnostic || c.class_id == rival.class_id;
        if (i == last.index || (rivals && overlap(c, rival) > limits.iou)) {
          c.key = 0;
          continue;
        }
      }
      best = BetterPick()(best, {c.key, i});
    }
    best = team.combined(best, BetterPick());
    if (best.index < 0) break;
    last = best;
    rival = items[best.index];
    if (threadIdx.x == 0) {
      const int64_t row = position_of(best.key) / kKeyClasses;
      float hull[4];
      if (kRotated) decode_box(args, slot, row, hull);
      Detection d = source_box(g, kRotated ? hull : rival.box);
      d.score = score_of(best.key);
      d.class_id = rival.class_id;
      write_detection(args, slot, kept, d);
      write_row(args, slot, kept, row);
    }
    ++kept;
  }
  finish_detections(args, slot, kept);
  for (int64_t i = kept + threadIdx.x; i < kMaxDetections; i += blockDim.x)
    write_row(args, slot, i, -1);
}

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const Limits limits = run_limits(args);
  const int64_t slot = blockIdx.x / kScanBlocks;
  uint32_t* state_words = state(args) + 2 * slot;  // listed keys, finished blocks
  const ImageView* image = frame_of(args, slot);
  if (!without_frame(image)) {
    Scan scan;
    scan.threshold = limits.score;
    scan.keys = keys(args) + slot * kKeys;
    scan.count = state_words;
    scan.first = static_cast<int64_t>(blockIdx.x % kScanBlocks) * blockDim.x + threadIdx.x;
    scan.step = static_cast<int64_t>(kScanBlocks) * blockDim.x;
    scan_inputs(args, scan, slot);
  }
  __shared__ bool is_last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) is_last = atomicAdd(state_words + 1, 1u) + 1 == kScanBlocks;
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  const uint32_t listed = atomicAdd(state_words, 0u);
  __syncthreads();  // read by all before it is cleared
  if (threadIdx.x == 0) state_words[0] = state_words[1] = 0;
  suppress(args, team, limits, slot, image, listed);
}
