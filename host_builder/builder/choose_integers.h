// Which layers an INT8 plan computes on 8-bit integers: all that can, less those that cost more
// accuracy than the budget allows.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "host_builder/graph/tensor_range.h"
#include "host_builder/passes/pass.h"
#include "host_builder/quantize/samples.h"

namespace stint::builder {

/// What became of a convolution or matrix product.
struct IntegerLayer {
  std::string name;
  bool on_integers = false;
  std::string reason;  // for staying real; empty: none
  double sqnr_db = 0;  // of its result in the whole INT8 network against FP32
  double cosine = 0;
  double alone = -1;  // error of the network's outputs if this layer alone is on integers; -1:
                      // not measured
};

struct IntegerChoice {
  std::set<std::string> real_layers;  // of PassContext
  std::vector<IntegerLayer> layers;   // in the order in which they are computed
  double output_error = 0;            // relative, of the worst output; over `samples`
  std::string worst_output;
  size_t samples = 0;
};

struct IntegerOptions {
  double budget = 0;                  // largest relative error of any output; 0: none
  std::set<std::string> real_layers;  // layers that the user keeps real
  std::function<void(const std::string& what, double fraction)> progress;
};

/// `network`: physical, in FP32, right before its precision is decided; `context` has its ranges.
/// `samples`: what it was calibrated on (Samples).
/// Throws BuildError that names the layer where rounding breaks the network (no numbers, or one
/// number whatever is shown), and where the budget leaves no layer to integers.
IntegerChoice choose_integers(const Graph& network, const PassContext& context,
                              const std::filesystem::path& samples, const IntegerOptions& options);

}  // namespace stint::builder
