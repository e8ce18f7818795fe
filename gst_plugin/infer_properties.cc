#include "gst_plugin/infer_properties.h"

namespace stint::gst {
namespace {

#if STINT_HAVE_GST_ANALYTICS
constexpr unsigned kDefaultOutputMeta = kOutputRoi | kOutputAnalytics;
#else
constexpr unsigned kDefaultOutputMeta = kOutputRoi;
#endif

GType late_policy_type() {
  static const GEnumValue values[] = {
      {int(LatePolicy::kSkip), "Forward the frame without inference, marked so", "skip"},
      {int(LatePolicy::kInfer), "Infer it all the same", "infer"},
      {int(LatePolicy::kDrop), "Do not forward the frame", "drop"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstStintLatePolicy", values);
  return type;
}

GType region_type() {
  static const GEnumValue values[] = {
      {int(Region::kFull), "The whole frame", "full"},
      {int(Region::kRois), "Each region of interest that the frame already carries", "rois"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstStintRegion", values);
  return type;
}

GType output_meta_type() {
  static const GFlagsValue values[] = {
      {kOutputRoi, "GstVideoRegionOfInterestMeta per detection", "roi"},
      {kOutputAnalytics, "GstAnalyticsRelationMeta (needs GStreamer 1.24)", "analytics"},
      {0, nullptr, nullptr}};
  static const GType type = g_flags_register_static("GstStintOutputMeta", values);
  return type;
}

GParamFlags flags(guint mutability) {
  return static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | mutability);
}
constexpr guint kReady = GST_PARAM_MUTABLE_READY;
constexpr guint kPlaying = GST_PARAM_MUTABLE_PLAYING;

void install_engine_properties(GObjectClass* c) {
  g_object_class_install_property(
      c, kPropModel,
      g_param_spec_string(
          "model", "Model",
          "Plan file made by `stint build`. Set while playing: the new plan is loaded beside the "
          "old "
          "one and takes over between two frames; if it cannot be used the old one stays. The file "
          "is "
          "read once and may then be overwritten. A new plan brings its own labels: set "
          "labels-file "
          "again, after model or together with it, if it shall have others",
          nullptr, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropDevice,
      g_param_spec_string("device", "Device", "Where to run: auto, cpu or cuda:N", "auto",
                          flags(kReady)));
  g_object_class_install_property(
      c, kPropEngineId,
      g_param_spec_string(
          "engine-id", "Engine id",
          "Elements with the same plan and device share one engine and its batches; those with "
          "different ids do not",
          nullptr, flags(kReady)));
  g_object_class_install_property(
      c, kPropThreads,
      g_param_spec_uint("threads", "Threads",
                        "CPU threads of a run (0 = one per usable core). Elements with different "
                        "values do not share "
                        "an engine",
                        0, 256, 0, flags(kReady)));
  g_object_class_install_property(c, kPropBatchSize,
                                  g_param_spec_uint("batch-size", "Batch size",
                                                    "Most frames in a batch that holds one of this "
                                                    "stream (0 = largest in the plan; never more "
                                                    "than that)",
                                                    0, G_MAXUINT, 0, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropBatchTimeout,
      g_param_spec_uint64(
          "batch-timeout", "Batch timeout",
          "How long a free device may wait for frames of other streams, "
          "nanoseconds (0 = not at all). "
          "Batches form by themselves while the device is busy. Waited for are only "
          "streams that can come in time: not those that ended, are paused or "
          "flushing, nor those whose next frame, by the rhythm of their last ones "
          "(after every-n and max-rate), is due later or overdue by more than a "
          "period; a stream that was never seen is waited for once. Nor is there a "
          "wait where a fuller batch was measured to be slower per frame",
          0, G_MAXINT64, 0, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropPriority,
      g_param_spec_int(
          "priority", "Priority",
          "Each step puts this stream's frames in the queue as if they were 10 ms older", -100, 100,
          0, flags(kPlaying)));
}

void install_frame_properties(GObjectClass* c) {
  g_object_class_install_property(
      c, kPropMaxAge,
      g_param_spec_uint64("max-age", "Maximum age",
                          "A frame older than this when its inference would start is late, "
                          "nanoseconds (0 = never; 100 ms are 100000000). "
                          "Age counts from the capture time of a live source, else from arrival",
                          0, G_MAXINT64, 0, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropLatePolicy,
      g_param_spec_enum("late-policy", "Late policy", "What to do with late frames",
                        late_policy_type(), int(LatePolicy::kSkip), flags(kPlaying)));
  g_object_class_install_property(
      c, kPropEveryN,
      g_param_spec_uint("every-n", "Every n",
                        "Infer one frame in n; streams of one engine take turns", 1, 100000, 1,
                        flags(kPlaying)));
  g_object_class_install_property(
      c, kPropMaxRate,
      gst_param_spec_fraction(
          "max-rate", "Maximum rate",
          "Infer at most so many frames per second of this stream (0/1 = no limit), of those that "
          "every-n leaves. Seconds of the time stamps, played in either direction; where they are "
          "missing or do not go on, of the caps' framerate, and without one of arrival",
          0, 1, G_MAXINT, 1, 0, 1, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropStreamId,
      g_param_spec_string(
          "stream-id", "Stream id",
          "Name of this stream in every result (default: the id in the stream itself)", nullptr,
          flags(kReady)));
  g_object_class_install_property(
      c, kPropRegion,
      g_param_spec_enum("region", "Region", "What part of the frame the network sees",
                        region_type(), int(Region::kFull), flags(kPlaying)));
  g_object_class_install_property(
      c, kPropThreshold,
      g_param_spec_double(
          "threshold", "Score threshold",
          "Detections below this score are left out, 0 to 1 (-1 = what the plan says)", -1, 1, -1,
          flags(kPlaying)));
  g_object_class_install_property(
      c, kPropIouThreshold,
      g_param_spec_double("iou-threshold", "IoU threshold",
                          "Of two boxes of a class that overlap more than this the weaker is left "
                          "out, 0 to 1 (-1 = "
                          "what the plan says). Streams with different values do not share batches",
                          -1, 1, -1, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropMaxDetections,
      g_param_spec_uint(
          "max-detections", "Maximum detections",
          "Most detections per frame or region (0 = what the plan says; never more than that)", 0,
          G_MAXUINT, 0, flags(kPlaying)));
}

void install_output_properties(GObjectClass* c) {
  g_object_class_install_property(
      c, kPropLabelsFile,
      g_param_spec_string(
          "labels-file", "Labels file",
          "Text file with one label a line, instead of the plan's labels. Belongs to "
          "the model that runs: a model set later, while playing, brings its own. Set "
          "while playing it takes over like a new model",
          nullptr, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropOutputMeta,
      g_param_spec_flags("output-meta", "Output metadata",
                         "What is attached to frames beside the frame meta, which always is",
                         output_meta_type(), kDefaultOutputMeta, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropMessageResults,
      g_param_spec_boolean("message-results", "Result messages",
                           "Post an element message stint-result for every frame", FALSE,
                           flags(kPlaying)));
  g_object_class_install_property(
      c, kPropStatsInterval,
      g_param_spec_uint64("stats-interval", "Statistics interval",
                          "Post an element message stint-stats with the first frame after so many "
                          "nanoseconds, and at "
                          "the end of the stream (0 = never)",
                          0, G_MAXINT64, 0, flags(kPlaying)));
  g_object_class_install_property(
      c, kPropReportLatency,
      g_param_spec_boolean(
          "report-latency", "Report latency",
          "Add this element's share to the pipeline's latency, so that sinks wait for it", TRUE,
          flags(kPlaying)));
  const auto read_only = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      c, kPropStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Frames by what happened to them, and times in nanoseconds, since the stream started",
          GST_TYPE_STRUCTURE, read_only));
  g_object_class_install_property(
      c, kPropActiveDevice,
      g_param_spec_string("active-device", "Active device",
                          "The device in use, NULL while no plan is loaded", nullptr, read_only));
}

std::string string_of(const GValue* value) {
  const gchar* text = g_value_get_string(value);
  return text ? text : "";
}

void give_string(GValue* value, const std::string& text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

/// Any negative value, and a NaN, mean "what the plan says".
float limit_of(const GValue* value) {
  const double limit = g_value_get_double(value);
  return limit >= 0 ? static_cast<float>(limit) : -1.0f;
}

}  // namespace

void install_properties(GObjectClass* object_class) {
  install_engine_properties(object_class);
  install_frame_properties(object_class);
  install_output_properties(object_class);
  gst_type_mark_as_plugin_api(late_policy_type(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(region_type(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(output_meta_type(), static_cast<GstPluginAPIFlags>(0));
}

InferSettings default_settings() {
  InferSettings settings;
  settings.frame.output_meta = kDefaultOutputMeta;
  return settings;
}

bool set_setting(InferSettings* settings, guint property, const GValue* value) {
  FrameSettings& frame = settings->frame;
  switch (property) {
    case kPropModel:
      settings->model = string_of(value);
      break;
    case kPropDevice:
      settings->device = string_of(value);
      break;
    case kPropEngineId:
      settings->engine_id = string_of(value);
      break;
    case kPropThreads:
      settings->threads = g_value_get_uint(value);
      break;
    case kPropBatchSize:
      frame.batch_size = g_value_get_uint(value);
      break;
    case kPropBatchTimeout:
      frame.batch_timeout = g_value_get_uint64(value);
      break;
    case kPropMaxAge:
      frame.max_age = g_value_get_uint64(value);
      break;
    case kPropLatePolicy:
      frame.late_policy = static_cast<LatePolicy>(g_value_get_enum(value));
      break;
    case kPropEveryN:
      frame.every_n = g_value_get_uint(value);
      break;
    case kPropMaxRate:
      frame.max_rate_numerator = gst_value_get_fraction_numerator(value);
      frame.max_rate_denominator = gst_value_get_fraction_denominator(value);
      break;
    case kPropPriority:
      frame.priority = g_value_get_int(value);
      break;
    case kPropStreamId:
      settings->stream_id = string_of(value);
      break;
    case kPropRegion:
      frame.region = static_cast<Region>(g_value_get_enum(value));
      break;
    case kPropThreshold:
      frame.limits.score_threshold = limit_of(value);
      break;
    case kPropIouThreshold:
      frame.limits.iou_threshold = limit_of(value);
      break;
    case kPropMaxDetections:
      frame.limits.max_detections = g_value_get_uint(value);
      break;
    case kPropLabelsFile:
      settings->labels_file = string_of(value);
      break;
    case kPropOutputMeta:
      frame.output_meta = g_value_get_flags(value);
      break;
    case kPropMessageResults:
      frame.message_results = g_value_get_boolean(value);
      break;
    case kPropStatsInterval:
      frame.stats_interval = g_value_get_uint64(value);
      break;
    case kPropReportLatency:
      frame.report_latency = g_value_get_boolean(value);
      break;
    default:
      return false;
  }
  return true;
}

bool get_setting(const InferSettings& settings, guint property, GValue* value) {
  const FrameSettings& frame = settings.frame;
  switch (property) {
    case kPropModel:
      give_string(value, settings.model);
      break;
    case kPropDevice:
      give_string(value, settings.device);
      break;
    case kPropEngineId:
      give_string(value, settings.engine_id);
      break;
    case kPropThreads:
      g_value_set_uint(value, settings.threads);
      break;
    case kPropBatchSize:
      g_value_set_uint(value, frame.batch_size);
      break;
    case kPropBatchTimeout:
      g_value_set_uint64(value, frame.batch_timeout);
      break;
    case kPropMaxAge:
      g_value_set_uint64(value, frame.max_age);
      break;
    case kPropLatePolicy:
      g_value_set_enum(value, int(frame.late_policy));
      break;
    case kPropEveryN:
      g_value_set_uint(value, frame.every_n);
      break;
    case kPropMaxRate:
      gst_value_set_fraction(value, frame.max_rate_numerator, frame.max_rate_denominator);
      break;
    case kPropPriority:
      g_value_set_int(value, frame.priority);
      break;
    case kPropStreamId:
      give_string(value, settings.stream_id);
      break;
    case kPropRegion:
      g_value_set_enum(value, int(frame.region));
      break;
    case kPropThreshold:
      g_value_set_double(value, frame.limits.score_threshold);
      break;
    case kPropIouThreshold:
      g_value_set_double(value, frame.limits.iou_threshold);
      break;
    case kPropMaxDetections:
      g_value_set_uint(value, frame.limits.max_detections);
      break;
    case kPropLabelsFile:
      give_string(value, settings.labels_file);
      break;
    case kPropOutputMeta:
      g_value_set_flags(value, frame.output_meta);
      break;
    case kPropMessageResults:
      g_value_set_boolean(value, frame.message_results);
      break;
    case kPropStatsInterval:
      g_value_set_uint64(value, frame.stats_interval);
      break;
    case kPropReportLatency:
      g_value_set_boolean(value, frame.report_latency);
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace stint::gst
