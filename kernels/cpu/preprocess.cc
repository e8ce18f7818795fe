// Camera frame -> network input. Convention:
//   - Bilinear between the four nearest pixels, half-pixel centres, edges replicated, no low-pass
//     filter before shrinking: the numbers of OpenCV's INTER_LINEAR, kept in float (OpenCV rounds
//     to whole grey levels).
//   - A frame is sampled in its own colour space, every plane at its own resolution, and the sample
//     is converted: a quarter of the conversions of the other order, and chroma gets interpolated
//     instead of repeated. The two orders differ only where conversion clips.
//   - 4:2:0 chroma is taken as sited on the left luma column and between the luma rows (MPEG-2,
//     H.264).
//   - A network that takes bytes gets the same value, rounded to the nearest, halves to the even
//   one.
//   - One-channel networks get Y' of YUV frames and BT.601 luma of RGB frames; alpha is ignored.

#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/preprocess_block.h"
#include "plan_schema/params/preprocess.h"

namespace stint::cpu {
namespace {

/// Where one component of the frame lies.
struct Component {
  const uint8_t* plane = nullptr;
  int64_t stride = 0;
  bool chroma = false;  // half resolution in both directions
};

struct Source {
  Component component[3];
  int32_t components = 0;
  int32_t luma_step = 1;  // bytes from a sample to its right neighbour
  int32_t chroma_step = 1;
  ChannelMix mix[3];  // in network order
};

struct Rgb {
  float r, g, b;
};

// Luma weights of ITU-R BT.601 and BT.709.
constexpr Rgb kLuma601 = {0.299f, 0.587f, 0.114f};
constexpr Rgb kLuma709 = {0.2126f, 0.7152f, 0.0722f};

void set_yuv_mix(const ImageView& image, int32_t channels, bool bgr, Source* s) {
  const Rgb w = image.matrix == static_cast<uint32_t>(ColorMatrix::kBt709) ? kLuma709 : kLuma601;
  const bool full = image.range == static_cast<uint32_t>(ColorRange::kFull);
  const float y_gain = full ? 1.0f : 255.0f / 219.0f;
  const float y_zero = full ? 0.0f : 16.0f;
  const float c_gain = full ? 1.0f : 255.0f / 224.0f;
  const float ur = 0.0f, ub = 2.0f * (1.0f - w.b) * c_gain;
  const float vr = 2.0f * (1.0f - w.r) * c_gain, vb = 0.0f;
  const float ug = -ub * w.b / w.g, vg = -vr * w.r / w.g;
  const float u[3] = {ur, ug, ub}, v[3] = {vr, vg, vb};
  if (channels == 1) {
    s->mix[0] = {{y_gain, 0.0f, 0.0f}, -y_gain * y_zero};
    return;
  }
  for (int c = 0; c < 3; ++c) {
    const int k = bgr ? 2 - c : c;
    s->mix[c] = {{y_gain, u[k], v[k]}, -y_gain * y_zero - 128.0f * (u[k] + v[k])};
  }
}

void set_rgb_mix(int32_t channels, bool bgr, Source* s) {
  if (channels == 1) {
    s->mix[0] = {{kLuma601.r, kLuma601.g, kLuma601.b}, 0.0f};
    return;
  }
  for (int c = 0; c < 3; ++c) {
    s->mix[c] = {{0.0f, 0.0f, 0.0f}, 0.0f};
    s->mix[c].m[bgr ? 2 - c : c] = 1.0f;
  }
}

Source make_source(const ImageView& image, int32_t channels, bool bgr) {
  Source s;
  const auto plane = [&](int p, int byte, bool chroma) {
    return Component{static_cast<const uint8_t*>(image.planes[p]) + byte, image.strides[p], chroma};
  };
  switch (static_cast<PixelFormat>(image.format)) {
    case PixelFormat::kNv12:
    case PixelFormat::kI420: {
      const bool interleaved = image.format == static_cast<uint32_t>(PixelFormat::kNv12);
      s.components = channels == 1 ? 1 : 3;  // a grey network never looks at the chroma
      s.component[0] = plane(0, 0, false);
      if (s.components == 3) {
        s.component[1] = plane(1, 0, true);
        s.component[2] = interleaved ? plane(1, 1, true) : plane(2, 0, true);
      }
      s.chroma_step = interleaved ? 2 : 1;
      set_yuv_mix(image, channels, bgr, &s);
      return s;
    }
    case PixelFormat::kGray8: {
      s.components = 1;
      s.component[0] = plane(0, 0, false);
      const bool full = image.range == static_cast<uint32_t>(ColorRange::kFull);
      const float gain = full ? 1.0f : 255.0f / 219.0f;
      for (ChannelMix& mix : s.mix) mix = {{gain, 0.0f, 0.0f}, full ? 0.0f : -16.0f * gain};
      return s;
    }
    default:
      break;
  }
  const auto format = static_cast<PixelFormat>(image.format);
  const bool blue_first =
      format == PixelFormat::kBgr || format == PixelFormat::kBgrx || format == PixelFormat::kBgra;
  s.components = 3;
  s.luma_step = format == PixelFormat::kRgb || format == PixelFormat::kBgr ? 3 : 4;
  for (int k = 0; k < 3; ++k) s.component[k] = plane(0, blue_first ? 2 - k : k, false);
  set_rgb_mix(channels, bgr, &s);
  return s;
}

/// The two samples on either side of a position along one axis, and the weight of the second.
struct Tap {
  int32_t first, second;
  float weight;
};

/// `position` is continuous; samples of the axis lie at `first_allowed`..`last_allowed`, their
/// centres half a pixel further.
Tap luma_tap(double position, int32_t first_allowed, int32_t last_allowed) {
  double x = position - 0.5;
  x = x < first_allowed ? first_allowed : (x > last_allowed ? last_allowed : x);
  const auto first = static_cast<int32_t>(x);
  return {first, first < last_allowed ? first + 1 : first, static_cast<float>(x - first)};
}

/// The same for chroma: sample k lies over luma sample 2k (`shift` 0) or between 2k and 2k + 1
/// (`shift` 0.5).
Tap chroma_tap(double position, double shift, int32_t first_allowed, int32_t last_allowed) {
  double x = position - 0.5;
  x = x < first_allowed ? first_allowed : (x > last_allowed ? last_allowed : x);
  x = (x - shift) / 2;
  const int32_t low = first_allowed / 2, high = last_allowed / 2;
  x = x < low ? low : (x > high ? high : x);
  const auto first = static_cast<int32_t>(x);
  return {first, first < high ? first + 1 : first, static_cast<float>(x - first)};
}

/// Sample positions of one block of network columns.
struct Columns {
  int32_t first[2][kPreprocessBlock];  // [luma, chroma], bytes from the row's start
  int32_t second[2][kPreprocessBlock];
  alignas(64) float weight[2][kPreprocessBlock];
};

void fill_columns(const FitGeometry& g, const Source& s, int32_t begin, int32_t count,
                  Columns* columns) {
  const int32_t left = g.source_x, right = g.source_x + g.source_width - 1;
  for (int32_t i = 0; i < kPreprocessBlock; ++i) {
    const double position = g.to_source_x(begin + (i < count ? i : 0) + 0.5);
    const Tap luma = luma_tap(position, left, right);
    const Tap chroma = chroma_tap(position, 0.0, left, right);
    columns->first[0][i] = luma.first * s.luma_step;
    columns->second[0][i] = luma.second * s.luma_step;
    columns->weight[0][i] = luma.weight;
    columns->first[1][i] = chroma.first * s.chroma_step;
    columns->second[1][i] = chroma.second * s.chroma_step;
    columns->weight[1][i] = chroma.weight;
  }
}

void gather(const Component& c, const Columns& columns, int32_t count, const Tap& y,
            BilinearTaps* taps) {
  const uint8_t* top = c.plane + c.stride * y.first;
  const uint8_t* bottom = c.plane + c.stride * y.second;
  const int32_t* first = columns.first[c.chroma];
  const int32_t* second = columns.second[c.chroma];
  for (int32_t i = 0; i < count; ++i) {
    taps->top_left[i] = top[first[i]];
    taps->top_right[i] = top[second[i]];
    taps->bottom_left[i] = bottom[first[i]];
    taps->bottom_right[i] = bottom[second[i]];
  }
}

/// f32 as it is; a byte is rounded, and the value lies in 0..255 then (check_preprocess).
void store_value(float value, float* to) { *to = value; }
void store_value(float value, uint8_t* to) { *to = static_cast<uint8_t>(std::nearbyint(value)); }

/// One frame on its way into one batch slot of elements T: float or uint8_t.
template <typename T>
struct SlotJob {
  const PreprocessParams* params;
  FitGeometry geometry;
  Source source;
  T* out;
  int64_t row_stride, pixel_stride;

