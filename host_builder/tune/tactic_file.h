// Measured and pinned tactics as a file: an input of the build, readable, canonical, mergeable.
//
// JSON, keys sorted, one record per layer:
//   {"format": "stint-tactics", "version": 1, "records": {"<key>": {
//     "layer": ..., "environment": ...,                 what the key is the SHA-256 of
//     "device": {"name": ..., "sm": 90, "driver": 13000},
//     "candidates": [{"tactic": ..., "us": 3.2}, ...],  fastest first
//     "chosen": "conv_gemm 64x64x32 s4",
//     "decided": "isolated" | "in-graph",
//     "provenance": "measured-on-target" | "pinned"}}}
// To pin a tactic, write its name as "chosen" and "pinned" as "provenance".
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace stint::builder {

struct TacticDevice {
  std::string name;
  uint32_t sm = 0;
  uint32_t driver = 0;  // CUDA version it supports, e.g. 13000
  bool operator==(const TacticDevice&) const = default;
};

struct TacticTime {
  std::string tactic;
  double us = 0;  // median per launch, in a chain of the same launch; whole nanoseconds
  bool operator==(const TacticTime&) const = default;
};

struct TacticRecord {
  std::string layer;
  std::string environment;
  TacticDevice device;
  std::vector<TacticTime> candidates;  // fastest first (sort)
  std::string chosen;
  bool in_graph = false;  // chosen by the time of whole programs, not of its own
  bool pinned = false;    // by the user; otherwise measured on the target

  /// Of the chosen tactic; 0 if it was not timed.
  double chosen_us() const;
  /// Candidates by time, equal ones by name.
  void sort();
  bool operator==(const TacticRecord&) const = default;
};

struct TacticFile {
  std::map<std::string, TacticRecord> records;  // by key
};

/// Throws BuildError that names `name` and the line or record.
TacticFile parse_tactics(const std::string& text, const std::string& name);

/// Throws BuildError also for a file that is missing, no file, or too large.
TacticFile read_tactics(const std::filesystem::path& path);

/// Same records, same text.
std::string tactics_text(const TacticFile& file);

/// Atomically. Throws BuildError.
void write_tactics(const std::filesystem::path& path, const TacticFile& file);

/// Takes over records. A pinned choice stays over measured ones. Times of one device and driver are
/// united and the choice of `from` holds; times of another driver are replaced as a whole. Throws
/// BuildError for measurements of different devices and for different pins of one layer.
void merge_tactics(TacticFile& into, const TacticFile& from);

}  // namespace stint::builder
