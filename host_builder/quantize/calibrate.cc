#include "host_builder/quantize/calibrate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <numeric>

#include "host_builder/quantize/calibration_cache.h"
#include "host_builder/quantize/calibration_state.h"
#include "host_builder/quantize/in_parallel.h"
#include "host_builder/quantize/output_error.h"
#include "host_builder/quantize/sample_pass.h"
#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

/// Samples that `auto` compares candidates on: each costs about a run of the network for every
/// candidate.
constexpr size_t kComparedRuns = 4;

class Calibration {
 public:
  Calibration(const std::vector<std::unique_ptr<ObservedNetwork>>& networks, const Samples& samples,
              const CalibrateOptions& options)
      : networks_(networks),
        samples_(samples),
        options_(options),
        pass_(networks, samples, options.threads, result_bytes(networks)) {
    for (const auto& network : networks) {
      first_.push_back(names_.size());
      names_.insert(names_.end(), network->names().begin(), network->names().end());
    }
    state_.identity = options.identity;
    state_.extents.resize(names_.size());
  }

  CalibrateResult run() {
    resume();
    if (state_.pass == 0) {
      go_over("calibration: ranges",
              [&](auto& worker, size_t thread, size_t run) { add_extents(worker, thread, run); });
      begin_histograms();
    }
    settle_thresholds();
    return std::move(result_);
  }

 private:
  struct ThreadPart {
    std::vector<ValueExtent> extents;
    std::vector<Histogram> histograms;
  };

  static uint64_t result_bytes(const std::vector<std::unique_ptr<ObservedNetwork>>& networks) {
    uint64_t values = 0;
    for (const auto& network : networks) values += network->names().size();
    return values * (sizeof(ValueExtent) + sizeof(Histogram));
  }

  void resume() {
    auto kept = read_state(options_.state_file, options_.identity, names_.size());
    if (!kept || kept->runs > samples_.runs() || kept->sample_sums.size() != samples_.runs())
      return;
    state_ = std::move(*kept);
    result_.resumed_runs = state_.runs;
  }

  /// One pass over the samples that the state does not know yet. Blocks of them: between two blocks
  /// the threads' parts come together and the state can be kept.
  template <typename Work>
  void go_over(const std::string& name, Work work) {
    constexpr size_t kRunsOfThread = 8;
    state_.sample_sums.resize(samples_.runs());
    auto kept_at = std::chrono::steady_clock::now();
    while (state_.runs < samples_.runs()) {
      if (options_.progress)
        options_.progress(name,
                          static_cast<double>(state_.runs) / static_cast<double>(samples_.runs()));
      const size_t end =
          std::min<size_t>(samples_.runs(), state_.runs + kRunsOfThread * pass_.threads());
      std::vector<size_t> runs(end - state_.runs);
      std::iota(runs.begin(), runs.end(), state_.runs);
      parts_.assign(pass_.threads(), {std::vector<ValueExtent>(names_.size()), {}});
      for (ThreadPart& part : parts_)
        for (const Histogram& whole : state_.histograms)
          part.histograms.push_back({whole.amax, {}});
      pass_.for_each(runs, work);
      merge_parts();
      state_.runs = end;
      const auto now = std::chrono::steady_clock::now();
      if (!options_.state_file.empty() && now - kept_at > options_.between_states) {
        write_file_atomically(options_.state_file, state_bytes(state_));
        kept_at = now;
      }
    }
  }

  void merge_parts() {
    for (const ThreadPart& part : parts_) {
      for (size_t v = 0; v < part.extents.size(); ++v) state_.extents[v].merge(part.extents[v]);
      for (size_t v = 0; v < part.histograms.size(); ++v)
        state_.histograms[v].merge(part.histograms[v]);
    }
  }

  void add_extents(SampleWorker& worker, size_t thread, size_t run) {
    for (size_t n = 0; n < networks_.size(); ++n) {
      ObservedRun& observed = worker.bind(n, run);
      state_.sample_sums[run] = worker.sample_sum();
      observed.run([&](size_t value, const float* x, size_t count) {
        ValueExtent extent;
        extent.add(x, count);
        check(extent, first_[n] + value, run);
        parts_[thread].extents[first_[n] + value].merge(extent);
      });
    }
  }

  void check(const ValueExtent& extent, size_t value, size_t run) const {
    const bool is_infinite = std::isinf(extent.amax());
    if (!extent.has_nan && (!is_infinite || options_.infinite_is_meant)) return;
    throw BuildError("calibration: the tensor '" + names_[value] + "' holds " +
                     (extent.has_nan ? "a NaN" : "an infinite number") + " on " +
                     samples_.describe(run) +
                     ", which no 8-bit integer stands for; check the sample and the model's frame "
                     "conversion (mean and scale), or build with --precision fp32");
  }

  bool has_histogram(size_t value) const {
    const float amax = state_.extents[value].amax();
    return amax >= kLeastAmax && std::isfinite(amax);
  }

