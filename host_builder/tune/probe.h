// A plan that answers one question: how long does this layer take with this tactic?
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "host_builder/codegen/compiler.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/schedule/schedule.h"

namespace stint::builder {

/// The layer, many times in a row: a chain of launches as in a network, so that what overlaps there
/// overlaps here, and long enough that starting it costs little beside it.
inline constexpr size_t kProbeCopies = 16;

struct Probe {
  Graph graph;  // owns the constants, each once
  Schedule schedule;
  uint64_t constant_bytes = 0;

  /// Of every launch.
  const std::string& source() const { return schedule.steps.front().spec.launch->source; }
};

/// Nothing if the layer cannot stand alone: it reads or undoes a camera frame, or its result has
/// gaps that no other layer fills. Throws BuildError if lowering fails.
std::optional<Probe> make_probe(const Graph& graph, const Node& node, const Target& target,
                                const Candidate& candidate, size_t copies = kProbeCopies);

/// `code` is the machine code of the probe's source.
std::vector<std::byte> probe_plan(const Probe& probe, const Target& target, const Cubin& code);

}  // namespace stint::builder
