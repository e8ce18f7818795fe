#include "host_builder/import/onnx/onnx.h"

#include <algorithm>

#include "host_builder/import/onnx/body_translation.h"
#include "host_builder/import/onnx/cut_model.h"
#include "host_builder/import/onnx/model_file.h"
#include "host_builder/import/onnx/model_inputs.h"
#include "host_builder/import/onnx/own_suppression.h"
#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/network/graph_emitter.h"
#include "host_builder/network/import_findings.h"
#include "host_builder/network/suppressed_rows.h"
#include "host_builder/support/read_file.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

int64_t checked_batch(const ImportOptions& options) {
  const int64_t batch = options.batch.value_or(1);
  if (batch < 1)
    throw Refusal("a batch of " + std::to_string(batch) + " is not possible", "use 1 or more");
  return batch;
}

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const ImportOptions& options,
           const ExternalFolders& folders)
      : model_(model),
        proto_(model.graph()),
        options_(options),
        findings_(checked_batch(options)),
        emitter_(graph_, {options.constant_bytes_limit, options.folding_work_limit}),
        source_{folders, options.constant_bytes_limit, {}} {}

  Graph run() {
    Scope scope(read_opset());
    BodyTranslation body(model_, emitter_, source_, findings_, options_.unfolded_nodes_limit);
    graph_.name = proto_.name();
    graph_.batch = options_.batch.value_or(1);
    reserve_names();
    body.read_initializers(proto_, scope);
    read_inputs(scope);
    try {
      if (body.translate(proto_.node(), scope)) read_outputs(scope);
    } catch (const UnfoldedTooFar& refusal) {
      findings_.add("the model", refusal);
    }
    if (!findings_.empty()) advise_on_own_suppression(proto_, findings_);
    findings_.raise();
    blank_unused_rows(graph_, findings_);
    findings_.raise();
    for (const auto& [location, file] : source_.files)
      if (!file.note.empty()) note(file.note);
    return std::move(graph_);
  }

 private:
  /// 0 if the model brings functions and imports no standard operators.
  int64_t read_opset() const {
    const int64_t opset = standard_opset(model_.opset_import());
    if (opset == 0 && model_.functions_size() > 0) return 0;
    if (opset == 0) {
      throw Refusal(
          "the model imports no opset of the standard ONNX operators, and operators of other "
          "domains are not supported",
          "export the model with standard ONNX operators");
    }
    check_opset(opset, "the model");
    return opset;
  }

  void note(std::string text) const {
    if (options_.notes != nullptr) options_.notes->push_back(std::move(text));
  }

  void reserve_names() {
    for (const auto& input : proto_.input()) emitter_.reserve(input.name());
    for (const auto& initializer : proto_.initializer()) emitter_.reserve(initializer.name());
    for (const auto& output : proto_.output()) emitter_.reserve(output.name());
    for (const auto& node : proto_.node()) {
      for (const auto& output : node.output()) emitter_.reserve(output);
    }
  }

  void read_inputs(Scope& scope) {
    std::vector<std::string> notes;
    for (const ModelInput& input :
         read_model_inputs(proto_, options_, graph_.batch, findings_, notes)) {
      const std::string& name = input.proto->name();
      emitter_.begin_node(name);
      const ValueId id = graph_.add_value(emitter_.unique(name), input.dtype, input.shape);
      if (input.batched) emitter_.batch().begin(id, input.of_one);
      graph_.inputs.push_back(id);
      if (name.empty())
        findings_.add("an input", Refusal("has no name", kCheckModel));
      else if (!scope.define(name, id))
        findings_.add("input '" + name + "'", Refusal("another value has this name", kCheckModel));
      else
        emitter_.name_after_model(id, name);
    }
    for (std::string& text : notes) note(std::move(text));
    // Readers of inputs that were refused are not to blame.
    for (const auto& input : proto_.input())
      if (!scope.find(input.name())) scope.define(input.name(), kNoValue);
  }

  void read_outputs(const Scope& scope) {
    if (proto_.output_size() == 0)
      findings_.add("the model", Refusal("has no output", "name its outputs and export it again"));
    for (const auto& output : proto_.output()) {
      const auto found = scope.find(output.name());
      const std::string where = "output '" + output.name() + "'";
      if (!found) {
        findings_.add(where, Refusal("no node computes it", kCheckModel));
      } else if (emitter_.is_row_bound(*found)) {
        findings_.add(where,
                      Refusal("says how many boxes a NonMaxSuppression keeps, which is known "
                              "only at run time",
                              kSuppressInPlan));
      } else if (*found != kNoValue) {
        graph_.outputs.push_back(own_value(*found, output.name()));
      }
    }
  }

  /// A graph output must have a value of its own with the output's name: an input, a constant of
  /// the model or a second name of one value is copied.
  ValueId own_value(ValueId id, const std::string& name) {
    const Value& value = graph_.value(id);
    if (value.name == name && !graph_.is_output(id) && !value.is_constant() &&
        std::find(graph_.inputs.begin(), graph_.inputs.end(), id) == graph_.inputs.end()) {
      return id;
    }
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
        graph_.value(id).name = emitter_.unique(name + "/constant");
      else
        own_name = emitter_.unique(name + "/output");
    }
    copy.outputs = {graph_.add_value(own_name, dtype, shape)};
    const ValueId result = copy.outputs[0];
    graph_.add_node(std::move(copy));
    return result;
  }

  const onnx::ModelProto& model_;
  const onnx::GraphProto& proto_;
  const ImportOptions& options_;
  ImportFindings findings_;
  Graph graph_;
  GraphEmitter emitter_;
  TensorSource source_;
};

}  // namespace

Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options,
                  const ExternalFolders& folders) {
  onnx::ModelProto model = parse_model(bytes);
  cut_model(*model.mutable_graph(), options.cut_at);
  return Importer(model, options, folders).run();
}

Graph import_onnx_file(const std::filesystem::path& path, const ImportOptions& options) {
  return import_onnx(read_file(path), options, ExternalFolders::of_model(path));
}

}  // namespace stint::builder
