// Forms batches from the frames of many streams. One thread drives the executor; each stream is a
// member that hands in one frame and blocks until its own result is there, so that a stream's order
// needs no bookkeeping.
//
//   - Work-conserving: a free device with a frame waiting starts at once, unless the frame's own
//     batch_timeout allows waiting for company; while the device is busy, the next batch grows by
//     itself.
//   - Company is waited for only while it can come: not a stream that has ended, is paused or
//     flushing, or whose next frame is, by the rhythm of its last ones, due after the wait would be
//     over or long overdue; and not where a fuller batch was measured to be slower per frame.
//   - Earliest deadline first; one job per stream before any stream gets a second one.
//   - The smallest batch size of the plan that holds the jobs; a smaller one, and the rest next,
//     where that has been measured to be faster per job (a program for four costs as much with two
//     in it).
//   - No wait is unbounded, and none depends on another stream handing in a frame.
//
// Knows neither GStreamer nor the runtime.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "gst_plugin/engine/arrival_rhythm.h"
#include "gst_plugin/engine/executor.h"
#include "gst_plugin/engine/latency_histogram.h"
#include "gst_plugin/engine/time_source.h"

namespace stint::gst {

/// Keeps the pixels of a submitted frame valid. Destroyed when nobody reads them any more: before
/// infer() returns, or, if the stream was flushed while the device was reading, by the batcher's
/// thread when that run ended.
class FrameHold {
 public:
  virtual ~FrameHold() = default;
};

/// How a frame wants to be treated.
struct Submission {
  TimePoint captured_at = Clock::now();
  Nanoseconds max_age{0};   // not launched later than captured_at + max_age; 0: never too late
  bool infer_late = false;  // launch it all the same; max_age then only sets its place in the queue
  Nanoseconds batch_timeout{0};  // how long a free device may wait for more frames
  uint32_t max_batch = 0;        // 0: the largest of the plan
  int priority = 0;              // each step counts as kPriorityStep earlier
};

enum class Outcome { kDone, kLate, kFlushing, kFailed };

struct InferResult {
  Outcome outcome = Outcome::kFlushing;
  Problem problem;          // kFailed
  Nanoseconds wait{0};      // handed in -> first launch
  Nanoseconds run{0};       // first launch -> last result
  Nanoseconds total{0};     // handed in -> result
  Nanoseconds age{0};       // captured -> result
  uint32_t batch_fill = 0;  // jobs in the last batch that held one of ours
};

struct BatcherStats {
  uint64_t batches = 0;
  uint64_t jobs = 0;
  uint64_t failures = 0;
  uint64_t busy_ns = 0;  // device time
  uint64_t uptime_ns = 0;
  std::vector<uint64_t> fill;  // fill[n]: batches that held n jobs
  LatencyHistogram run;        // one batch
  uint32_t members = 0;
};

class Batcher {
 public:
  /// One step of Submission::priority. Finite, so that a low priority waits longer but never for
  /// ever.
  static constexpr Nanoseconds kPriorityStep = std::chrono::milliseconds(10);
  /// Deadline of frames without max_age.
  static constexpr Nanoseconds kDefaultHorizon = std::chrono::milliseconds(100);
  static constexpr Nanoseconds kDefaultWatchdog = std::chrono::seconds(60);

  class Member;

  /// `executor` and `time` must outlive the batcher. A frame that got no result within `watchdog`
  /// fails; the time that it may wait for company does not count.
  explicit Batcher(Executor& executor, Nanoseconds watchdog = kDefaultWatchdog,
                   TimeSource& time = TimeSource::system());
  /// Shuts down and waits for the run in progress. Members must have left.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Adds a stream. The batcher must outlive the member.
  std::unique_ptr<Member> join();

  /// From now on every infer() returns kFlushing.
  void shutdown();

  BatcherStats stats() const;

  /// Time of one run at the smallest batch size that holds `jobs`: a running mean, or scaled from
  /// another batch size while that one has not run; 0 if nothing ran yet.
  Nanoseconds service_time(uint32_t jobs) const;
  /// A measurement from outside, e.g. of a warm-up run.
  void seed_service_time(uint32_t batch, Nanoseconds time);

  uint32_t members() const;
  uint32_t largest_batch() const { return sizes_.back(); }

 private:
  struct Request;
  struct Pick {
    Request* request;
    Job* job;
  };

  void loop();
  bool wait_for_launch(std::unique_lock<std::mutex>& lock);
  TimePoint launch_at(TimePoint now) const;
  bool is_company(const Member& member) const;
  void note_wait_in_vain(TimePoint now);
  void select(TimePoint now);
  void take_job(Request& request, TimePoint now);
  void complete(const Problem& problem, TimePoint start, TimePoint end, uint32_t batch);
  void withdraw(const Request& request);
  uint32_t smallest_fitting(uint32_t jobs) const;
  uint32_t best_batch(uint32_t jobs) const;
  size_t size_index(uint32_t batch) const;

  Executor& executor_;
  const std::vector<uint32_t> sizes_;
  const Nanoseconds watchdog_;
  TimeSource& time_;
  const TimePoint started_ = time_.now();

  mutable std::mutex mutex_;
  std::condition_variable work_;
  bool stopping_ = false;
  std::vector<Member*> members_;
  std::vector<std::shared_ptr<Request>> queue_;    // with jobs not launched yet
  std::vector<std::shared_ptr<Request>> running_;  // with jobs in the batch being run
  std::vector<Request*> order_;                    // scratch of select()
  std::vector<Pick> picks_;
  std::vector<Job*> jobs_;
  uint64_t arrivals_ = 0;
  BatcherStats stats_;
  std::vector<Nanoseconds> service_;  // per size; 0: never ran

  std::thread thread_;
};

/// A stream's side. infer() belongs to the stream's thread; set_flushing() may come from any.
class Batcher::Member {
 public:
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  /// Smallest number that no other member had when this one joined: staggers streams that do the
  /// same thing every n frames.
  uint32_t ordinal() const { return ordinal_; }

  /// The jobs of the next frame, to be filled in before infer() and read after it. Kept between
  /// frames.
  std::vector<Job>& jobs();

  /// Hands in jobs() (at least one) and blocks until they are done, late, flushed or failed.
  InferResult infer(const Submission& submission, std::unique_ptr<FrameHold> hold);

  /// While on, infer() returns kFlushing at once, also one that is waiting now.
  void set_flushing(bool flushing);

  /// While on, nobody waits for this stream's frames; those that come are inferred all the same. A
  /// stream starts as not paused.
  void set_paused(bool paused);

  /// The stream has come to its end: nobody waits for it unless it sends another frame.
  void end();

 private:
  friend class Batcher;
  explicit Member(Batcher& batcher);

  Batcher& batcher_;
  uint32_t ordinal_ = 0;
  // Guarded by the batcher's mutex.
  bool flushing_ = false;
  bool paused_ = false;
  ArrivalRhythm rhythm_;
  std::shared_ptr<Request> request_;
};

}  // namespace stint::gst
