#include "gst_plugin/engine/batcher.h"

#include <algorithm>
#include <utility>

namespace stint::gst {

/// One frame of one stream on its way. Everything but the jobs and the hold is guarded by the
/// batcher's mutex; the jobs belong to the batcher's thread while they run and to the stream
/// otherwise.
struct Batcher::Request {
  std::vector<Job> jobs;
  std::unique_ptr<FrameHold> hold;
  Submission submission;
  TimePoint arrived;
  TimePoint late_at;
  TimePoint deadline;  // for the order only
  uint64_t arrival = 0;
  size_t launched = 0;
  size_t completed = 0;
  bool done = false;
  bool abandoned = false;  // the stream went away while jobs were running
  Problem problem;
  TimePoint first_launch;
  TimePoint finished;
  uint32_t batch_fill = 0;
  std::condition_variable changed;

  bool running() const { return launched > completed; }
};

Batcher::Batcher(Executor& executor, Nanoseconds watchdog, TimeSource& time)
    : executor_(executor),
      sizes_(executor.batch_sizes()),
      watchdog_(watchdog),
      time_(time),
      service_(sizes_.size(), Nanoseconds{0}) {
  stats_.fill.resize(sizes_.back() + 1);
  picks_.reserve(sizes_.back());
  jobs_.reserve(sizes_.back());
  running_.reserve(sizes_.back());
  thread_ = std::thread(&Batcher::loop, this);
}

Batcher::~Batcher() {
  shutdown();
  thread_.join();
}

void Batcher::shutdown() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  time_.notify_all(work_);
  for (Member* member : members_) time_.notify_all(member->request_->changed);
}

std::unique_ptr<Batcher::Member> Batcher::join() {
  std::unique_ptr<Member> member(new Member(*this));
  std::lock_guard lock(mutex_);
  const auto taken = [&](uint32_t ordinal) {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const Member* other) { return other->ordinal_ == ordinal; });
  };
  while (taken(member->ordinal_)) ++member->ordinal_;
  members_.push_back(member.get());
  return member;
}

BatcherStats Batcher::stats() const {
  std::lock_guard lock(mutex_);
  BatcherStats copy = stats_;
  copy.members = static_cast<uint32_t>(members_.size());
  copy.uptime_ns = static_cast<uint64_t>(Nanoseconds(time_.now() - started_).count());
  return copy;
}

uint32_t Batcher::members() const {
  std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(members_.size());
}

uint32_t Batcher::smallest_fitting(uint32_t jobs) const {
  const auto it = std::lower_bound(sizes_.begin(), sizes_.end(), jobs);
  return it == sizes_.end() ? sizes_.back() : *it;
}

uint32_t Batcher::best_batch(uint32_t jobs) const {
  constexpr double kClearlyFaster = 1.1;       // below this it may be noise
  constexpr uint64_t kMeasureAgainAfter = 64;  // batches; a bad first impression must not stay
  const uint32_t fitting = smallest_fitting(jobs);
  const auto jobs_per_ns = [&](uint32_t batch) {
    const auto service = service_[size_index(batch)].count();
    return service > 0 ? double(std::min(jobs, batch)) / double(service) : 0.0;
  };
  double best = jobs_per_ns(fitting) * kClearlyFaster;
  if (best == 0 || stats_.batches % kMeasureAgainAfter == 0) return fitting;
  uint32_t choice = fitting;
  for (const uint32_t size : sizes_) {
    if (size >= fitting) break;
    if (jobs_per_ns(size) > best) {
      best = jobs_per_ns(size);
      choice = size;
    }
  }
  return choice;
}

size_t Batcher::size_index(uint32_t batch) const {
  return static_cast<size_t>(std::lower_bound(sizes_.begin(), sizes_.end(), batch) -
                             sizes_.begin());
}

