#include "host_builder/builder/check_decoder.h"

#include <cstdio>

#include "host_builder/builder/noise/noise_check.h"
#include "host_builder/builder/noise/noise_run.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {
namespace {

/// 3 s of one core with AVX-512 (90 GFLOP/s measured), about 15 s of a small one: networks up to
/// YOLOv8x are looked at.
constexpr double kMostFlops = 3e11;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string check_decoder_on_noise(const Graph& graph, const InsertedDecoder& decoder) {
  if (decoder.spec.unchecked) return {};
  const std::string head = "the decoder was not checked on a picture of noise: ";
  if (const double flops = network_flops(graph); flops > kMostFlops) {
    char text[64];
    std::snprintf(text, sizeof text, "the network is too large for it (%.0f GFLOP)", flops / 1e9);
    return head + text;
  }
  std::vector<HostTensor> operands;
  try {
    operands = run_on_noise(graph, decoder);
  } catch (const InternalError&) {
    throw;
  } catch (const BuildError& error) {
    return head + first_line(error.what());
  }
  NoiseCheck(graph, decoder, operands).run();
  return {};
}

}  // namespace stint::builder
