// Inputs and outputs of the network, and its end.
#include <algorithm>

#include "host_builder/network/network_builder.h"
#include "host_builder/network/suppressed_rows.h"

namespace stint::builder {

ValueId NetworkBuilder::add_input(const InputDeclaration& input) {
  const std::string& name = input.name;
  std::vector<std::string> notes;
  const InputShape found = input_shape(input, options_, words_, notes);
  if (name.empty()) throw Refusal("has no name", words_.check);
  if (is_taken(name)) throw Refusal("another value has this name", words_.check);
  input_names_.push_back(name);
  for (std::string& text : notes) note(std::move(text));
  begin_node(name);
  const ValueId id = graph_.add_value(unique(name), input.dtype, found.shape);
  if (found.batched) batch_.begin(id, found.of_one);
  batch_used_ = batch_used_ || found.batched;
  graph_.inputs.push_back(id);
  give_name(id, name);
  return id;
}

void NetworkBuilder::refuse_input(const std::string& name, const BuildError& error) {
  input_refused_ = true;
  findings_.add(name.empty() ? "an input" : "input '" + name + "'", error);
  if (std::find(input_names_.begin(), input_names_.end(), name) == input_names_.end())
    input_names_.push_back(name);
}

void NetworkBuilder::check_shape_options() {
  std::string listed;
  for (const std::string& name : input_names_)
    listed += (listed.empty() ? "'" : ", '") + name + "'";
  for (const auto& [name, shape] : options_.shapes) {
    if (std::find(input_names_.begin(), input_names_.end(), name) != input_names_.end()) continue;
    const std::string found =
        constant_names_.count(name) != 0
            ? "'" + name + "' is a constant of the model, whose shape is fixed"
            : "the model has no input '" + name + "'";
    if (listed.empty())
      findings_.add("--shape " + name,
                    Refusal(found + " and no inputs at all", "leave --shape out"));
    else
      findings_.add("--shape " + name, Refusal(found, "name one of its inputs: ", listed));
  }
}

void NetworkBuilder::end_inputs() {
  if (inputs_ended_) return;
  inputs_ended_ = true;
  check_shape_options();
  if (!batch_used_ && !input_refused_) {
    findings_.add("batch " + std::to_string(graph_.batch),
                  Refusal("no input of the model has a first axis that is 1 or open",
                          "build with --batch 1, or export the model with an open batch axis"));
  }
}

void NetworkBuilder::mark_output(ValueId id, const std::string& name) {
  if (is_row_bound(id)) {
    throw Refusal("says how many boxes a NonMaxSuppression keeps, which is known only at run time",
                  kSuppressInPlan);
  }
  if (is_taken(name, id)) throw Refusal("another value has this name", words_.check);
  graph_.outputs.push_back(own_value(id, name));
}

/// A graph output must have a value of its own with the output's name: an input, a constant of
/// the network or a second name of one value is copied.
ValueId NetworkBuilder::own_value(ValueId id, const std::string& name) {
  const bool is_input =
      std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  if (!graph_.is_output(id) && !graph_.value(id).is_constant() && !is_input) give_name(id, name);
  const Value& value = graph_.value(id);
  if (value.name == name && !graph_.is_output(id) && !value.is_constant() && !is_input) return id;
  Node copy;
  copy.name = name;
  copy.op = Op::kIdentity;
  copy.inputs = {id};
  const DType dtype = value.dtype;
  const Shape shape = value.shape;
  std::string own_name = name;
  if (value.name == name) {
    // A constant gives its name away; an input keeps it, for its binding is called that too.
    if (value.is_constant())
      graph_.value(id).name = unique(name + "/constant");
    else
      own_name = unique(name + "/output");
  }
  const ValueId result = graph_.add_value(own_name, dtype, shape);
  if (own_name == name && !is_taken(name)) claim(result, name);
  copy.outputs = {result};
  graph_.add_node(std::move(copy));
  return result;
}

Graph NetworkBuilder::finish() {
  end_inputs();
  if (findings_.empty() && graph_.outputs.empty())
    findings_.add("the model", Refusal("has no output", "name one before the network is finished"));
  findings_.raise();
  blank_unused_rows(graph_, findings_);
  findings_.raise();
  return std::move(graph_);
}

}  // namespace stint::builder
