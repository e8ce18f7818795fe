#include "gst_plugin/infer_messages.h"

#include "gst_plugin/debug.h"

namespace stint::gst {
namespace {

GstStructure* details_of(const Problem& problem) {
  return gst_structure_new("stint-error", "found", G_TYPE_STRING, problem.found.c_str(), "needed",
                           G_TYPE_STRING, problem.needed.c_str(), "command", G_TYPE_STRING,
                           problem.command.c_str(), nullptr);
}

std::string debug_of(const Problem& problem) {
  std::string text = "found: " + problem.found + "; needed: " + problem.needed;
  if (!problem.command.empty()) text += "; run: " + problem.command;
  return text;
}

void post(GstElement* element, GstStructure* structure) {
  gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), structure));
}

void append_uint64(GValue* array, guint64 number) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_UINT64);
  g_value_set_uint64(&value, number);
  gst_value_array_append_and_take_value(array, &value);
}

void set_percentiles(GstStructure* structure, const std::string& name,
                     const LatencyHistogram& histogram) {
  const std::pair<const char*, double> percentiles[] = {
      {"-p50", 0.5}, {"-p90", 0.9}, {"-p99", 0.99}};
  for (const auto& [suffix, fraction] : percentiles) {
    gst_structure_set(structure, (name + suffix).c_str(), G_TYPE_UINT64,
                      static_cast<guint64>(histogram.percentile(fraction)), nullptr);
  }
  gst_structure_set(structure, (name + "-max").c_str(), G_TYPE_UINT64,
                    static_cast<guint64>(histogram.max()), nullptr);
}

GstStructure* engine_structure(const BatcherStats& stats) {
  GValue fill = G_VALUE_INIT;
  g_value_init(&fill, GST_TYPE_ARRAY);
  for (const uint64_t batches : stats.fill) append_uint64(&fill, batches);
  const double busy =
      stats.uptime_ns > 0 ? 100.0 * double(stats.busy_ns) / double(stats.uptime_ns) : 0;
  GstStructure* structure = gst_structure_new(
      "stint-engine-stats", "members", G_TYPE_UINT, stats.members, "batches", G_TYPE_UINT64,
      static_cast<guint64>(stats.batches), "frames", G_TYPE_UINT64,
      static_cast<guint64>(stats.jobs), "failures", G_TYPE_UINT64,
      static_cast<guint64>(stats.failures), "busy-percent", G_TYPE_DOUBLE, busy, nullptr);
  gst_structure_take_value(structure, "fill-histogram", &fill);
  set_percentiles(structure, "run", stats.run);
  return structure;
}

void post_problem(GstElement* element, GstMessageType type, const Problem& problem) {
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = GST_LIBRARY_ERROR_FAILED;
  switch (problem.kind) {
    case Problem::Kind::kNotFound:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case Problem::Kind::kUnreadable:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_OPEN_READ;
      break;
    case Problem::Kind::kSettings:
      code = GST_LIBRARY_ERROR_SETTINGS;
      break;
    case Problem::Kind::kFormat:
      domain = GST_STREAM_ERROR;
      code = GST_STREAM_ERROR_FORMAT;
      break;
    case Problem::Kind::kNone:
    case Problem::Kind::kFailed:
      break;
  }
  const std::string debug = debug_of(problem);
  GST_CAT_LEVEL_LOG(GST_CAT_DEFAULT,
                    type == GST_MESSAGE_ERROR ? GST_LEVEL_ERROR : GST_LEVEL_WARNING, element,
                    "%s (%s)", problem.message.c_str(), debug.c_str());
  gst_element_message_full_with_details(element, type, domain, code,
                                        g_strdup(problem.message.c_str()), g_strdup(debug.c_str()),
                                        __FILE__, GST_FUNCTION, __LINE__, details_of(problem));
}

}  // namespace

void post_error(GstElement* element, const Problem& problem) {
  post_problem(element, GST_MESSAGE_ERROR, problem);
}

void post_warning(GstElement* element, const Problem& problem) {
  post_problem(element, GST_MESSAGE_WARNING, problem);
}

void post_model(GstElement* element, const LoadedModel& model, const char* old_path) {
  SharedEngine& engine = model.engine();
  const PlanExecutor& plan = engine.plan();
  GValue sizes = G_VALUE_INIT;
  g_value_init(&sizes, GST_TYPE_ARRAY);
  for (const uint32_t size : plan.batch_sizes()) append_uint64(&sizes, size);
  gchar* hash = g_strdup_printf("%016" G_GINT64_MODIFIER "x", guint64{engine.identity.checksum});
  GstStructure* structure = gst_structure_new(
      old_path ? "stint-model-updated" : "stint-model-loaded", "model", G_TYPE_STRING,
      model.path().c_str(), "name", G_TYPE_STRING, plan.name().c_str(), "hash", G_TYPE_STRING, hash,
      "device", G_TYPE_STRING, engine.device.c_str(), "input-width", G_TYPE_UINT,
      plan.input_width(), "input-height", G_TYPE_UINT, plan.input_height(), "load-time",
      G_TYPE_UINT64, static_cast<guint64>(engine.load_time.count()), "run-time", G_TYPE_UINT64,
      static_cast<guint64>(plan.warm_up_times().front().count()), "plan-bytes", G_TYPE_UINT64,
      static_cast<guint64>(plan.plan_bytes()), "session-bytes", G_TYPE_UINT64,
      static_cast<guint64>(plan.session_bytes()), "sharing", G_TYPE_UINT,
      engine.batcher().members(), nullptr);
  g_free(hash);
  gst_structure_take_value(structure, "batch-sizes", &sizes);
  GST_INFO_OBJECT(element, "running %s on %s, %u element(s) share it", model.path().c_str(),
                  engine.device.c_str(), engine.batcher().members());
  if (!model.labels_file().empty()) {
    gst_structure_set(structure, "labels-file", G_TYPE_STRING, model.labels_file().c_str(),
                      nullptr);
  }
  if (old_path) gst_structure_set(structure, "old-model", G_TYPE_STRING, old_path, nullptr);
  post(element, structure);
}

