#include "gst_plugin/infer_stream.h"

#include <algorithm>
#include <utility>

#include "gst_plugin/frame_image.h"
#include "gst_plugin/infer_properties.h"

namespace stint::gst {
namespace {

class ObjectLock {
 public:
  explicit ObjectLock(GstBaseTransform* object) : object_(object) { GST_OBJECT_LOCK(object_); }
  ~ObjectLock() { GST_OBJECT_UNLOCK(object_); }
  ObjectLock(const ObjectLock&) = delete;
  ObjectLock& operator=(const ObjectLock&) = delete;

 private:
  GstBaseTransform* object_;
};

/// What no build of this element can do, however the property is spelled.
Problem check_settings(const InferSettings& settings) {
#if !STINT_HAVE_GST_ANALYTICS
  if (settings.frame.output_meta & kOutputAnalytics) {
    return {Problem::Kind::kSettings, "output-meta=analytics cannot be given",
            "built against GStreamer " + std::to_string(GST_VERSION_MAJOR) + "." +
                std::to_string(GST_VERSION_MINOR),
            "GStreamer 1.24 or later, or output-meta=roi", ""};
  }
#endif
  (void)settings;
  return {};
}

}  // namespace

InferStream::InferStream(GstBaseTransform* element)
    : transform_(element), settings_(default_settings()) {
  gst_video_info_init(&info_);
}

InferStream::~InferStream() {
  member_.reset();
  if (stream_id_) g_ref_string_release(stream_id_);
}

// ---- settings
// ------------------------------------------------------------------------------------------------------

FrameSettings InferStream::frame_settings() const {
  ObjectLock lock(transform_);
  return settings_.frame;
}

InferSettings InferStream::all_settings() const {
  ObjectLock lock(transform_);
  return settings_;
}

bool InferStream::set_setting(guint property, const GValue* value) {
  {
    ObjectLock lock(transform_);
    if (!gst::set_setting(&settings_, property, value)) return false;
  }
  const bool running = [&] {
    std::lock_guard lock(model_mutex_);
    return running_;
  }();
  if (!running) return true;
  if (property == kPropModel) update_in_background();
  if (Problem problem = check_settings(all_settings())) post_error(element(), problem);
  return true;
}

bool InferStream::get_setting(guint property, GValue* value) const {
  ObjectLock lock(transform_);
  return gst::get_setting(settings_, property, value);
}

GstStructure* InferStream::stats() const {
  std::string id;
  {
    ObjectLock lock(transform_);
    if (stream_id_) id = stream_id_;
  }
  std::lock_guard lock(model_mutex_);
  if (!model_) return stats_structure(id.c_str(), stats_.total(), nullptr);
  const BatcherStats engine = model_->engine().batcher().stats();
  return stats_structure(id.c_str(), stats_.total(), &engine);
}

std::string InferStream::active_device() const {
  std::lock_guard lock(model_mutex_);
  return model_ ? model_->engine().device : "";
}

// ---- states
// --------------------------------------------------------------------------------------------------------

bool InferStream::load() {
  const InferSettings settings = all_settings();
  if (settings.model.empty()) return true;
  {
    std::lock_guard lock(model_mutex_);
    if (model_ && model_->matches(settings)) return true;
  }
  std::unique_ptr<LoadedModel> model;
  Problem problem = check_settings(settings);
  if (!problem) problem = LoadedModel::load(settings, &model);
  if (problem) {
    post_error(element(), problem);
    return false;
  }
  post_model(element(), *model, nullptr);
  std::lock_guard lock(model_mutex_);
  model_ = std::move(model);
  return true;
}

bool InferStream::start() {
  if (all_settings().model.empty()) {
    post_error(element(),
               {Problem::Kind::kNotFound, "no plan to run: the property model is not set",
                "model=NULL", "model=FILE.plan",
                "stint build MODEL.onnx --target cpu --preprocess SPEC --postprocess "
                "SPEC -o FILE.plan"});
    return false;
  }
  if (!load()) return false;
  frame_index_ = 0;
  first_frame_ = true;
  live_ = false;
  last_stats_ = GST_CLOCK_TIME_NONE;
  last_latency_check_ = 0;
  reported_latency_ = 0;
  qos_.restart();
  stats_.restart();
  std::lock_guard lock(model_mutex_);
  running_ = true;
  stopping_ = flushing_ = false;
  member_ = model_->engine().batcher().join();
  pacer_.restart(member_->ordinal());
  return true;
}

void InferStream::wake() {
  std::lock_guard lock(model_mutex_);
  stopping_ = true;
  apply_flushing();
}

void InferStream::stop() {
  std::unique_ptr<LoadedModel> unused;
  std::lock_guard lock(model_mutex_);
  running_ = false;
  ++update_serial_;  // an update still loading comes too late
  unused = std::move(next_model_);
  member_.reset();
  ObjectLock object_lock(transform_);
  if (stream_id_) g_ref_string_release(std::exchange(stream_id_, nullptr));
}

void InferStream::unload() {
  std::unique_ptr<LoadedModel> unused;
  std::lock_guard lock(model_mutex_);
  unused = std::move(model_);
}

void InferStream::apply_flushing() {
  if (member_) member_->set_flushing(stopping_ || flushing_);
}

// ---- a new model while running
// -------------------------------------------------------------------------------------

struct InferStream::UpdateTask {
  InferStream* stream;  // the element is referenced as long as the task runs
  InferSettings settings;
  uint64_t serial;
};

void InferStream::update_in_background() {
  auto* task = new UpdateTask{this, all_settings(), 0};
  {
    std::lock_guard lock(model_mutex_);
    task->serial = ++update_serial_;
  }
  gst_element_call_async(
      element(),
      [](GstElement*, gpointer data) {
        auto* update = static_cast<UpdateTask*>(data);
        update->stream->finish_update(*update);
      },
      task, [](gpointer data) { delete static_cast<UpdateTask*>(data); });
}

void InferStream::finish_update(UpdateTask& task) {
  std::unique_ptr<LoadedModel> model;
  Problem problem;
  if (task.settings.model.empty()) {
    problem = {Problem::Kind::kSettings, "a running stream cannot go without a plan", "model=NULL",
               "a plan file", ""};
  } else {
    problem = LoadedModel::load(task.settings, &model);
  }
  std::string old_path;
  {
    std::lock_guard lock(model_mutex_);
    if (task.serial != update_serial_ || !running_) return;
    old_path = model_->path();
    if (!problem) next_model_ = std::move(model);
  }
  if (!problem) return;
  {
    ObjectLock lock(transform_);
    if (settings_.model == task.settings.model) settings_.model = old_path;
  }
  post_update_failed(element(), old_path, task.settings.model, problem);
}

void InferStream::take_next_model() {
  std::unique_ptr<LoadedModel> old;
  {
    std::lock_guard lock(model_mutex_);
    if (!next_model_) return;
    member_.reset();
    old = std::exchange(model_, std::move(next_model_));
    member_ = model_->engine().batcher().join();
    apply_flushing();
  }
  post_model(element(), *model_, old->path().c_str());
}

// ---- stream
// --------------------------------------------------------------------------------------------------------

void InferStream::set_flushing(bool flushing) {
  std::lock_guard lock(model_mutex_);
  flushing_ = flushing;
  apply_flushing();
}

void InferStream::begin_stream() {
  ObjectLock lock(transform_);
  if (stream_id_) g_ref_string_release(std::exchange(stream_id_, nullptr));
}

void InferStream::end_stream() {
  if (frame_settings().stats_interval == 0) return;
  last_stats_ = 0;
  report(frame_settings());
}

void InferStream::ensure_stream_id() {
  if (stream_id_) return;
  std::string id = all_settings().stream_id;
  if (id.empty()) {
    gchar* found = gst_pad_get_stream_id(GST_BASE_TRANSFORM_SINK_PAD(transform_));
    if (!found) found = gst_object_get_path_string(GST_OBJECT(transform_));
    id = found;
    g_free(found);
  }
  gchar* made = g_ref_string_new(id.c_str());
  ObjectLock lock(transform_);
  stream_id_ = made;
}

bool InferStream::query_live() const {
  GstQuery* query = gst_query_new_latency();
  gboolean live = FALSE;
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(transform_), query)) {
    gst_query_parse_latency(query, &live, nullptr, nullptr);
  }
  gst_query_unref(query);
  return live;
}

