#include "host_builder/builder/choose_integers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <tuple>

#include "host_builder/passes/integer_products.h"
#include "host_builder/passes/passes.h"
#include "host_builder/quantize/compare_networks.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

/// What is compared of the network's results: of decoders, the numbers that they decode.
std::vector<std::string> result_names(const Graph& graph) {
  const std::vector<bool> is_number = values_with_range(graph);
  std::set<std::string> names;
  const auto add = [&](ValueId id) {
    if (id != kNoValue && is_number[id]) names.insert(graph.value(id).name);
  };
  for (const ValueId id : graph.outputs) {
    const auto producer = graph.producer(id);
    if (is_number[id] || !producer)
      add(id);
    else
      for (const ValueId operand : graph.node(*producer).inputs) add(operand);
  }
  return {names.begin(), names.end()};
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share);
  return text;
}

class Chooser {
 public:
  Chooser(const Graph& network, const PassContext& context, const std::filesystem::path& samples,
          const IntegerOptions& options)
      : network_(network),
        context_(context),
        options_(options),
        results_(result_names(network)),
        exact_(network, {}),
        samples_(samples, exact_.inputs(), exact_.batch()),
        comparison_(exact_, samples_, compared(network)) {}

  IntegerChoice run() {
    choice_.real_layers = options_.real_layers;
    choice_.samples = comparison_.runs();
    check_names();
    NetworkErrors errors = measure(choice_.real_layers);
    refuse_broken(errors);
    if (options_.budget > 0 && worst(errors).second > options_.budget) {
      meet_budget();
      errors = measure(choice_.real_layers);
    }
    std::tie(choice_.worst_output, choice_.output_error) = worst(errors);
    list_layers(errors);
    return std::move(choice_);
  }

 private:
  /// The network's results and those of its products.
  std::vector<std::string> compared(const Graph& graph) const {
    std::set<std::string> names(results_.begin(), results_.end());
    for (const NodeId n : graph.order()) {
      const Node& node = graph.node(n);
      if (can_multiply_integers(graph, node, context_.target))
        names.insert(graph.value(node.outputs[0]).name);
    }
    return {names.begin(), names.end()};
  }

  /// Layers that calibration knows enough of, in the order in which they are computed.
  std::vector<const Node*> candidates() const {
    std::vector<const Node*> nodes;
    for (const NodeId n : network_.order()) {
      const Node& node = network_.node(n);
      if (can_multiply_integers(network_, node, context_.target) &&
          context_.ranges->count(network_.value(node.inputs[0]).name) != 0)
        nodes.push_back(&node);
    }
    return nodes;
  }

  void check_names() const {
    for (const std::string& name : options_.real_layers) {
      bool known = false;
      for (const NodeId n : network_.order()) known = known || network_.node(n).name == name;
      if (!known)
        throw UsageError("--fp32-layer " + name +
                         ": there is no layer of that name; stint inspect lists a plan's layers");
    }
  }

  NetworkErrors measure(const std::set<std::string>& real_layers) const {
    Graph rounded = network_;
    PassContext context = context_;
    context.real_layers = &real_layers;
    kInsertQuantisationPass.run(rounded, context);
    return comparison_.errors(ObservedNetwork(std::move(rounded), {}));
  }

  std::pair<std::string, double> worst(const NetworkErrors& errors) const {
    std::pair<std::string, double> result;
    for (const std::string& name : results_) {
      const auto error = errors.find(name);
      if (error == errors.end() || error->second.relative() < result.second) continue;
      result = {name, error->second.relative()};
    }
    return result;
  }

