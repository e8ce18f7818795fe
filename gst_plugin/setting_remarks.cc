#include "gst_plugin/setting_remarks.h"

#include <string>

namespace stint::gst {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;

/// Times are in nanoseconds; somebody who thinks in milliseconds or seconds writes numbers that are
/// shorter than anything a camera does.
Problem too_short(const std::string& name, uint64_t value, const std::string& effect) {
  if (value == 0 || value >= kMillisecond) return {};
  const std::string text = std::to_string(value);
  return {Problem::Kind::kSettings, name + "=" + text + " is " + text + " nanoseconds: " + effect,
          name + "=" + text, "nanoseconds: " + text + " ms are " + name + "=" + text + "000000",
          ""};
}

Problem remark_on_batch_timeout(uint64_t value) {
  constexpr uint64_t kLong = 10'000 * kMillisecond;
  if (value <= kLong) {
    return too_short("batch-timeout", value, "no frame of another stream comes that soon");
  }
  const std::string text = std::to_string(value);
  return {Problem::Kind::kSettings,
          "batch-timeout=" + text + ": a frame may wait " +
              std::to_string(value / 1000 / kMillisecond) +
              " s for company, and the latency of a live pipeline grows by as much",
          "batch-timeout=" + text,
          "a fraction of the frames' distance, e.g. batch-timeout=20000000", ""};
}

Problem remark_on_batch_size(uint32_t value, const PlanExecutor& plan) {
  const uint32_t largest = plan.batch_sizes().back();
  if (value <= largest) return {};
  const std::string text = std::to_string(value), most = std::to_string(largest);
  return {Problem::Kind::kSettings,
          "batch-size=" + text + " has no effect: the plan's largest batch is " + most,
          "batch-size=" + text, "at most " + most + ", or a plan with larger batches",
          "stint build MODEL.onnx --batch " + std::string(largest == 1 ? "1," : "1," + most + ",") +
              text + " --target cpu --preprocess SPEC --postprocess SPEC -o MODEL.plan"};
}

Problem remark_on_max_detections(uint32_t value, const PlanExecutor& plan) {
  const uint32_t most = plan.most_detections();
  if (value <= most) return {};
  const std::string text = std::to_string(value);
  return {
      Problem::Kind::kSettings,
      "max-detections=" + text + ": the plan gives at most " + std::to_string(most),
      "max-detections=" + text,
      "at most " + std::to_string(most) + ", or a plan built with a larger max= in --postprocess",
      ""};
}

}  // namespace

Problem remark_on(guint property, const FrameSettings& settings, const PlanExecutor* plan) {
  switch (property) {
    case kPropMaxAge:
      return too_short("max-age", settings.max_age, "every frame is older, and late");
    case kPropBatchTimeout:
      return remark_on_batch_timeout(settings.batch_timeout);
    case kPropStatsInterval:
      return too_short("stats-interval", settings.stats_interval, "a message for every frame");
    case kPropBatchSize:
      return plan ? remark_on_batch_size(settings.batch_size, *plan) : Problem{};
    case kPropMaxDetections:
      return plan ? remark_on_max_detections(settings.limits.max_detections, *plan) : Problem{};
    default:
      return {};
  }
}

std::vector<Problem> all_remarks(const FrameSettings& settings, const PlanExecutor& plan) {
  std::vector<Problem> remarks;
  for (const guint property :
       {kPropMaxAge, kPropBatchTimeout, kPropStatsInterval, kPropBatchSize, kPropMaxDetections}) {
    if (Problem remark = remark_on(property, settings, &plan)) remarks.push_back(std::move(remark));
  }
  return remarks;
}

}  // namespace stint::gst