  void fill_padding(int32_t y, int32_t begin, int32_t end) const {
    T value[3];
    for (int c = 0; c < params->channels; ++c)
      store_value((params->pad_value - params->mean[c]) * params->scale[c], &value[c]);
    T* pixel = out + y * row_stride + begin * pixel_stride;
    for (int32_t x = begin; x < end; ++x, pixel += pixel_stride) {
      for (int c = 0; c < params->channels; ++c) pixel[c] = value[c];
    }
  }

  void run_rows(int32_t begin, int32_t end) const {
    const FitGeometry& g = geometry;
    for (int32_t y = begin; y < end; ++y) {
      const bool covered = y >= g.y0 && y < g.y1;
      fill_padding(y, 0, covered ? g.x0 : params->width);
      if (covered) fill_padding(y, g.x1, params->width);
    }
    const int32_t first_row = begin > g.y0 ? begin : g.y0;
    const int32_t last_row = end < g.y1 ? end : g.y1;
    if (first_row >= last_row) return;

    const int32_t top = g.source_y, bottom = g.source_y + g.source_height - 1;
    Columns columns;
    BilinearTaps taps[3];
    // The lanes beyond the last pixel are computed and thrown away; they must hold numbers all the
    // same.
    for (BilinearTaps& t : taps) t = {};
    PreprocessBlock block;
    block.components = source.components;
    block.taps = taps;
    block.channels = params->channels;
    block.pixel_stride = pixel_stride;
    block.is_u8 = sizeof(T) == 1;
    for (int c = 0; c < 3; ++c) {
      block.mix[c] = source.mix[c];
      block.mean[c] = params->mean[c];
      block.scale[c] = params->scale[c];
      block.weight_x[c] = columns.weight[source.component[c].chroma];
    }
    for (int32_t x = g.x0; x < g.x1; x += kPreprocessBlock) {
      block.count = g.x1 - x < kPreprocessBlock ? g.x1 - x : kPreprocessBlock;
      fill_columns(g, source, x, block.count, &columns);
      for (int32_t y = first_row; y < last_row; ++y) {
        const double position = g.to_source_y(y + 0.5);
        const Tap row[2] = {luma_tap(position, top, bottom),
                            chroma_tap(position, 0.5, top, bottom)};
        for (int32_t k = 0; k < source.components; ++k) {
          const Component& component = source.component[k];
          gather(component, columns, block.count, row[component.chroma], &taps[k]);
          block.weight_y[k] = row[component.chroma].weight;
        }
        block.out = out + y * row_stride + x * pixel_stride;
        store_preprocess_block(block);
      }
    }
  }
};

}  // namespace

Status check_preprocess(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<PreprocessParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 0, 0, 1));
  const auto& p = params_of<PreprocessParams>(args);
  const TensorView& out = args.outputs[0];
  if (p.width < 1 || p.width > kMaxNetworkSide)
    return corrupt("network input width is out of range", p.width, kMaxNetworkSide);
  if (p.height < 1 || p.height > kMaxNetworkSide)
    return corrupt("network input height is out of range", p.height, kMaxNetworkSide);
  if (p.channels != 1 && p.channels != 3)
    return corrupt("network input has neither 1 nor 3 channels", p.channels, 3);
  if (p.fit > FitMode::kCrop)
    return corrupt("unknown fit mode", static_cast<int64_t>(p.fit),
                   static_cast<int64_t>(FitMode::kCrop));
  bool finite = std::isfinite(p.pad_value);
  for (int c = 0; c < 3; ++c)
    finite = finite && std::isfinite(p.mean[c]) && std::isfinite(p.scale[c]);
  if (!finite) return corrupt("mean, scale and padding must be finite");
  if (out.dtype == DType::kU8) {
    bool is_plain = p.pad_value >= 0.0f && p.pad_value <= 255.0f;
    for (int c = 0; c < 3; ++c) is_plain = is_plain && p.mean[c] == 0.0f && p.scale[c] == 1.0f;
    if (!is_plain) return corrupt("bytes of a frame have no mean, no scale and padding in 0..255");
  } else {
    STINT_RETURN_IF_ERROR(check_dtype(out, DType::kF32));
  }
  if (out.rank != 4) return corrupt("network input must have 4 axes", out.rank, 4);
  if (out.shape[1] != p.height) return corrupt("network input height", out.shape[1], p.height);
  if (out.shape[2] != p.width) return corrupt("network input width", out.shape[2], p.width);
  if (out.shape[3] != p.channels)
    return corrupt("network input channels", out.shape[3], p.channels);
  STINT_RETURN_IF_ERROR(check_inner_dense(out));
  if (args.image_count != out.shape[0])
    return corrupt("one frame per batch slot is needed", args.image_count, out.shape[0]);
  return ok_status();
}