Nanoseconds Batcher::service_time(uint32_t jobs) const {
  const uint32_t batch = smallest_fitting(jobs);
  std::lock_guard lock(mutex_);
  if (service_[size_index(batch)].count() > 0) return service_[size_index(batch)];
  for (size_t i = 0; i < sizes_.size(); ++i) {
    if (service_[i].count() > 0) return service_[i] * batch / sizes_[i];
  }
  return Nanoseconds{0};
}

void Batcher::seed_service_time(uint32_t batch, Nanoseconds time) {
  std::lock_guard lock(mutex_);
  const size_t i = size_index(batch);
  if (i < service_.size()) service_[i] = time;
}

// ---- the batcher's thread

/// Whether a frame of this stream could still join the batch that is being formed.
bool Batcher::is_company(const Member& member) const {
  if (member.flushing_ || member.paused_) return false;
  return std::none_of(queue_.begin(), queue_.end(),
                      [&](const auto& request) { return request == member.request_; });
}

/// When a batch should start if the device stays free and nothing else arrives.
TimePoint Batcher::launch_at(TimePoint now) const {
  size_t jobs = 0;
  size_t limit = sizes_.back();
  TimePoint at = TimePoint::max();
  for (const auto& request : queue_) {
    jobs += request->jobs.size() - request->launched;
    if (request->submission.max_batch > 0) {
      limit = std::min<size_t>(limit, request->submission.max_batch);
    }
    at = std::min(at, request->arrived + request->submission.batch_timeout);
  }
  if (jobs >= limit || at <= now) return now;
  TimePoint until = now;
  size_t coming = 0;
  for (const Member* member : members_) {
    if (!is_company(*member)) continue;
    const TimePoint worth = member->rhythm_.worth_waiting(now, at);
    if (worth <= now) continue;
    until = std::max(until, worth);
    ++coming;
  }
  // All of them together would still run in batches no larger than what is here.
  if (best_batch(static_cast<uint32_t>(std::min(jobs + coming, limit))) <= jobs) return now;
  return until;
}

/// A stream that never sent two frames has no rhythm yet: it is waited for once.
void Batcher::note_wait_in_vain(TimePoint now) {
  const bool waited = std::any_of(queue_.begin(), queue_.end(), [&](const auto& request) {
    return request->submission.batch_timeout.count() > 0 &&
           request->arrived + request->submission.batch_timeout <= now;
  });
  if (!waited) return;
  for (Member* member : members_) {
    if (is_company(*member)) member->rhythm_.waited_in_vain();
  }
}

/// Returns false on shutdown.
bool Batcher::wait_for_launch(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    if (queue_.empty()) {
      time_.wait_until(work_, lock, TimePoint::max());
      continue;
    }
    const TimePoint now = time_.now();
    const TimePoint at = launch_at(now);
    if (at <= now) {
      note_wait_in_vain(now);
      return true;
    }
    time_.wait_until(work_, lock, at);
  }
  return false;
}

void Batcher::take_job(Request& request, TimePoint now) {
  if (request.launched == 0) request.first_launch = now;
  picks_.push_back({&request, &request.jobs[request.launched]});
  jobs_.push_back(&request.jobs[request.launched]);
  ++request.launched;
}

/// Moves the jobs of the next batch into picks_ and jobs_, and their requests into running_.
void Batcher::select(TimePoint now) {
  picks_.clear();
  jobs_.clear();
  order_.clear();
  for (const auto& request : queue_) {
    // A late frame is left for its own thread, which is about to withdraw it.
    if (request->launched > 0 || now < request->late_at) order_.push_back(request.get());
  }
  std::sort(order_.begin(), order_.end(), [](const Request* a, const Request* b) {
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->arrival < b->arrival;
  });
  size_t waiting = 0;
  for (const Request* request : order_) waiting += request->jobs.size() - request->launched;
  if (waiting == 0) return;
  size_t limit = best_batch(static_cast<uint32_t>(std::min<size_t>(waiting, sizes_.back())));
  const Limits* limits = nullptr;
  const auto admit = [&](Request& request) {
    const size_t own = request.submission.max_batch > 0 ? request.submission.max_batch : limit;
    const Job& job = request.jobs[request.launched];
    if (picks_.size() >= std::min(limit, own)) return false;
    if (limits && !limits->fits_with(job.limits)) return false;
    limits = &job.limits;
    limit = std::min(limit, own);
    take_job(request, now);
    return true;
  };
  for (Request* request : order_) admit(*request);
  for (Request* request : order_) {
    while (request->launched > 0 && request->launched < request->jobs.size() && admit(*request)) {
    }
  }
  for (const auto& request : queue_) {
    if (request->running()) running_.push_back(request);
  }
  std::erase_if(queue_, [](const auto& r) { return r->launched == r->jobs.size(); });
}

