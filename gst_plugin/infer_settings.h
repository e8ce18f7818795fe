// What the properties of stintinfer say.
#pragma once

#include <cstdint>
#include <string>

#include "gst_plugin/engine/executor.h"

namespace stint::gst {

enum class LatePolicy { kSkip = 0, kInfer = 1, kDrop = 2 };
enum class Region { kFull = 0, kRois = 1 };
enum OutputMeta : unsigned { kOutputRoi = 1u << 0, kOutputAnalytics = 1u << 1 };

/// What may change between any two frames.
struct FrameSettings {
  uint32_t batch_size = 0;
  uint64_t batch_timeout = 0;
  uint64_t max_age = 0;
  LatePolicy late_policy = LatePolicy::kSkip;
  uint32_t every_n = 1;
  int32_t max_rate_numerator = 0;
  int32_t max_rate_denominator = 1;
  int32_t priority = 0;
  Region region = Region::kFull;
  Limits limits;
  unsigned output_meta = 0;
  bool message_results = false;
  uint64_t stats_interval = 0;
  bool report_latency = true;

  /// Shortest distance between two inferred frames, 0: none.
  uint64_t inference_interval() const {
    if (max_rate_numerator <= 0) return 0;
    return 1'000'000'000ull * static_cast<uint64_t>(max_rate_denominator) /
           static_cast<uint64_t>(max_rate_numerator);
  }
};

struct InferSettings {
  std::string model, device = "auto", engine_id, stream_id, labels_file;
  uint32_t threads = 0;
  FrameSettings frame;
};

}  // namespace stint::gst
