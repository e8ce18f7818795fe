#include "host_builder/quantize/compare_networks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace stint::builder {
namespace {

using Values = std::map<std::string, std::vector<float>>;

Values run_of(ObservedRun& run, const ObservedNetwork& network, const Samples& samples, size_t at,
              const std::set<std::string>& wanted) {
  Samples::Held held;
  samples.bind(at, run.session(), held);
  Values values;
  run.run([&](size_t value, const float* x, size_t count) {
    const std::string& name = network.names()[value];
    if (wanted.count(name) != 0) values[name].assign(x, x + count);
  });
  return values;
}

void add(ValueError& error, const std::vector<float>& exact, const std::vector<float>& rounded) {
  for (size_t i = 0; i < exact.size(); ++i) {
    const double want = exact[i], got = rounded[i];
    if (!std::isfinite(got) && std::isfinite(want)) error.is_finite = false;
    error.is_constant = error.is_constant && got == rounded.front();
    error.was_constant = error.was_constant && want == exact.front();
    if (!std::isfinite(got) || !std::isfinite(want)) continue;
    error.signal += want * want;
    error.noise += (got - want) * (got - want);
    error.product += got * want;
    error.power += got * got;
  }
}

}  // namespace

double ValueError::relative() const {
  if (noise == 0) return 0;
  return signal > 0 ? std::sqrt(noise / signal) : std::numeric_limits<double>::infinity();
}

double ValueError::sqnr_db() const {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return signal > 0 ? 10 * std::log10(signal / noise) : -std::numeric_limits<double>::infinity();
}

double ValueError::cosine() const {
  if (signal == 0 && power == 0) return 1;
  return signal > 0 && power > 0 ? product / std::sqrt(signal * power) : 0;
}

NetworkComparison::NetworkComparison(const ObservedNetwork& exact, const Samples& samples,
                                     std::vector<std::string> values)
    : samples_(samples), values_(std::move(values)) {
  const size_t count = std::min(samples.runs(), kComparedRuns);
  for (size_t i = 0; i < count; ++i) runs_.push_back(i * samples.runs() / count);
  const std::set<std::string> wanted(values_.begin(), values_.end());
  ObservedRun run(exact);
  for (const size_t at : runs_) exact_.push_back(run_of(run, exact, samples, at, wanted));
}

NetworkErrors NetworkComparison::errors(const ObservedNetwork& rounded) const {
  const std::set<std::string> wanted(values_.begin(), values_.end());
  NetworkErrors errors;
  ObservedRun run(rounded);
  for (size_t i = 0; i < runs_.size(); ++i) {
    const Values got = run_of(run, rounded, samples_, runs_[i], wanted);
    for (const auto& [name, want] : exact_[i]) {
      const auto found = got.find(name);
      if (found != got.end() && found->second.size() == want.size())
        add(errors[name], want, found->second);
    }
  }
  return errors;
}

}  // namespace stint::builder
