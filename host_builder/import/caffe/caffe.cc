#include "host_builder/import/caffe/caffe.h"

#include <algorithm>
#include <string>
#include <utility>

#include "host_builder/import/caffe/layer_list.h"
#include "host_builder/import/caffe/layer_translation.h"
#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/import/caffe/net_input.h"
#include "host_builder/import/caffe/net_text.h"
#include "host_builder/import/caffe/net_weights.h"
#include "host_builder/network/cut.h"
#include "host_builder/network/network_builder.h"

namespace stint::builder {
namespace {

class Importer {
 public:
  Importer(const NetText& text, NetWeights& weights, const ImportOptions& options)
      : text_(text),
        options_(options),
        network_(options, {"the Caffe net cannot be built:", kCheckNet, ""}),
        net_{network_, weights, options, {}, {}, {}, 0, {}} {}

  Graph run() {
    network_.set_name(text_.net.name());
    check_fields("the net", text_.unknown_of_net);
    LayerList list = list_layers(text_, network_);
    reserve_names(list);
    cut(list);
    declare_net_inputs(net_, text_.net, list.inputs);
    // A batch is followed from all inputs together.
    for (const ListedLayer& listed : list.layers)
      if (listed.bottoms.empty()) translate(listed);
    for (const ListedLayer& listed : list.layers)
      if (!listed.bottoms.empty()) translate(listed);
    for (const std::string& output : list.outputs) mark_output(output);
    Graph graph = network_.finish();
    tell_of_weights();
    if (!net_.decoder.empty() && options_.own_decoder != nullptr)
      *options_.own_decoder = net_.decoder;
    return graph;
  }

 private:
  void check_fields(const std::string& where, const std::vector<UnknownField>& fields) {
    for (const UnknownField& field : fields) {
      network_.findings().add(
          where, Refusal("has a field '" + field.name + "' (line " + std::to_string(field.line) +
                             "), which is not known",
                         "remove it from the prototxt if inference does not need it"));
    }
  }

  void reserve_names(const LayerList& list) {
    for (const std::string& input : list.inputs) network_.reserve(blob_of(input));
    for (const ListedLayer& listed : list.layers)
      for (const std::string& top : listed.tops) network_.reserve(blob_of(top));
  }

  /// Ends the net at the values that a decoder reads instead of what follows.
  void cut(LayerList& list) {
    std::vector<CutNode> nodes;
    for (const ListedLayer& listed : list.layers) nodes.push_back({listed.bottoms, listed.tops});
    const auto cut = cut_at(nodes, list.outputs, options_.cut_at);
    if (!cut) return;
    list.outputs = cut->kept;
    list.outputs.insert(list.outputs.end(), cut->added.begin(), cut->added.end());
    size_t count = 0;
    for (size_t i = 0; i < list.layers.size(); ++i)
      if (cut->needed[i]) std::swap(list.layers[count++], list.layers[i]);
    list.layers.resize(count);
  }

  void translate(const ListedLayer& listed) {
    const std::string where = where_of(*listed.layer);
    network_.findings().attempt(where, [&] {
      const LayerEntry& entry = find_layer(*listed.layer);
      check_fields(where, listed.unknown);
      if (!bottoms_known(listed)) return;
      network_.begin_node(listed.layer->name().empty() ? listed.layer->type()
                                                       : listed.layer->name());
      LayerTranslation translation(listed, net_);
      entry.translate(translation);
    });
    // Readers of tops that failed are looked at too, as far as that is possible without knowing
    // them.
    for (const std::string& top : listed.tops) net_.blobs.emplace(top, kNoValue);
  }

  /// False if a bottom is the top of a layer that could not be translated: nothing more can be said
  /// here.
  bool bottoms_known(const ListedLayer& listed) const {
    bool known = true;
    for (const std::string& bottom : listed.bottoms) {
      if (net_.replaced.count(bottom) != 0) {
        throw Refusal("reads '" + blob_of(bottom) +
                          "', whose number of boxes is known only at run "
                          "time",
                      "remove it from the prototxt: the plan's decoder stands there");
      }
      const auto found = net_.blobs.find(bottom);
      known = known && found != net_.blobs.end() && found->second != kNoValue;
    }
    return known;
  }

  void mark_output(const std::string& output) {
    network_.findings().attempt("output '" + output + "'", [&] {
      if (const auto replaced = net_.replaced.find(output); replaced != net_.replaced.end()) {
        for (const auto& [name, value] : replaced->second) network_.mark_output(value, name);
        return;
      }
      const auto found = net_.blobs.find(output);
      if (found == net_.blobs.end() || found->second == kNoValue) return;  // a finding says why
      // The binding of an input that is changed in place has the name already.
      const bool taken =
          net_.inputs.count(output) != 0 && network_.graph().value(found->second).name != output;
      network_.mark_output(found->second, taken ? output + "/output" : output);
    });
  }

  void tell_of_weights() {
    if (net_.made_up_layers > 0) {
      network_.note("no weights are given: " + std::to_string(net_.made_up_layers) +
                    " layer(s) got random ones, the same for every build; the plan serves for "
                    "timing and its results mean nothing (--weights FILE gives them)");
    }
    const std::vector<std::string> unused = net_.weights.unused();
    if (unused.empty()) return;
    network_.note("the file of weights has " + std::to_string(unused.size()) +
                  " layer(s) that the net does not use, first '" + unused.front() + "'");
  }

  const NetText& text_;
  const ImportOptions& options_;
  NetworkBuilder network_;
  NetTranslation net_;
};

NetWeights weights_of(const Source& source) {
  if (source.given().size() > 2)
    throw Refusal("a Caffe net has one file of weights, " +
                      std::to_string(source.given().size() - 1) + " are given",
                  "give one --weights");
  if (source.given().size() < 2) return {};
  return NetWeights(source.given()[1].bytes);
}

Graph import_caffe(Source& source, const ImportOptions& options) {
  if (is_net_binary(source.bytes())) {
    const bool swapped = source.given().size() > 1 && is_net_text(source.given()[1].bytes);
    throw Refusal("MODEL is a caffemodel, which holds weights; its topology is text (.prototxt)",
                  swapped ? Action("give the prototxt as MODEL and the caffemodel with --weights")
                          : Action("give the net's deploy.prototxt as MODEL and this file with "
                                   "--weights"));
  }
  const NetText text = parse_net_text(source.bytes());
  NetWeights weights = weights_of(source);
  return Importer(text, weights, options).run();
}

}  // namespace

const Format kCaffeFormat = {
    "Caffe",
    [](std::span<const std::byte> bytes) { return is_net_text(bytes) || is_net_binary(bytes); },
    import_caffe,
    [](const Source&) { return std::vector<std::string>(); },
    [](Source&, const std::string& name) {
      throw FileRefusal(name, "a Caffe net names no files", "give its weights with --weights");
    },
    true,
};

}  // namespace stint::builder