/// Of a live source the running time tells when the frame was taken; else it is new when it comes.
TimePoint InferStream::captured_at(GstBuffer* buffer) const {
  const TimePoint now = Clock::now();
  const GstSegment& segment = transform_->segment;
  if (!live_ || segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) return now;
  GstClock* clock = gst_element_get_clock(element());
  if (!clock) return now;
  const GstClockTime time = gst_clock_get_time(clock);
  gst_object_unref(clock);
  const GstClockTime base = gst_element_get_base_time(element());
  const GstClockTime taken =
      gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(taken) || !GST_CLOCK_TIME_IS_VALID(base) || time < base) return now;
  const GstClockTime running = time - base;
  return running > taken ? now - Nanoseconds(running - taken) : now;
}

GstFlowReturn InferStream::process(GstBuffer* buffer) {
  take_next_model();
  ensure_stream_id();
  if (std::exchange(first_frame_, false)) live_ = query_live();
  const FrameSettings settings = frame_settings();
  const bool gap = GST_BUFFER_IS_DISCONT(buffer) && frame_index_ > 0;
  stats_.update([&](StreamCounters& counters) {
    ++counters.frames_in;
    counters.upstream_gaps += gap ? 1 : 0;
  });

  std::optional<uint64_t> pts;
  if (GST_BUFFER_PTS_IS_VALID(buffer)) pts = GST_BUFFER_PTS(buffer);
  SkipReason reason = pacer_.admit(settings.every_n, settings.inference_interval(), pts);
  GstFlowReturn flow = GST_FLOW_OK;
  if (reason == SkipReason::kNone) reason = infer(buffer, settings, &flow);
  if (flow == GST_FLOW_OK) {
    attach(buffer, settings, reason);
  }
  ++frame_index_;
  if (flow == GST_FLOW_OK || flow == GST_BASE_TRANSFORM_FLOW_DROPPED) report(settings);
  return flow;
}

