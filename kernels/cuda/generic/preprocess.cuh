// Camera frame -> network input: kernels/cpu/preprocess.cc states the convention. A block computes
// a tile of kTileX x kTileY network pixels; where they lie in the frame is computed once per column
// and row. Before this header: kBatch, kWidth, kHeight, kChannels, kFit, kBgr, pad_value(),
// mean(c), scale(c), strides kOutImage, kOutRow, kOutPixel; frames(args).
#pragma once

constexpr int kTileX = 64, kTileY = 16;
constexpr int kTilesX = (kWidth + kTileX - 1) / kTileX, kTilesY = (kHeight + kTileY - 1) / kTileY;

/// The two samples on either side of a position along one axis, and the weight of the second.
struct Tap {
  int32_t first, second;
  float weight;
};

__device__ __forceinline__ Tap luma_tap(double position, int32_t low, int32_t high) {
  double x = position - 0.5;
  x = x < low ? low : (x > high ? high : x);
  const int32_t first = static_cast<int32_t>(x);
  return {first, first < high ? first + 1 : first, static_cast<float>(x - first)};
}

/// Chroma: sample k lies over luma sample 2k (`shift` 0) or between 2k and 2k + 1 (`shift` 0.5).
__device__ __forceinline__ Tap chroma_tap(double position, double shift, int32_t first_allowed,
                                          int32_t last_allowed) {
  double x = position - 0.5;
  x = x < first_allowed ? first_allowed : (x > last_allowed ? last_allowed : x);
  x = (x - shift) / 2;
  const int32_t low = first_allowed / 2, high = last_allowed / 2;
  x = x < low ? low : (x > high ? high : x);
  const int32_t first = static_cast<int32_t>(x);
  return {first, first < high ? first + 1 : first, static_cast<float>(x - first)};
}

/// One component of the frame: where it lies, and what it contributes to the network's channels.
struct Component {
  const uint8_t* plane;
  int64_t stride;
  int32_t step;  // bytes to the right neighbour
  bool chroma;
};
struct Source {
  Component component[3];
  int32_t components;
  float mix[3][4];  // per network channel: weight of each component, offset
};

__device__ inline void set_mix(Source* s, int c, float a, float b, float d, float offset) {
  s->mix[c][0] = a, s->mix[c][1] = b, s->mix[c][2] = d, s->mix[c][3] = offset;
}

__device__ inline Source make_source(const ImageView& image) {
  Source s = {};
  const auto plane = [&](int p, int byte, int32_t step, bool chroma) {
    return Component{static_cast<const uint8_t*>(image.planes[p]) + byte, image.strides[p], step,
                     chroma};
  };
  const bool full = image.range == 1;
  const float y_gain = full ? 1.0f : 255.0f / 219.0f;
  const float y_zero = full ? 0.0f : 16.0f;
  if (image.format == 6) {  // grey
    s.components = 1;
    s.component[0] = plane(0, 0, 1, false);
    for (int c = 0; c < 3; ++c) set_mix(&s, c, y_gain, 0.0f, 0.0f, full ? 0.0f : -16.0f * y_gain);
    return s;
  }
  if (image.format <= 1) {  // NV12, I420
    const bool interleaved = image.format == 0;
    s.components = kChannels == 1 ? 1 : 3;
    s.component[0] = plane(0, 0, 1, false);
    if (kChannels == 1) {
      set_mix(&s, 0, y_gain, 0.0f, 0.0f, -y_gain * y_zero);
      return s;
    }
    s.component[1] = plane(1, 0, interleaved ? 2 : 1, true);
    s.component[2] = interleaved ? plane(1, 1, 2, true) : plane(2, 0, 1, true);
    // Luma weights of ITU-R BT.601 and BT.709.
    const bool bt709 = image.matrix == 1;
    const float wr = bt709 ? 0.2126f : 0.299f, wg = bt709 ? 0.7152f : 0.587f,
                wb = bt709 ? 0.0722f : 0.114f;
    const float c_gain = full ? 1.0f : 255.0f / 224.0f;
    const float ub = 2.0f * (1.0f - wb) * c_gain, vr = 2.0f * (1.0f - wr) * c_gain;
    const float u[3] = {0.0f, -ub * wb / wg, ub}, v[3] = {vr, -vr * wr / wg, 0.0f};
    for (int c = 0; c < 3; ++c) {
      const int k = kBgr ? 2 - c : c;
      set_mix(&s, c, y_gain, u[k], v[k], -y_gain * y_zero - 128.0f * (u[k] + v[k]));
    }
    return s;
  }
  const bool blue_first = image.format == 3 || image.format == 5 || image.format == 8;
  const int32_t step = image.format == 2 || image.format == 3 ? 3 : 4;
  s.components = 3;
  for (int k = 0; k < 3; ++k) s.component[k] = plane(0, blue_first ? 2 - k : k, step, false);
  if (kChannels == 1) {
    set_mix(&s, 0, 0.299f, 0.587f, 0.114f, 0.0f);
    return s;
  }
  for (int c = 0; c < 3; ++c) {
    const int k = kBgr ? 2 - c : c;
    set_mix(&s, c, k == 0 ? 1.0f : 0.0f, k == 1 ? 1.0f : 0.0f, k == 2 ? 1.0f : 0.0f, 0.0f);
  }
  return s;
}

