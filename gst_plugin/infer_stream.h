// The work of one stintinfer: its plan, its place in the batcher, and the way of a frame.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gst_plugin/engine/media_time.h"
#include "gst_plugin/engine/stream_stats.h"
#include "gst_plugin/frame_image.h"
#include "gst_plugin/infer_messages.h"
#include "gst_plugin/infer_results.h"
#include "gst_plugin/infer_settings.h"
#include "gst_plugin/loaded_model.h"

namespace stint::gst {

class InferStream {
 public:
  explicit InferStream(GstBaseTransform* element);
  ~InferStream();
  InferStream(const InferStream&) = delete;
  InferStream& operator=(const InferStream&) = delete;

  // ---- settings; any thread
  bool set_setting(guint property, const GValue* value);
  /// After all properties of one g_object_set(): model and labels-file that were set together are
  /// loaded together.
  void settings_complete();
  bool get_setting(guint property, GValue* value) const;
  GstStructure* stats() const;
  std::string active_device() const;

  // ---- states
  bool
  load();  // posts an error on failure; nothing to do without a model or when it is loaded already
  bool start();  // the same, and a model there must be
  void wake();   // a blocked frame returns at once; before the streaming thread is stopped
  void stop();   // after the streaming thread was stopped
  void unload();
  void set_paused(bool paused);  // nobody waits for the frames of a paused stream

  // ---- stream
  void set_flushing(bool flushing);  // FLUSH_START, FLUSH_STOP
  void begin_stream();               // STREAM_START
  void end_stream();                 // EOS
  void set_video_info(const GstVideoInfo& info) { info_ = info; }
  GstFlowReturn process(GstBuffer* buffer);

  /// This element's share of the latency: batch-timeout, a batch that is running, and one's own. 0
  /// without a plan.
  GstClockTime latency() const;

 private:
  GstElement* element() const { return GST_ELEMENT(transform_); }
  FrameSettings frame_settings() const;
  InferSettings all_settings() const;
  void update_in_background();
  void update();
  void finish_update(const InferSettings& settings, uint64_t serial);
  void take_next_model();
  void apply_flushing();
  void join_engine();
  void remark_on_setting(guint property);
  void remark_on_model(const LoadedModel& model, const std::string& dropped_labels);
  void remark_once(bool* told, const Problem& problem);
  void remark_on_time_stamps(const FrameSettings& settings);
  void remark_on_regions(GstBuffer* buffer);
  void remark_on_labels(const GstStintMeta& meta);
  void ensure_stream_id();
  bool query_live() const;
  TimePoint captured_at(GstBuffer* buffer) const;

  SkipReason infer(GstBuffer* buffer, const FrameSettings& settings, GstFlowReturn* flow);
  bool prepare_jobs(GstBuffer* buffer, const FrameSettings& settings);
  GstFlowReturn late(GstBuffer* buffer, const FrameSettings& settings, const InferResult& result);
  void attach(GstBuffer* buffer, const FrameSettings& settings, SkipReason reason);
  void announce_stats(GstClockTime now);
  void report(const FrameSettings& settings);

  GstBaseTransform* const transform_;

  InferSettings settings_;  // under the object's lock
  // Under the object's lock, too.
  std::atomic<bool> plan_is_set_{false};  // model or labels-file, by a call that is not complete
  bool labels_are_new_ = false;           // labels-file was set after the last model
  std::string dropped_labels_;            // the labels-file of the model before, until that is said
  gchar* stream_id_ = nullptr;            // GRefString; written by the streaming thread

  // Replaced by the streaming thread, or by state changes while there is none: those need no lock
  // to use them.
  mutable std::mutex model_mutex_;
  std::unique_ptr<LoadedModel> model_;
  std::unique_ptr<Batcher::Member> member_;  // of model_'s engine
  std::unique_ptr<LoadedModel> next_model_;  // takes over with the next frame
  uint64_t update_serial_ = 0;
  bool update_wanted_ = false;  // since the running update, if there is one, looked at the settings
  bool updating_ = false;
  bool running_ = false;   // between start() and stop()
  bool stopping_ = false;  // from wake() to start()
  bool flushing_ = false;
  bool paused_ = true;  // until the element plays

  // Of the streaming thread.
  GstVideoInfo info_;
  VisiblePart visible_;
  MediaTime media_time_;
  Pacer pacer_;
  QosReporter qos_;
  std::vector<FrameRegion> regions_;
  InferResult result_;
  uint64_t frame_index_ = 0;
  bool live_ = false;
  bool first_frame_ = true;
  GstClockTime last_stats_ = GST_CLOCK_TIME_NONE;
  GstClockTime last_latency_check_ = 0;
  GstClockTime reported_latency_ = 0;
  StreamStats stats_;
  uint32_t unstamped_frames_ = 0;  // in a row
  uint32_t bare_frames_ = 0;       // in a row: no region, and no sign of a network
  bool told_of_stamps_ = false, told_of_regions_ = false, told_of_labels_ = false;
};

}  // namespace stint::gst