/// Fills the member's jobs, but for the pixels. False if there is nothing to look at.
bool InferStream::prepare_jobs(GstBuffer* buffer, const FrameSettings& settings) {
  regions_.clear();
  if (settings.region == Region::kRois) {
    collect_regions(buffer, info_, &regions_);
    if (regions_.empty()) return false;
  }
  member_->jobs().resize(std::max<size_t>(1, regions_.size()));
  return true;
}

SkipReason InferStream::infer(GstBuffer* buffer, const FrameSettings& settings,
                              GstFlowReturn* flow) {
  if (!prepare_jobs(buffer, settings)) return SkipReason::kNoRegions;
  auto mapped = MappedFrame::map(info_, buffer);
  if (!mapped) {
    GST_ELEMENT_ERROR(transform_, STREAM, FAILED, ("a frame could not be mapped for reading"),
                      ("%" GST_PTR_FORMAT, static_cast<void*>(buffer)));
    *flow = GST_FLOW_ERROR;
    return SkipReason::kNone;
  }
  std::vector<Job>& jobs = member_->jobs();
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].image = mapped->image();
    jobs[i].limits = settings.limits;
    if (regions_.empty()) continue;
    jobs[i].image.crop_x = regions_[i].x;
    jobs[i].image.crop_y = regions_[i].y;
    jobs[i].image.crop_width = regions_[i].width;
    jobs[i].image.crop_height = regions_[i].height;
  }
  Submission submission;
  submission.captured_at = captured_at(buffer);
  submission.max_age = Nanoseconds(settings.max_age);
  submission.infer_late = settings.late_policy == LatePolicy::kInfer;
  submission.batch_timeout = Nanoseconds(settings.batch_timeout);
  submission.max_batch = settings.batch_size;
  submission.priority = settings.priority;

  result_ = member_->infer(submission, std::move(mapped));
  switch (result_.outcome) {
    case Outcome::kFlushing:
      *flow = GST_FLOW_FLUSHING;
      break;
    case Outcome::kFailed:
      stats_.update([](StreamCounters& counters) { ++counters.failed; });
      post_error(element(), result_.problem);
      *flow = GST_FLOW_ERROR;
      break;
    case Outcome::kLate:
      *flow = late(buffer, settings, result_);
      return SkipReason::kLate;
    case Outcome::kDone:
      break;
  }
  return SkipReason::kNone;
}