void Batcher::complete(const Problem& problem, TimePoint start, TimePoint end, uint32_t batch) {
  const Nanoseconds took = end - start;
  const auto fill = static_cast<uint32_t>(picks_.size());
  ++stats_.batches;
  stats_.jobs += fill;
  stats_.failures += problem ? 1 : 0;
  ++stats_.fill[fill];
  stats_.busy_ns += static_cast<uint64_t>(took.count());
  stats_.run.add(static_cast<uint64_t>(took.count()));
  Nanoseconds& service = service_[size_index(batch)];
  service = service.count() == 0 ? took : (service * 7 + took) / 8;

  for (const Pick& pick : picks_) {
    Request& request = *pick.request;
    ++request.completed;
    request.batch_fill = fill;
    const Problem& own = problem ? problem : pick.job->problem;
    if (own && !request.problem) request.problem = own;
  }
  for (const auto& request : running_) {
    if (request->problem || request->completed == request->jobs.size()) {
      request->done = true;
      request->finished = end;
      if (request->problem) withdraw(*request);
      time_.notify_all(request->changed);
    }
  }
}

void Batcher::loop() {
  std::vector<std::shared_ptr<Request>> finished;
  finished.reserve(sizes_.back());
  std::unique_lock lock(mutex_);
  while (wait_for_launch(lock)) {
    const TimePoint start = time_.now();
    select(start);
    if (picks_.empty()) {
      // Only late frames wait; their threads withdraw them. Look again soon rather than spin.
      time_.wait_until(work_, lock, start + std::chrono::microseconds(200));
      continue;
    }
    const uint32_t batch = smallest_fitting(static_cast<uint32_t>(picks_.size()));
    lock.unlock();
    const Problem problem = executor_.run(batch, jobs_.data(), static_cast<uint32_t>(jobs_.size()));
    const TimePoint end = time_.now();
    lock.lock();
    complete(problem, start, end, batch);
    finished.swap(running_);
    for (const auto& request : finished) {
      if (!request->abandoned) continue;
      // Nobody waits for it. Letting go of the frame may call foreign code, so not under the lock.
      auto hold = std::move(request->hold);
      lock.unlock();
      hold.reset();
      lock.lock();
    }
    finished.clear();
  }
}

void Batcher::withdraw(const Request& request) {
  std::erase_if(queue_, [&](const auto& r) { return r.get() == &request; });
}

// ---- the streams' side

Batcher::Member::Member(Batcher& batcher)
    : batcher_(batcher), request_(std::make_shared<Request>()) {}

Batcher::Member::~Member() {
  std::lock_guard lock(batcher_.mutex_);
  std::erase(batcher_.members_, this);
  // Those who wait for company may have waited for this one.
  batcher_.time_.notify_all(batcher_.work_);
}

std::vector<Job>& Batcher::Member::jobs() { return request_->jobs; }

void Batcher::Member::set_flushing(bool flushing) {
  std::lock_guard lock(batcher_.mutex_);
  flushing_ = flushing;
  // At once, not when the stream's thread wakes: the others may count as complete without it, and
  // the batch that then starts must not hold a flushed frame.
  if (flushing) batcher_.withdraw(*request_);
  batcher_.time_.notify_all(request_->changed);
  batcher_.time_.notify_all(batcher_.work_);
}