namespace {

template <typename T>
void run_into(const StepArgs& args) {
  const auto& p = params_of<PreprocessParams>(args);
  const TensorView& out = args.outputs[0];
  // Enough bands to keep the workers even; each computes its own column tables, which costs less
  // than sharing them.
  const uint32_t workers = args.parallel.workers;
  uint32_t bands = workers <= 1 ? 1 : 2 * workers;
  if (bands > static_cast<uint32_t>(p.height)) bands = static_cast<uint32_t>(p.height);
  for (uint32_t slot = 0; slot < args.image_count; ++slot) {
    const ImageView& image = args.images[slot];
    SlotJob<T> job;
    job.params = &p;
    job.geometry = fit_geometry(p.fit, p.width, p.height, image);
    job.out = out.as<T>() + slot * out.strides[0];
    job.row_stride = out.strides[1];
    job.pixel_stride = out.strides[2];
    if (image.width == 0 || image.height == 0) {
      job.geometry.y1 = job.geometry.y0 = 0;  // a slot without a frame: all padding
    } else {
      job.source = make_source(image, p.channels, p.order_bgr != 0);
    }
    auto band = [&](uint32_t i, uint32_t) {
      const auto begin = static_cast<int32_t>(int64_t{p.height} * i / bands);
      const auto end = static_cast<int32_t>(int64_t{p.height} * (i + 1) / bands);
      job.run_rows(begin, end);
    };
    if (bands == 1 || args.parallel.run == nullptr) {
      for (uint32_t i = 0; i < bands; ++i) band(i, 0);
    } else {
      args.parallel.for_each(bands, band);
    }
  }
}

}  // namespace

void run_preprocess(const StepArgs& args) {
  if (args.outputs[0].dtype == DType::kU8) return run_into<uint8_t>(args);
  run_into<float>(args);
}

}  // namespace stint::cpu
