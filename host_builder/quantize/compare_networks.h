// How far a network whose values are rounded is from the exact one, value by value.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "host_builder/quantize/observed_network.h"
#include "host_builder/quantize/samples.h"

namespace stint::builder {

/// Sums over all samples and elements of one value.
struct ValueError {
  double signal = 0;         // exact squared
  double noise = 0;          // difference squared
  double product = 0;        // exact times rounded
  double power = 0;          // rounded squared
  bool is_finite = true;     // the rounded one
  bool is_constant = true;   // one number everywhere, in all samples
  bool was_constant = true;  // the exact one

  /// sqrt(noise / signal); 0 where nothing differs.
  double relative() const;
  /// Signal to quantisation noise, dB; infinite where nothing differs.
  double sqnr_db() const;
  /// Of the angle between both; 1 where both are zero.
  double cosine() const;
};

/// By name; of names that both networks have.
using NetworkErrors = std::map<std::string, ValueError>;

/// Samples that are compared: enough to see what is broken, few enough to search with.
inline constexpr size_t kComparedRuns = 8;

/// `values`: names of those that are wanted. Runs both networks on up to kComparedRuns runs, spread
/// evenly over the samples. Throws BuildError for samples that cannot be read.
class NetworkComparison {
 public:
  NetworkComparison(const ObservedNetwork& exact, const Samples& samples,
                    std::vector<std::string> values);
  NetworkErrors errors(const ObservedNetwork& rounded) const;
  size_t runs() const { return runs_.size(); }

 private:
  const Samples& samples_;
  std::vector<std::string> values_;
  std::vector<size_t> runs_;
  std::vector<std::map<std::string, std::vector<float>>> exact_;  // by run
};

}  // namespace stint::builder
