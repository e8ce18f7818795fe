#include "host_builder/quantize/sample_pass.h"

#include <algorithm>
#include <thread>

#include "host_builder/quantize/in_parallel.h"

namespace stint::builder {

SampleWorker::SampleWorker(const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
                           const Samples& samples)
    : samples_(samples), held_(networks.size()) {
  for (const auto& network : networks) runs_.push_back(std::make_unique<ObservedRun>(*network));
}

ObservedRun& SampleWorker::bind(size_t network, size_t run) {
  sum_ = samples_.bind(run, runs_[network]->session(), held_[network]);
  return *runs_[network];
}

uint64_t SampleWorker::bytes() const {
  uint64_t bytes = 0;
  for (const auto& run : runs_) bytes += run->bytes();
  return bytes;
}

SamplePass::SamplePass(const std::vector<std::unique_ptr<ObservedNetwork>>& networks,
                       const Samples& samples, unsigned threads, uint64_t result_bytes) {
  constexpr uint64_t kMostBytes = uint64_t{2} << 30;
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  workers_.push_back(std::make_unique<SampleWorker>(networks, samples));
  const uint64_t affordable =
      kMostBytes / std::max<uint64_t>(1, workers_.front()->bytes() + result_bytes);
  const uint64_t wanted =
      std::min<uint64_t>({threads, std::max<uint64_t>(1, affordable), samples.runs()});
  while (workers_.size() < wanted)
    workers_.push_back(std::make_unique<SampleWorker>(networks, samples));
}

void SamplePass::for_each(
    const std::vector<size_t>& runs,
    const std::function<void(SampleWorker&, size_t thread, size_t run)>& work) {
  in_parallel(workers_.size(), runs.size(),
              [&](size_t thread, size_t i) { work(*workers_[thread], thread, runs[i]); });
}

}  // namespace stint::builder