  /// Results that say nothing any more are no plan, whatever the budget.
  void refuse_broken(const NetworkErrors& errors) const {
    for (const Node* node : candidates()) {
      const auto error = errors.find(network_.value(node->outputs[0]).name);
      if (error == errors.end() || error->second.is_finite) continue;
      throw BuildError("in INT8 the layer '" + node->name +
                       "' gives infinite numbers or none on the samples; keep it real with "
                       "--fp32-layer " +
                       node->name);
    }
    for (const std::string& name : results_) {
      const auto error = errors.find(name);
      if (error == errors.end()) continue;
      if (error->second.is_finite && (!error->second.is_constant || error->second.was_constant))
        continue;
      throw BuildError("in INT8 the network's result '" + name + "' is " +
                       (error->second.is_finite ? "one number whatever the sample shows"
                                                : "infinite or no number") +
                       "; calibrate on more and other samples, or give --accuracy-budget");
    }
  }

  /// The layers that cost most alone become real until what is left fits.
  void meet_budget() {
    const std::vector<const Node*> all = candidates();
    std::vector<std::pair<double, std::string>> costs;
    for (size_t i = 0; i < all.size(); ++i) {
      if (options_.progress)
        options_.progress("sensitivity", static_cast<double>(i) / static_cast<double>(all.size()));
      if (options_.real_layers.count(all[i]->name) != 0) continue;
      std::set<std::string> others;
      for (const Node* node : all)
        if (node != all[i]) others.insert(node->name);
      const double alone = worst(measure(others)).second;
      alone_[all[i]->name] = alone;
      costs.emplace_back(alone, all[i]->name);
    }
    std::stable_sort(costs.begin(), costs.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto with = [&](size_t count) {
      std::set<std::string> real = options_.real_layers;
      for (size_t i = 0; i < count; ++i) real.insert(costs[i].second);
      return real;
    };
    size_t too_few = 0, enough = costs.size();
    while (enough - too_few > 1) {
      const size_t middle = (too_few + enough) / 2;
      (worst(measure(with(middle))).second <= options_.budget ? enough : too_few) = middle;
    }
    if (enough == costs.size())
      throw BuildError(
          "no layer can be on integers within --accuracy-budget: the best one alone, '" +
          costs.back().second + "', changes an output by " + percent(costs.back().first) + ", " +
          percent(options_.budget) +
          " is allowed; calibrate on more samples, raise the budget, or build with "
          "--precision fp32 or fp16");
    choice_.real_layers = with(enough);
  }

  void list_layers(const NetworkErrors& errors) {
    for (const NodeId n : network_.order()) {
      const Node& node = network_.node(n);
      if (node.op != Op::kConv && node.op != Op::kConvTranspose && node.op != Op::kMatMul) continue;
      IntegerLayer layer;
      layer.name = node.name;
      if (!can_multiply_integers(network_, node, context_.target))
        layer.reason = "the target has no kernel for it on integers";
      else if (context_.ranges->count(network_.value(node.inputs[0]).name) == 0)
        layer.reason = "calibration has no range of its operand";
      else if (options_.real_layers.count(node.name) != 0)
        layer.reason = "asked for (--fp32-layer)";
      else if (choice_.real_layers.count(node.name) != 0)
        layer.reason = "the accuracy budget";
      layer.on_integers = layer.reason.empty();
      if (const auto alone = alone_.find(node.name); alone != alone_.end())
        layer.alone = alone->second;
      const auto error = errors.find(network_.value(node.outputs[0]).name);
      if (error != errors.end()) {
        layer.sqnr_db = error->second.sqnr_db();
        layer.cosine = error->second.cosine();
      }
      choice_.layers.push_back(std::move(layer));
    }
  }

  const Graph& network_;
  const PassContext& context_;
  const IntegerOptions& options_;
  std::vector<std::string> results_;
  ObservedNetwork exact_;
  Samples samples_;
  NetworkComparison comparison_;
  IntegerChoice choice_;
  std::map<std::string, double> alone_;
};

}  // namespace

IntegerChoice choose_integers(const Graph& network, const PassContext& context,
                              const std::filesystem::path& samples, const IntegerOptions& options) {
  return Chooser(network, context, samples, options).run();
}

}  // namespace stint::builder