__device__ __forceinline__ float sample(const Component& c, const Tap& x, const Tap& y) {
  const uint8_t* top = c.plane + c.stride * y.first;
  const uint8_t* bottom = c.plane + c.stride * y.second;
  const float tl = top[x.first * c.step], tr = top[x.second * c.step];
  const float bl = bottom[x.first * c.step], br = bottom[x.second * c.step];
  const float t = fmaf(tr - tl, x.weight, tl), b = fmaf(br - bl, x.weight, bl);
  return fmaf(b - t, y.weight, t);
}

/// A value of the network's input; bytes are rounded, halves to the even one.
template <typename S>
__device__ __forceinline__ S store_value(float value) {
  if constexpr (IsSame<S, uint8_t>::value)
    return static_cast<uint8_t>(rintf(value));
  else
    return store<S>(value);
}

__device__ __forceinline__ void run(const Args& args) {
  __shared__ FitGeometry geometry;
  __shared__ Source source;
  __shared__ Tap column[2][kTileX], row[2][kTileY];  // luma, chroma
  int block = static_cast<int>(blockIdx.x);
  const int x0 = block % kTilesX * kTileX;
  block /= kTilesX;
  const int y0 = block % kTilesY * kTileY;
  const int slot = block / kTilesY;
  const ImageView* image = frames(args) + slot;
  const bool present = image->width != 0 && image->height != 0;
  const int t = static_cast<int>(threadIdx.x);
  if (t == 0) {
    geometry = fit_geometry<kFit>(kWidth, kHeight, image);
    if (!present) geometry.y1 = geometry.y0 = 0;  // a slot without a frame: all padding
  }
  if (t == 32 && present) source = make_source(*image);
  __syncthreads();
  const FitGeometry& g = geometry;
  if (t < kTileX) {
    const double position = (x0 + t + 0.5) * g.scale_x + g.offset_x;
    const int32_t low = g.source_x, high = g.source_x + g.source_width - 1;
    column[0][t] = luma_tap(position, low, high);
    column[1][t] = chroma_tap(position, 0.0, low, high);
  } else if (t >= 128 && t < 128 + kTileY) {
    const double position = (y0 + t - 128 + 0.5) * g.scale_y + g.offset_y;
    const int32_t low = g.source_y, high = g.source_y + g.source_height - 1;
    row[0][t - 128] = luma_tap(position, low, high);
    row[1][t - 128] = chroma_tap(position, 0.5, low, high);
  }
  __syncthreads();
  for (int i = t; i < kTileX * kTileY; i += 256) {
    const int tx = i % kTileX, ty = i / kTileX;
    const int x = x0 + tx, y = y0 + ty;
    if (x >= kWidth || y >= kHeight) continue;
    Out0* pixel = out0(args) + static_cast<index_t>(slot) * static_cast<index_t>(kOutImage) +
                  static_cast<index_t>(y) * static_cast<index_t>(kOutRow) +
                  static_cast<index_t>(x) * static_cast<index_t>(kOutPixel);
    if (y < g.y0 || y >= g.y1 || x < g.x0 || x >= g.x1) {
#pragma unroll
      for (int c = 0; c < kChannels; ++c)
        pixel[c] = store_value<Out0>((pad_value() - mean(c)) * scale(c));
      continue;
    }
    float v[3] = {0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int k = 0; k < 3; ++k) {
      if (k >= source.components) break;
      const Component& part = source.component[k];
      v[k] = sample(part, column[part.chroma][tx], row[part.chroma][ty]);
    }
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      const float* m = source.mix[c];
      const float mixed =
          clamp_to(fmaf(m[2], v[2], fmaf(m[1], v[1], fmaf(m[0], v[0], m[3]))), 0.0f, 255.0f);
      pixel[c] = store_value<Out0>((mixed - mean(c)) * scale(c));
    }
  }
}
