// A topology: protobuf's text format -> messages, and what it says beyond them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "caffe/caffe.pb.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

/// Actions of many refusals.
inline constexpr Action kCheckNet = "check the layer in the prototxt";
inline constexpr Action kCheckWeights =
    "give the weights that were trained with this topology, or the topology of these weights";

struct UnknownField {
  int line = 0;  // counted from 1
  std::string name;
};

struct NetText {
  caffe::Net net;  // legacy layers are written as today's
  /// Fields that may change what a layer computes; those of training are left out.
  std::vector<std::vector<UnknownField>> unknown_of_layer;
  std::vector<UnknownField> unknown_of_net;
};

/// Whether the bytes are text that lists layers.
bool is_net_text(std::span<const std::byte> bytes);

/// Throws Refusal with the line where it cannot be read.
NetText parse_net_text(std::span<const std::byte> bytes);

}  // namespace stint::builder
