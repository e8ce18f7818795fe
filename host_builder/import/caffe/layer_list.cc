#include "host_builder/import/caffe/layer_list.h"

#include <algorithm>
#include <map>
#include <set>

#include "host_builder/import/caffe/training_layers.h"

namespace stint::builder {
namespace {

/// Between a blob's name and the number of one of its earlier values.
constexpr char kEarlier = '\n';

bool meets(const caffe::NetStateRule& rule, const caffe::NetState& state) {
  const auto has = [&](const std::string& stage) {
    return std::find(state.stage().begin(), state.stage().end(), stage) != state.stage().end();
  };
  if (rule.has_phase() && rule.phase() != caffe::TEST) return false;
  if (rule.has_min_level() && state.level() < rule.min_level()) return false;
  if (rule.has_max_level() && state.level() > rule.max_level()) return false;
  return std::all_of(rule.stage().begin(), rule.stage().end(), has) &&
         std::none_of(rule.not_stage().begin(), rule.not_stage().end(), has);
}

bool is_included(const caffe::Layer& layer, const caffe::NetState& state) {
  const auto met = [&](const caffe::NetStateRule& rule) { return meets(rule, state); };
  if (layer.include_size() == 0)
    return std::none_of(layer.exclude().begin(), layer.exclude().end(), met);
  if (layer.exclude_size() > 0) {
    throw Refusal("has both include and exclude rules",
                  "keep one kind of rule: include says where it is, exclude where it is not");
  }
  return std::any_of(layer.include().begin(), layer.include().end(), met);
}

/// Blobs while the layers are gone through in their order.
class Wiring {
 public:
  Wiring(const NetText& text, NetworkBuilder& network) : text_(text), network_(network) {}

  LayerList run() {
    for (const std::string& name : text_.net.input()) {
      if (blobs_.count(name) != 0) {
        network_.findings().add("input '" + name + "'",
                                Refusal("is listed twice", "name each input once"));
        continue;
      }
      list_.inputs.push_back(define(name));
    }
    for (int i = 0; i < text_.net.layer_size(); ++i) {
      const caffe::Layer& layer = text_.net.layer(i);
      network_.findings().attempt(where_of(layer), [&] {
        if (is_included(layer, text_.net.state())) add(layer, static_cast<size_t>(i));
      });
    }
    finish();
    return std::move(list_);
  }

 private:
  struct Blob {
    size_t values = 0;  // so far
    bool read = false;  // its last value
    size_t order = 0;   // of who made it last
  };

  static std::string earlier(const std::string& name, size_t index) {
    return name + kEarlier + std::to_string(index);
  }

  /// A new value of the blob. All values are called earlier ones until the last is known.
  std::string define(const std::string& name) {
    if (name.empty() || !is_blob_name(name))
      throw Refusal("a blob has an empty name, or a line break in it", "name its tops");
    Blob& blob = blobs_[name];
    blob.read = false;
    blob.order = next_order_++;
    return earlier(name, blob.values++);
  }

  void add(const caffe::Layer& layer, size_t index) {
    if (is_of_training(layer.type())) {
      network_.note(where_of(layer) + " is for training and left out");
      return;
    }
    ListedLayer listed;
    listed.layer = &layer;
    listed.unknown = text_.unknown_of_layer.at(index);
    for (const std::string& bottom : layer.bottom()) {
      const auto found = blobs_.find(bottom);
      if (found == blobs_.end()) {
        for (const std::string& top : layer.top()) define(top);  // its readers are not to blame
        throw Refusal("reads '" + bottom + "', which no layer before it computes at inference",
                      "add that layer or an input of this name, or remove this one");
      }
      found->second.read = true;
      listed.bottoms.push_back(earlier(bottom, found->second.values - 1));
    }
    if (only_consumes(layer.type())) return;
    const int tops =
        reads_data_set(layer.type()) ? std::min(layer.top_size(), 1) : layer.top_size();
    std::set<std::string> own;
    for (int i = 0; i < tops; ++i) {
      const std::string& top = layer.top(i);
      const bool in_place =
          std::find(layer.bottom().begin(), layer.bottom().end(), top) != layer.bottom().end();
      if ((blobs_.count(top) != 0 && !in_place) || !own.insert(top).second)
        throw Refusal("computes '" + top + "', which another layer computes too",
                      "name the tops of different layers differently");
      listed.tops.push_back(define(top));
    }
    list_.layers.push_back(std::move(listed));
  }

  /// The last value of every blob gets its name; those that nobody reads are the outputs.
  void finish() {
    const auto rename = [&](std::string& name) {
      const size_t mark = name.rfind(kEarlier);
      const std::string blob = name.substr(0, mark);
      if (name == earlier(blob, blobs_.at(blob).values - 1)) name = blob;
    };
    for (std::string& input : list_.inputs) rename(input);
    for (ListedLayer& listed : list_.layers) {
      for (std::string& bottom : listed.bottoms) rename(bottom);
      for (std::string& top : listed.tops) rename(top);
    }
    std::map<size_t, std::string> unread;
    for (const auto& [name, blob] : blobs_)
      if (!blob.read) unread.emplace(blob.order, name);
    for (const auto& [order, name] : unread) list_.outputs.push_back(name);
  }

  const NetText& text_;
  NetworkBuilder& network_;
  LayerList list_;
  std::map<std::string, Blob> blobs_;
  size_t next_order_ = 0;
};

}  // namespace

std::string where_of(const caffe::Layer& layer) {
  return "layer '" + layer.name() + "' (" + layer.type() + ")";
}

bool is_blob_name(const std::string& name) { return name.find(kEarlier) == std::string::npos; }

std::string blob_of(const std::string& value) { return value.substr(0, value.find(kEarlier)); }

LayerList list_layers(const NetText& text, NetworkBuilder& network) {
  return Wiring(text, network).run();
}

}  // namespace stint::builder