void post_update_failed(GstElement* element, const std::string& old_path,
                        const std::string& new_path, const Problem& problem) {
  GST_WARNING_OBJECT(element, "%s stays, %s cannot be used: %s", old_path.c_str(), new_path.c_str(),
                     problem.message.c_str());
  post(element,
       gst_structure_new("stint-model-update-failed", "model", G_TYPE_STRING, old_path.c_str(),
                         "new-model", G_TYPE_STRING, new_path.c_str(), "reason", G_TYPE_STRING,
                         problem.message.c_str(), "found", G_TYPE_STRING, problem.found.c_str(),
                         "needed", G_TYPE_STRING, problem.needed.c_str(), "command", G_TYPE_STRING,
                         problem.command.c_str(), nullptr));
}

GstStructure* stats_structure(const char* stream_id, const StreamCounters& counters,
                              const BatcherStats* engine) {
  const auto skipped = [&](SkipReason reason) {
    return static_cast<guint64>(counters.skipped[static_cast<size_t>(reason)]);
  };
  GstStructure* structure = gst_structure_new(
      "stint-stats", "stream-id", G_TYPE_STRING, stream_id, "frames-in", G_TYPE_UINT64,
      static_cast<guint64>(counters.frames_in), "inferred", G_TYPE_UINT64,
      static_cast<guint64>(counters.inferred), "skipped-every-n", G_TYPE_UINT64,
      skipped(SkipReason::kEveryN), "skipped-max-rate", G_TYPE_UINT64,
      skipped(SkipReason::kMaxRate), "skipped-late", G_TYPE_UINT64, skipped(SkipReason::kLate),
      "skipped-no-regions", G_TYPE_UINT64, skipped(SkipReason::kNoRegions), "dropped-late",
      G_TYPE_UINT64, static_cast<guint64>(counters.dropped), "late-inferred", G_TYPE_UINT64,
      static_cast<guint64>(counters.late_inferred), "failed", G_TYPE_UINT64,
      static_cast<guint64>(counters.failed), "upstream-gaps", G_TYPE_UINT64,
      static_cast<guint64>(counters.upstream_gaps), "detections", G_TYPE_UINT64,
      static_cast<guint64>(counters.detections), nullptr);
  set_percentiles(structure, "wait", counters.wait);
  set_percentiles(structure, "run", counters.run);
  set_percentiles(structure, "total", counters.total);
  set_percentiles(structure, "age", counters.age);
  if (engine) {
    GstStructure* inner = engine_structure(*engine);
    gst_structure_set(structure, "engine", GST_TYPE_STRUCTURE, inner, nullptr);
    gst_structure_free(inner);
  }
  return structure;
}

void post_result(GstElement* element, const GstStintMeta& meta, GstClockTime pts) {
  GValue list = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  for (guint i = 0; i < meta.detection_count; ++i) {
    const GstStintDetection& d = meta.detections[i];
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(
        &value,
        gst_structure_new("detection", "id", G_TYPE_UINT, d.id, "parent-id", G_TYPE_UINT,
                          d.parent_id, "label", G_TYPE_STRING, d.label, "class-id", G_TYPE_INT,
                          d.class_id, "score", G_TYPE_DOUBLE, double(d.score), "x1", G_TYPE_DOUBLE,
                          double(d.x1), "y1", G_TYPE_DOUBLE, double(d.y1), "x2", G_TYPE_DOUBLE,
                          double(d.x2), "y2", G_TYPE_DOUBLE, double(d.y2), nullptr));
    gst_value_array_append_and_take_value(&list, &value);
  }
  GstStructure* structure = gst_structure_new(
      "stint-result", "stream-id", G_TYPE_STRING, meta.stream_id, "frame", G_TYPE_UINT64,
      guint64{meta.frame_index}, "pts", G_TYPE_UINT64, guint64{pts}, "inferred", G_TYPE_BOOLEAN,
      meta.inferred, "reason", G_TYPE_STRING,
      skip_reason_name(static_cast<SkipReason>(meta.reason)), "batch-fill", G_TYPE_UINT,
      meta.batch_fill, "total", G_TYPE_UINT64, guint64{meta.total_ns}, "age", G_TYPE_UINT64,
      guint64{meta.age_ns}, nullptr);
  gst_structure_take_value(structure, "detections", &list);
  post(element, structure);
}

void QosReporter::report(GstBaseTransform* transform, GstBuffer* buffer, bool live,
                         Nanoseconds lateness, uint64_t processed, uint64_t dropped) {
  const GstClockTime now = gst_util_get_timestamp();
  if (GST_CLOCK_TIME_IS_VALID(last_) && now < last_ + GST_SECOND) return;
  last_ = now;
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  GstClockTime running = GST_CLOCK_TIME_NONE, stream = GST_CLOCK_TIME_NONE;
  if (transform->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(pts)) {
    running = gst_segment_to_running_time(&transform->segment, GST_FORMAT_TIME, pts);
    stream = gst_segment_to_stream_time(&transform->segment, GST_FORMAT_TIME, pts);
  }
  GstMessage* message = gst_message_new_qos(GST_OBJECT(transform), live, running, stream, pts,
                                            GST_BUFFER_DURATION(buffer));
  gst_message_set_qos_values(message, lateness.count(), 1.0, 1000000);
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, processed, dropped);
  gst_element_post_message(GST_ELEMENT(transform), message);
}

}  // namespace stint::gst
