// Goes over the samples with several threads, each with runs of the networks of its own.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "host_builder/quantize/observed_network.h"
#include "host_builder/quantize/samples.h"

namespace stint::builder {

/// A thread's means to run all networks on one sample after the other.
class SampleWorker {
 public:
  SampleWorker(const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
               const Samples& samples);

  /// Binds the sample to the network's run.
  ObservedRun& bind(size_t network, size_t run);
  /// Of what was bound last (Samples::bind).
  uint64_t sample_sum() const { return sum_; }
  uint64_t bytes() const;

 private:
  const Samples& samples_;
  std::vector<std::unique_ptr<ObservedRun>> runs_;
  std::vector<Samples::Held> held_;
  uint64_t sum_ = 0;
};

class SamplePass {
 public:
  /// As many threads as asked for (0: as there are processors), fewer where they would need more
  /// than 2 GiB together or there are fewer runs. `result_bytes`: what a thread finds out.
  SamplePass(const std::vector<std::unique_ptr<ObservedNetwork>>& networks, const Samples& samples,
             unsigned threads, uint64_t result_bytes);

  size_t threads() const { return workers_.size(); }
  /// Calls `work(worker, thread, run)` for every run of the list, in any order. If some throw, what
  /// the first of them in the list threw is thrown when all threads are done.
  void for_each(const std::vector<size_t>& runs,
                const std::function<void(SampleWorker&, size_t thread, size_t run)>& work);

 private:
  std::vector<std::unique_ptr<SampleWorker>> workers_;
};

}  // namespace stint::builder
