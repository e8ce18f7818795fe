#include "gst_plugin/infer_stream.h"

#include <algorithm>
#include <utility>

#include "gst_plugin/debug.h"
#include "gst_plugin/infer_properties.h"
#include "gst_plugin/setting_remarks.h"

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

/// By the caps; 0 if they do not say.
uint64_t frame_distance(const GstVideoInfo& info) {
  const gint n = GST_VIDEO_INFO_FPS_N(&info), d = GST_VIDEO_INFO_FPS_D(&info);
  return n > 0 && d > 0
             ? gst_util_uint64_scale(GST_SECOND, static_cast<guint64>(d), static_cast<guint64>(n))
             : 0;
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

FrameSettings InferStream::frame_settings() const {
  ObjectLock lock(transform_);
  return settings_.frame;
}

InferSettings InferStream::all_settings() const {
  ObjectLock lock(transform_);
  return settings_;
}

bool InferStream::set_setting(guint property, const GValue* value) {
  const bool running = [&] {
    std::lock_guard lock(model_mutex_);
    return running_;
  }();
  {
    ObjectLock lock(transform_);
    if (!gst::set_setting(&settings_, property, value)) return false;
    if (property == kPropLabelsFile) {
      labels_are_new_ = true;
      dropped_labels_.clear();
    }
    // The names of one network's classes are wrong for another's.
    if (property == kPropModel && running && !std::exchange(labels_are_new_, false) &&
        !settings_.labels_file.empty()) {
      dropped_labels_ = std::exchange(settings_.labels_file, "");
    }
  }
  if (!running) return true;
  if (property == kPropModel || property == kPropLabelsFile) plan_is_set_ = true;
  remark_on_setting(property);
  if (Problem problem = check_settings(all_settings())) post_error(element(), problem);
  return true;
}

void InferStream::settings_complete() {
  if (plan_is_set_.exchange(false)) update_in_background();
}

void InferStream::remark_on_setting(guint property) {
  switch (property) {
    case kPropDevice:
    case kPropEngineId:
    case kPropThreads:
      post_warning(element(),
                   {Problem::Kind::kSettings,
                    "device, engine-id and threads do not change while a plan runs: the new value "
                    "counts from the next model that is set, or the next start from READY",
                    "set while running", "set in NULL or READY, or before model", ""});
      return;
    case kPropStreamId:
      post_warning(element(),
                   {Problem::Kind::kSettings, "stream-id counts from the next start of a stream",
                    "set while running", "set in NULL or READY", ""});
      return;
    default:
      break;
  }
  std::shared_ptr<SharedEngine> engine;  // its plan must stay while it is looked at
  {
    std::lock_guard lock(model_mutex_);
    if (model_) engine = model_->shared();
  }
  const PlanExecutor* plan = engine ? &engine->plan() : nullptr;
  if (Problem remark = remark_on(property, frame_settings(), plan)) {
    post_warning(element(), remark);
  }
}

/// `dropped_labels`: the labels-file of the model before, if there was one.
void InferStream::remark_on_model(const LoadedModel& model, const std::string& dropped_labels) {
  for (const Problem& remark : model.remarks()) post_warning(element(), remark);
  for (const Problem& remark : all_remarks(frame_settings(), model.engine().plan())) {
    post_warning(element(), remark);
  }
  if (dropped_labels.empty()) return;
  post_warning(element(), {Problem::Kind::kSettings,
                           "labels-file " + dropped_labels +
                               " belonged to the model before: classes now have "
                               "the names that " +
                               model.path() + " gives them",
                           "labels-file=" + dropped_labels,
                           "labels-file set after model, if it fits the new one, too", ""});
}

void InferStream::remark_once(bool* told, const Problem& problem) {
  if (!std::exchange(*told, true)) post_warning(element(), problem);
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
  remark_on_model(*model_, "");
  {
    ObjectLock lock(transform_);
    labels_are_new_ = false;
  }
  frame_index_ = 0;
  first_frame_ = true;
  unstamped_frames_ = bare_frames_ = 0;
  told_of_stamps_ = told_of_regions_ = told_of_labels_ = false;
  media_time_.restart();
  live_ = false;
  last_stats_ = GST_CLOCK_TIME_NONE;
  last_latency_check_ = 0;
  reported_latency_ = 0;
  qos_.restart();
  stats_.restart();
  std::lock_guard lock(model_mutex_);
  running_ = true;
  stopping_ = flushing_ = false;
  join_engine();
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

void InferStream::join_engine() {
  member_ = model_->engine().batcher().join();
  member_->set_paused(paused_);
  apply_flushing();
}

void InferStream::set_paused(bool paused) {
  std::lock_guard lock(model_mutex_);
  paused_ = paused;
  if (member_) member_->set_paused(paused);
}

void InferStream::apply_flushing() {
  if (member_) member_->set_flushing(stopping_ || flushing_);
}

// ---- a new model while running

/// One load at a time: of settings that change faster than plans load only the last are loaded.
void InferStream::update_in_background() {
  {
    std::lock_guard lock(model_mutex_);
    ++update_serial_;
    update_wanted_ = true;
    if (std::exchange(updating_, true)) return;
  }
  // The element is referenced as long as this runs.
  gst_element_call_async(
      element(), [](GstElement*, gpointer self) { static_cast<InferStream*>(self)->update(); },
      this, nullptr);
}

void InferStream::update() {
  while (true) {
    uint64_t serial = 0;
    {
      std::lock_guard lock(model_mutex_);
      updating_ = std::exchange(update_wanted_, false) && running_;
      if (!updating_) return;
      serial = update_serial_;
    }
    finish_update(all_settings(), serial);
  }
}

void InferStream::finish_update(const InferSettings& settings, uint64_t serial) {
  std::unique_ptr<LoadedModel> model;
  Problem problem;
  if (settings.model.empty()) {
    problem = {Problem::Kind::kSettings, "a running stream cannot go without a plan", "model=NULL",
               "a plan file", ""};
  } else {
    problem = LoadedModel::load(settings, &model);
  }
  std::string old_path, old_labels, dropped_labels;
  {
    std::lock_guard lock(model_mutex_);
    if (serial != update_serial_ || !running_) return;
    const LoadedModel& current = next_model_ ? *next_model_ : *model_;
    old_path = current.path();
    old_labels = current.labels_file();
  }
  {
    ObjectLock lock(transform_);
    dropped_labels = std::exchange(dropped_labels_, "");
    if (problem) {
      if (settings_.model == settings.model) settings_.model = old_path;
      if (settings_.labels_file == settings.labels_file) settings_.labels_file = old_labels;
    } else if (settings_.labels_file == settings.labels_file) {
      labels_are_new_ = false;  // they belong to this model now
    }
  }
  if (!problem) {
    remark_on_model(*model, dropped_labels);
    std::lock_guard lock(model_mutex_);
    if (serial == update_serial_ && running_) next_model_ = std::move(model);
    return;
  }
  post_update_failed(element(), old_path, settings.model, problem);
}

void InferStream::take_next_model() {
  std::unique_ptr<LoadedModel> old;
  {
    std::lock_guard lock(model_mutex_);
    if (!next_model_) return;
    member_.reset();
    old = std::exchange(model_, std::move(next_model_));
    join_engine();
  }
  told_of_labels_ = false;
  post_model(element(), *model_, old->path().c_str());
}

// ---- stream

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
  {
    std::lock_guard lock(model_mutex_);
    if (member_) member_->end();
  }
  if (frame_settings().stats_interval > 0) announce_stats(gst_util_get_timestamp());
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
  const bool reverse = transform_->segment.rate < 0;
  const uint64_t time = media_time_.advance(pts, reverse, frame_distance(info_), Clock::now());
  remark_on_time_stamps(settings);
  SkipReason reason = pacer_.admit(settings.every_n, settings.inference_interval(), time);
  GstFlowReturn flow = GST_FLOW_OK;
  if (reason == SkipReason::kNone) reason = infer(buffer, settings, &flow);
  if (flow == GST_FLOW_OK) {
    attach(buffer, settings, reason);
  }
  ++frame_index_;
  if (flow == GST_FLOW_OK || flow == GST_BASE_TRANSFORM_FLOW_DROPPED) report(settings);
  return flow;
}

void InferStream::remark_on_time_stamps(const FrameSettings& settings) {
  constexpr uint32_t kFew = 5;  // a stream may jump or start over now and then
  unstamped_frames_ = media_time_.stamped() ? 0 : unstamped_frames_ + 1;
  if (settings.inference_interval() == 0 || unstamped_frames_ < kFew) return;
  const bool has_rate = frame_distance(info_) > 0;
  remark_once(
      &told_of_stamps_,
      {Problem::Kind::kSettings,
       std::string("max-rate: the frames have no time stamps that go on; it counts by ") +
           (has_rate ? "the framerate of the caps" : "the time of their arrival"),
       "frames without time stamps", "time stamps from the source, e.g. do-timestamp=true", ""});
}

/// region=rois, and the frame has no region to look at.
void InferStream::remark_on_regions(GstBuffer* buffer) {
  constexpr uint32_t kMany = 30;  // a detector that finds nothing may leave no trace on a frame
  gpointer state = nullptr;
  const bool bare = !next_meta(buffer, &state) &&
                    !gst_buffer_get_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  bare_frames_ = bare ? bare_frames_ + 1 : 0;
  if (bare_frames_ < kMany) return;
  remark_once(&told_of_regions_,
              {Problem::Kind::kSettings,
               "region=rois: no frame carries a region of interest, so that nothing is inferred",
               std::to_string(bare_frames_) + " frames in a row without any",
               "an element that finds regions in front of this one, e.g. stintinfer "
               "model=DETECTOR.plan ! stintinfer region=rois; or region=full",
               ""});
}

void InferStream::remark_on_labels(const GstStintMeta& meta) {
  if (told_of_labels_ || model_->labels_file().empty() || !model_->remarks().empty()) return;
  const size_t count = model_->label_count();
  for (guint i = 0; i < meta.detection_count; ++i) {
    const gint id = meta.detections[i].class_id;
    if (id < 0 || static_cast<size_t>(id) < count) continue;
    remark_once(
        &told_of_labels_,
        {Problem::Kind::kSettings,
         "the labels-file " + model_->labels_file() + " has no label for class " +
             std::to_string(id),
         std::to_string(count) + " labels",
         "at least " + std::to_string(id + 1) + ", one a line in the order of the classes", ""});
    return;
  }
}

/// Fills the member's jobs, but for the pixels. False if there is nothing to look at.
bool InferStream::prepare_jobs(GstBuffer* buffer, const FrameSettings& settings) {
  regions_.clear();
  if (settings.region == Region::kRois) {
    collect_regions(buffer, info_, &regions_);
    if (regions_.empty()) {
      remark_on_regions(buffer);
      return false;
    }
    bare_frames_ = 0;
  }
  member_->jobs().resize(std::max<size_t>(1, regions_.size()));
  return true;
}

SkipReason InferStream::infer(GstBuffer* buffer, const FrameSettings& settings,
                              GstFlowReturn* flow) {
  if (!prepare_jobs(buffer, settings)) return SkipReason::kNoRegions;
  auto mapped = MappedFrame::map(info_, buffer);
  if (!mapped) {
    GST_ELEMENT_ERROR(transform_, STREAM, FAILED,
                      ("a frame could not be mapped for reading, or its crop meta leaves nothing"),
                      ("%" GST_PTR_FORMAT, static_cast<void*>(buffer)));
    *flow = GST_FLOW_ERROR;
    return SkipReason::kNone;
  }
  visible_ = mapped->visible();
  std::vector<Job>& jobs = member_->jobs();
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].image = mapped->image();
    jobs[i].limits = settings.limits;
    if (regions_.empty()) continue;
    jobs[i].image.crop_x = visible_.x + regions_[i].x;
    jobs[i].image.crop_y = visible_.y + regions_[i].y;
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
    attach_detections(buffer, info_, visible_, *model_, jobs, regions_, settings.output_meta, meta);
    remark_on_labels(*meta);
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

void InferStream::announce_stats(GstClockTime now) {
  last_stats_ = now;
  const BatcherStats engine = model_->engine().batcher().stats();
  ensure_stream_id();
  GstStructure* structure = stats_structure(stream_id_, stats_.take_window(), &engine);
  gst_element_post_message(element(), gst_message_new_element(GST_OBJECT(transform_), structure));
}

/// What is due on the bus after a frame.
void InferStream::report(const FrameSettings& settings) {
  const GstClockTime now = gst_util_get_timestamp();
  if (!GST_CLOCK_TIME_IS_VALID(last_stats_)) last_stats_ = now;
  if (settings.stats_interval > 0 && now - last_stats_ >= settings.stats_interval)
    announce_stats(now);
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