void Batcher::Member::set_paused(bool paused) {
  std::lock_guard lock(batcher_.mutex_);
  if (paused_ == paused) return;
  paused_ = paused;
  if (paused) {
    rhythm_.stop();
  } else {
    rhythm_.resume();
  }
  batcher_.time_.notify_all(batcher_.work_);
}

void Batcher::Member::end() {
  std::lock_guard lock(batcher_.mutex_);
  rhythm_.stop();
  batcher_.time_.notify_all(batcher_.work_);
}

InferResult Batcher::Member::infer(const Submission& submission, std::unique_ptr<FrameHold> hold) {
  std::unique_lock lock(batcher_.mutex_);
  const std::shared_ptr<Request> current = request_;
  Request& request = *current;
  InferResult result;
  if (flushing_ || batcher_.stopping_) {
    lock.unlock();  // the hold may call foreign code
    return result;
  }

  const TimePoint now = batcher_.time_.now();
  rhythm_.arrived(now);
  request.hold = std::move(hold);
  request.submission = submission;
  // Beyond any real wait, and far from the end of the clock.
  constexpr Nanoseconds kForever = std::chrono::hours(24 * 365);
  request.submission.max_age = std::min(submission.max_age, kForever);
  request.submission.batch_timeout = std::min(submission.batch_timeout, kForever);
  request.arrived = now;
  const bool ages = submission.max_age.count() > 0;
  const TimePoint due =
      submission.captured_at + (ages ? request.submission.max_age : kDefaultHorizon);
  request.late_at = ages && !submission.infer_late ? due : TimePoint::max();
  request.deadline = due - submission.priority * kPriorityStep;
  request.arrival = batcher_.arrivals_++;
  request.launched = request.completed = 0;
  request.done = false;
  request.problem = {};
  for (Job& job : request.jobs) job.problem = {};
  batcher_.queue_.push_back(current);
  batcher_.time_.notify_all(batcher_.work_);

  // A frame that waits for company is not the device's fault.
  const TimePoint give_up = now + request.submission.batch_timeout + batcher_.watchdog_;
  while (true) {
    if (request.done) {
      result.outcome = request.problem ? Outcome::kFailed : Outcome::kDone;
      result.problem = std::move(request.problem);
      break;
    }
    if (flushing_ || batcher_.stopping_) {
      result.outcome = Outcome::kFlushing;
      break;
    }
    const TimePoint time = batcher_.time_.now();
    if (request.launched == 0 && time >= request.late_at) {
      result.outcome = Outcome::kLate;
      request.finished = time;
      break;
    }
    if (time >= give_up) {
      const auto seconds = std::chrono::duration<double>(batcher_.watchdog_).count();
      result.outcome = Outcome::kFailed;
      request.finished = time;
      result.problem = {Problem::Kind::kFailed, "the device did not answer in time",
                        "no result after " + std::to_string(seconds) + " s", "a running device",
                        ""};
      break;
    }
    batcher_.time_.wait_until(request.changed, lock,
                              request.launched == 0 ? std::min(give_up, request.late_at) : give_up);
  }

  batcher_.withdraw(request);
  if (request.running()) {
    // The device still reads the frame: leave it to the batcher's thread and go on with a fresh
    // request.
    request.abandoned = true;
    request_ = std::make_shared<Request>();
  } else {
    auto release = std::move(request.hold);
    if (result.outcome == Outcome::kDone) {
      result.wait = request.first_launch - request.arrived;
      result.run = request.finished - request.first_launch;
      result.batch_fill = request.batch_fill;
    }
    if (result.outcome != Outcome::kFlushing) {
      result.total = request.finished - request.arrived;
      result.age = request.finished - submission.captured_at;
    }
    lock.unlock();
    release.reset();
  }
  return result;
}

}  // namespace stint::gst
