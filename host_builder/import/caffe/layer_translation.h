// One layer while it is translated: its bottoms, its weights and the binding of its tops.
// Everything throws Refusal with the reason and what to do; the importer adds the layer's name and
// type.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host_builder/graph/shape.h"
#include "host_builder/import/caffe/layer_list.h"
#include "host_builder/import/caffe/net_weights.h"
#include "host_builder/network/network_builder.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

/// What the layers of one net share while they are translated.
struct NetTranslation {
  NetworkBuilder& network;
  NetWeights& weights;
  const NetworkOptions& options;
  std::unordered_map<std::string, ValueId> blobs;  // by value; kNoValue: a finding says why
  std::set<std::string> inputs;
  /// What becomes an output in place of a value that the plan's decoder makes.
  std::map<std::string, std::vector<std::pair<std::string, ValueId>>> replaced;
  size_t made_up_layers = 0;  // that got random weights
  std::string decoder;        // SPEC of the net's own; empty: none
};

class LayerTranslation {
 public:
  /// Every bottom must be known.
  LayerTranslation(const ListedLayer& listed, NetTranslation& net);

  const caffe::Layer& layer() const { return *listed_.layer; }
  const std::string& type() const { return layer().type(); }
  const std::string& name() const { return layer().name(); }
  NetworkBuilder& network() { return net_.network; }
  NetTranslation& net() { return net_; }
  /// `found`: what the layer is or has, and what is needed. `rest` ends the action.
  [[noreturn]] void fail(const std::string& found, Action action = kCheckNet,
                         const std::string& rest = {}) const {
    throw Refusal(found, action, rest);
  }

  // Bottoms.
  size_t bottom_count() const { return bottoms_.size(); }
  void require_bottoms(size_t least, size_t most) const;
  ValueId in(size_t i) const { return bottoms_.at(i); }
  const std::vector<ValueId>& all_bottoms() const { return bottoms_; }
  const Shape& shape(size_t i) const { return net_.network.graph().value(in(i)).shape; }
  size_t rank(size_t i) const { return shape(i).size(); }
  const std::string& bottom_name(size_t i) const { return listed_.bottoms.at(i); }
  /// An axis of bottom 0; negative ones count from the end.
  size_t axis(int64_t value) const;

  // Weights. Those that a layer has are asked for in their order.
  void expect_blobs(size_t count);
  std::vector<float> numbers(size_t index, const Shape& shape, const MadeUp& made_up);
  ValueId blob(size_t index, const Shape& shape, const MadeUp& made_up);

  // Tops.
  size_t top_count() const { return listed_.tops.size(); }
  void require_tops(size_t least, size_t most) const;
  const std::string& top_name(size_t i) const { return listed_.tops.at(i); }
  void bind(size_t i, ValueId value);

 private:
  const ListedLayer& listed_;
  NetTranslation& net_;
  std::vector<ValueId> bottoms_;
};

}  // namespace stint::builder