  void begin_histograms() {
    state_.pass = 1;
    state_.runs = 0;
    state_.histograms.assign(names_.size(), {});
    for (size_t v = 0; v < names_.size(); ++v)
      if (has_histogram(v)) state_.histograms[v].amax = state_.extents[v].amax();
  }

  void add_histograms(SampleWorker& worker, size_t thread, size_t run) {
    for (size_t n = 0; n < networks_.size(); ++n) {
      worker.bind(n, run).run([&](size_t value, const float* x, size_t count) {
        if (has_histogram(first_[n] + value))
          parts_[thread].histograms[first_[n] + value].add(x, count);
      });
    }
  }

  void settle_thresholds() {
    if (options_.calibrator != Calibrator::kMinMax) {
      go_over("calibration: histograms", [&](auto& worker, size_t thread, size_t run) {
        add_histograms(worker, thread, run);
      });
    }
    const std::vector<float> thresholds =
        options_.calibrator == Calibrator::kAuto ? best_thresholds() : own_thresholds();
    for (size_t v = 0; v < names_.size(); ++v) {
      const ValueExtent& extent = state_.extents[v];
      if (std::isinf(extent.amax())) {
        ++result_.infinite_tensors;
        continue;
      }
      result_.ranges[names_[v]] = {extent.low, extent.high, thresholds[v]};
      result_.order.push_back(names_[v]);
    }
  }

  std::vector<float> own_thresholds() const {
    std::vector<float> thresholds(names_.size(), kZeroThreshold);
    in_parallel(pass_.threads(), names_.size(), [&](size_t, size_t v) {
      if (has_histogram(v))
        thresholds[v] =
            threshold_of(options_.calibrator, state_.histograms[v], options_.percentile);
    });
    return thresholds;
  }

  /// Distinct thresholds of all calibrators, the largest first.
  std::vector<float> candidates_of(size_t value) const {
    if (!has_histogram(value)) return {kZeroThreshold};
    std::vector<float> candidates;
    for (const Calibrator calibrator : kCalibrators)
      if (calibrator != Calibrator::kAuto)
        candidates.push_back(
            threshold_of(calibrator, state_.histograms[value], options_.percentile));
    std::sort(candidates.begin(), candidates.end(), std::greater<>());
    candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
    return candidates;
  }

  /// Those whose checksums are least: the same ones in whatever order they come.
  std::vector<size_t> compared_runs() const {
    std::vector<size_t> runs(samples_.runs());
    std::iota(runs.begin(), runs.end(), size_t{0});
    const size_t count = std::min(kComparedRuns, runs.size());
    std::partial_sort(
        runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(count), runs.end(),
        [&](size_t a, size_t b) { return state_.sample_sums[a] < state_.sample_sums[b]; });
    runs.resize(count);
    return runs;
  }

  std::vector<float> best_thresholds() {
    const std::string name = "calibration: comparing calibrators";
    if (options_.progress) options_.progress(name, 0.0);
    std::vector<std::vector<std::vector<float>>> candidates;  // by network and value
    std::vector<OutputErrors> errors;
    for (size_t n = 0; n < networks_.size(); ++n) {
      candidates.emplace_back(networks_[n]->names().size());
      in_parallel(pass_.threads(), candidates[n].size(),
                  [&](size_t, size_t v) { candidates[n][v] = candidates_of(first_[n] + v); });
      errors.emplace_back();
      for (const auto& of_value : candidates.back()) errors.back().emplace_back(of_value.size());
    }
    std::mutex mutex;
    pass_.for_each(compared_runs(), [&](SampleWorker& worker, size_t, size_t run) {
      for (size_t n = 0; n < networks_.size(); ++n) {
        const OutputErrors more = output_errors(*networks_[n], worker.bind(n, run), candidates[n]);
        const std::lock_guard lock(mutex);
        for (size_t v = 0; v < more.size(); ++v)
          for (size_t c = 0; c < more[v].size(); ++c) errors[n][v][c] += more[v][c];
      }
    });
    std::vector<float> best;
    for (size_t n = 0; n < networks_.size(); ++n) {
      for (size_t v = 0; v < errors[n].size(); ++v) {
        const auto least = std::min_element(errors[n][v].begin(), errors[n][v].end());
        best.push_back(candidates[n][v][static_cast<size_t>(least - errors[n][v].begin())]);
      }
    }
    return best;
  }

  const std::vector<std::unique_ptr<ObservedNetwork>>& networks_;
  const Samples& samples_;
  const CalibrateOptions& options_;
  SamplePass pass_;
  std::vector<std::string> names_;  // of all networks, one behind the other
  std::vector<size_t> first_;       // of each network
  CalibrationState state_;
  std::vector<ThreadPart> parts_;
  CalibrateResult result_;
};

}  // namespace

CalibrateResult calibrate(const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
                          const Samples& samples, const CalibrateOptions& options) {
  return Calibration(networks, samples, options).run();
}

}  // namespace stint::builder
