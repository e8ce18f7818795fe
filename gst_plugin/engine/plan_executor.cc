#include "gst_plugin/engine/plan_executor.h"

#include <sched.h>

#include <algorithm>

#include "gst_plugin/engine/file_identity.h"
#include "gst_plugin/engine/plan_advice.h"
#include "plan_schema/types.h"

namespace stint::gst {
namespace {

// Room on a CUDA device for each frame of a batch: NV12 of 4096 x 2176, or RGBA of 1920 x 1080.
constexpr uint64_t kFrameBytes = uint64_t{4096} * 2176 * 3 / 2;

Problem failed(const std::string& what, const stint_status& status) {
  return {Problem::Kind::kFailed, what + ": " + stint::describe(status),
          std::to_string(status.found), std::to_string(status.needed), ""};
}

/// The plan could not be opened: says so in terms of the file.
Problem refused(const std::string& path, const stint_status& status) {
  if (status.code == STINT_FILE_FAILED) {
    return unreadable_plan(path, static_cast<int>(status.found));
  }
  Problem problem{Problem::Kind::kSettings, path + ": " + stint::describe(status),
                  stint_status_name(status.code),
                  "a whole plan of format and version of this library", build_command(path)};
  const bool is_other = status.code == STINT_NOT_A_PLAN ||
                        (status.code == STINT_TRUNCATED_PLAN && kind_of_file(path) != "a plan");
  if (is_other) {
    problem.found = kind_of_file(path);
    problem.message = path + " is " + problem.found + ", not a plan";
    problem.needed = "a plan made by `stint build`";
  } else if (status.code == STINT_TRUNCATED_PLAN) {
    problem.found = std::to_string(status.found) + " bytes";
    problem.needed = std::to_string(status.needed) + " bytes";
  } else if (status.code == STINT_INCOMPATIBLE_VERSION) {
    problem.found = "format version " + std::to_string(status.found);
    problem.needed = "format version " + std::to_string(status.needed) +
                     " (stint " STINT_VERSION_STRING "; `stint --version` of the builder)";
  } else if (status.found != 0 || status.needed != 0) {
    problem.found = std::to_string(status.found);
    problem.needed = std::to_string(status.needed);
  }
  return problem;
}

/// "mask u8 [1, 513, 513]".
std::string describe_output(const stint_binding_info& info) {
  std::string text = std::string(info.name) + " " + dtype_name(static_cast<DType>(info.dtype));
  for (uint32_t i = 0; i < info.rank; ++i) {
    text += (i == 0 ? " [" : ", ") + std::to_string(info.shape[i]);
  }
  return text + (info.rank > 0 ? "]" : "");
}

uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace

Problem PlanExecutor::open(const std::string& path, const DeviceName& device, uint32_t threads,
                           std::unique_ptr<PlanExecutor>* executor) {
  std::unique_ptr<PlanExecutor> made(new PlanExecutor());
  if (const stint_status status = made->file_.open(path.c_str()); !stint::ok(status)) {
    return refused(path, status);
  }
  const stint::Plan& plan = made->file_.plan();
  made->name_ = plan.name();
  for (uint32_t i = 0; i < plan.label_count(); ++i) made->labels_.emplace_back(plan.label(i));
  if (Problem problem = made->choose_target(path, device)) return problem;
  if (Problem problem = made->check_bindings(path)) return problem;
  if (Problem problem = made->create_sessions(threads == 0 ? usable_cores() : threads)) {
    return problem;
  }
  if (Problem problem = made->warm_up()) return problem;
  *executor = std::move(made);
  return {};
}

Problem PlanExecutor::choose_target(const std::string& path, const DeviceName& device) {
  const stint::Plan& plan = file_.plan();
  TargetInfo target;
  const stint_status status = plan.choose_target(device.kind, device.ordinal, &target);
  if (!stint::ok(status)) {
    const bool is_cuda = device.kind == STINT_DEVICE_CUDA && status.found != 0;
    const std::string needed = is_cuda ? "sm_" + std::to_string(status.found) : "cpu";
    return {Problem::Kind::kSettings, path + ": the plan has no target for this device",
            target_names(plan), needed, build_beside_command(path, needed, needed)};
  }
  target_ = target.name;
  device_ = {static_cast<stint_device_kind>(target.kind), target.device};
  const stint_status listed = list_batches(plan, target.name, &sizes_);
  return stint::ok(listed) ? Problem{} : failed("the plan's batch sizes", listed);
}

Problem PlanExecutor::check_bindings(const std::string& path) {
  for (const uint32_t batch : sizes_) {
    stint::Program program;
    std::vector<BindingInfo> inputs, outputs;
    stint_status status = program.open(file_.plan(), target_.c_str(), batch);
    if (stint::ok(status)) status = list_bindings(program, &inputs, &outputs);
    if (!stint::ok(status)) return failed("the plan's inputs and outputs", status);
    if (inputs.size() != 1 || inputs[0].kind != STINT_BINDING_IMAGE) {
      return {Problem::Kind::kSettings, path + ": the plan does not take camera frames",
              std::to_string(inputs.size()) + " inputs, not exactly one image",
              "a plan with --preprocess", build_beside_command(path, "frames", "cpu")};
    }
    input_width_ = inputs[0].width;
    input_height_ = inputs[0].height;
    bool gives_detections = false;
    std::string others;
    for (const BindingInfo& info : outputs) {
      if (info.kind == STINT_BINDING_DETECTIONS) {
        gives_detections = true;
        most_detections_ = static_cast<uint32_t>(info.shape[1]);  // [batch, most, 6]
      } else {
        others += (others.empty() ? "" : ", ") + describe_output(info);
      }
    }
    if (!gives_detections) {
      return {Problem::Kind::kSettings,
              path +
                  ": the plan gives no detections or classes, which are all that stintinfer "
                  "attaches to frames (no masks, no tensors)",
              "outputs " + others,
              "a plan whose --postprocess ends in boxes or classes (yolox, topk, ...); "
              "`stint run` writes masks and tensors to files",
              build_beside_command(path, "detections", "cpu")};
    }
  }
  return {};
}

Problem PlanExecutor::create_sessions(uint32_t threads) {
  Options options;
  options.threads = threads;
  options.device = device_.ordinal;
  options.frame_bytes = kFrameBytes;
  const stint_status shared = engine_.create(file_.plan(), target_.c_str(), options);
  if (!stint::ok(shared)) return failed("the plan could not be loaded", shared);
  for (const uint32_t batch : sizes_) {
    stint::Program program;
    OwnedSession session;
    stint_status status = program.open(file_.plan(), target_.c_str(), batch);
    if (stint::ok(status)) status = session.create(engine_, program, options);
    if (!stint::ok(status)) return failed("no session could be made", status);
    sessions_.push_back(std::move(session));
  }
  return {};
}

Problem PlanExecutor::warm_up() {
  const std::vector<uint8_t> gray(size_t{input_width_} * input_height_, 114);
  Job job;
  job.image.planes[0] = gray.data();
  job.image.strides[0] = static_cast<int32_t>(input_width_);
  job.image.width = input_width_;
  job.image.height = input_height_;
  job.image.format = STINT_FORMAT_GRAY8;
  job.image.range = STINT_RANGE_FULL;
  for (const uint32_t batch : sizes_) {
    std::vector<Job> jobs(batch, job);
    std::vector<Job*> pointers;
    for (Job& each : jobs) pointers.push_back(&each);
    Nanoseconds time{0};
    // The first run touches every page for the first time; the second is what a batch will cost.
    for (int i = 0; i < 2; ++i) {
      const TimePoint start = Clock::now();
      if (Problem problem = run(batch, pointers.data(), batch)) return problem;
      if (jobs[0].problem) return jobs[0].problem;
      time = Clock::now() - start;
    }
    warm_up_times_.push_back(time);
  }
  return {};
}

uint64_t PlanExecutor::session_bytes() const {
  uint64_t bytes = engine_.blocks().bytes();
  for (const OwnedSession& session : sessions_) bytes += session.blocks().bytes();
  return bytes;
}

Problem PlanExecutor::run(uint32_t batch, Job* const* jobs, uint32_t count) {
  const auto size = std::find(sizes_.begin(), sizes_.end(), batch);
  if (size == sizes_.end() || count == 0 || count > batch) {
    return {Problem::Kind::kFailed, "the plan has no such batch size", std::to_string(batch),
            std::to_string(sizes_.back()), ""};
  }
  stint::Session& session = sessions_[static_cast<size_t>(size - sizes_.begin())].session();

  // Loosest limits of the batch; each job's own are applied to its results (Limits::fits_with says
  // why that is exact).
  Limits limits = jobs[0]->limits;
  uint32_t slots = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Job& job = *jobs[i];
    job.detections.clear();
    limits.score_threshold = std::min(limits.score_threshold, job.limits.score_threshold);
    limits.max_detections = std::max(limits.max_detections, job.limits.max_detections);
    if (const stint_status status = session.bind_image(0, slots, job.image); !stint::ok(status)) {
      job.problem = failed("the frame cannot be used", status);
    } else {
      ++slots;
    }
  }
  if (slots == 0) return {};
  stint_status status = session.set_active_slots(slots);
  if (stint::ok(status)) {
    status = session.set_detection_limits(limits.score_threshold, limits.iou_threshold,
                                          limits.max_detections);
  }
  if (stint::ok(status)) status = session.run();
  if (!stint::ok(status)) return failed("the plan did not run", status);

  uint32_t slot = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Job& job = *jobs[i];
    if (job.problem) continue;
    stint::Detections found;
    status = session.detections(slot++, &found);
    if (!stint::ok(status)) {
      job.problem = failed("no detections", status);
      continue;
    }
    for (uint32_t k = 0; k < found.size(); ++k) {
      if (found[k].score < job.limits.score_threshold) continue;
      if (job.limits.max_detections > 0 && job.detections.size() >= job.limits.max_detections)
        break;
      job.detections.push_back(found[k]);
    }
  }
  return {};
}

}  // namespace stint::gst