GstFlowReturn InferStream::late(GstBuffer* buffer, const FrameSettings& settings,
                                const InferResult& result) {
  const bool drop = settings.late_policy == LatePolicy::kDrop;
  if (drop) stats_.update([](StreamCounters& counters) { ++counters.dropped; });
  const StreamCounters total = stats_.total();
  qos_.report(transform_, buffer, live_, result.age - Nanoseconds(settings.max_age), total.inferred,
              total.dropped + total.skipped[size_t(SkipReason::kLate)] + (drop ? 0 : 1));
  return drop ? GST_BASE_TRANSFORM_FLOW_DROPPED : GST_FLOW_OK;
}

void InferStream::attach(GstBuffer* buffer, const FrameSettings& settings, SkipReason reason) {
  GstStintMeta* meta = add_meta(buffer, stream_id_, model_->name());
  meta->frame_index = frame_index_;
  meta->reason = static_cast<guint>(reason);
  meta->inferred = reason == SkipReason::kNone;
  if (meta->inferred) {
    const std::vector<Job>& jobs = member_->jobs();
    meta->batch_fill = result_.batch_fill;
    meta->wait_ns = static_cast<guint64>(result_.wait.count());
    meta->run_ns = static_cast<guint64>(result_.run.count());
    meta->total_ns = static_cast<guint64>(result_.total.count());
    meta->age_ns = static_cast<guint64>(result_.age.count());
    attach_detections(buffer, info_, *model_, jobs, regions_, settings.output_meta, meta);
    const bool was_late =
        settings.max_age > 0 && result_.age - result_.run > Nanoseconds(settings.max_age);
    stats_.update([&](StreamCounters& counters) {
      counters.add(result_, meta->detection_count);
      counters.late_inferred += was_late ? 1 : 0;
    });
  } else {
    stats_.update([&](StreamCounters& counters) { ++counters.skipped[size_t(reason)]; });
  }
  if (settings.message_results) post_result(element(), *meta, GST_BUFFER_PTS(buffer));
}

/// What is due on the bus after a frame.
void InferStream::report(const FrameSettings& settings) {
  const GstClockTime now = gst_util_get_timestamp();
  if (!GST_CLOCK_TIME_IS_VALID(last_stats_)) last_stats_ = now;
  if (settings.stats_interval > 0 && now - last_stats_ >= settings.stats_interval) {
    last_stats_ = now;
    const BatcherStats engine = model_->engine().batcher().stats();
    ensure_stream_id();
    GstStructure* structure = stats_structure(stream_id_, stats_.take_window(), &engine);
    gst_element_post_message(element(), gst_message_new_element(GST_OBJECT(transform_), structure));
  }
  // Sinks ask again when the share they were told is off by a quarter; looking once a second is
  // enough.
  if (!settings.report_latency || now - last_latency_check_ < GST_SECOND) return;
  last_latency_check_ = now;
  const GstClockTime share = latency();
  const GstClockTime difference =
      share > reported_latency_ ? share - reported_latency_ : reported_latency_ - share;
  if (difference * 4 <= reported_latency_) return;
  reported_latency_ = share;
  gst_element_post_message(element(), gst_message_new_latency(GST_OBJECT(transform_)));
}

GstClockTime InferStream::latency() const {
  const FrameSettings settings = frame_settings();
  std::lock_guard lock(model_mutex_);
  if (!settings.report_latency || !model_) return 0;
  Batcher& batcher = model_->engine().batcher();
  uint32_t jobs = std::max(1u, std::min(batcher.members(), batcher.largest_batch()));
  if (settings.batch_size > 0) jobs = std::min(jobs, settings.batch_size);
  return settings.batch_timeout + 2 * static_cast<GstClockTime>(batcher.service_time(jobs).count());
}

}  // namespace stint::gst
