// What the choice of a tactic depends on, as text for people and as a hash for files.
#pragma once

#include <string>

#include "host_builder/graph/graph.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

struct TacticKey {
  std::string layer;        // operation, operands, attributes, epilogue
  std::string environment;  // machine, compiler, kernel sources
  std::string hash;         // SHA-256 of both, 64 hexadecimal digits

  bool operator<(const TacticKey& other) const { return hash < other.hash; }
};

/// "Conv(f16[1,56,56,64], f32[64,3,3,64] constant, ...) -> f16[1,56,56,64] {kernel=3,3 act=relu}".
/// Neither names nor the constants' values are in it. An operand with gaps is "strided", with the
/// alignment in bytes that a vector access may rely on (at most 16).
std::string layer_text(const Graph& graph, const Node& node);

/// "sm_90 features=sm_90 pdl=1 ...": everything but the layer. The same for all layers of a target.
std::string tactic_environment(const Target& target);

/// The hash of a layer in an environment.
std::string tactic_hash(const std::string& layer, const std::string& environment);

TacticKey tactic_key(const Graph& graph, const Node& node, const std::string& environment);

}  // namespace stint::builder
