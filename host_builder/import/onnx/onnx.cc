#include "host_builder/import/onnx/onnx.h"

#include <string>
#include <unordered_set>

#include "host_builder/import/onnx/body_translation.h"
#include "host_builder/import/onnx/cut_model.h"
#include "host_builder/import/onnx/external_data.h"
#include "host_builder/import/onnx/model_file.h"
#include "host_builder/import/onnx/model_inputs.h"
#include "host_builder/import/onnx/own_suppression.h"
#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/network/network_builder.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const ImportOptions& options, Source& files)
      : model_(model),
        proto_(model.graph()),
        options_(options),
        network_(options, {"the ONNX model cannot be built:", kCheckModel,
                           ", or set it with onnx.tools.update_model_dims"}),
        source_{files, options.constant_bytes_limit} {}

  Graph run() {
    Scope scope(read_opset());
    BodyTranslation body(model_, network_, source_, options_.unfolded_nodes_limit);
    network_.set_name(proto_.name());
    reserve_names();
    body.read_initializers(proto_, scope);
    read_inputs(scope);
    if (translate(body, scope)) read_outputs(scope);
    if (!network_.findings().empty()) {
      advise_on_own_suppression(proto_, network_.findings());
      network_.findings().raise();
    }
    Graph graph = network_.finish();
    for (const auto& [location, file] : source_.files.named())
      if (!file.note.empty()) network_.note(file.note);
    return graph;
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

  void reserve_names() {
    for (const auto& input : proto_.input()) network_.reserve(input.name());
    for (const auto& initializer : proto_.initializer())
      network_.reserve_constant(initializer.name());
    for (const auto& output : proto_.output()) network_.reserve(output.name());
    for (const auto& node : proto_.node()) {
      for (const auto& output : node.output()) network_.reserve(output);
    }
  }

  void read_inputs(Scope& scope) {
    std::unordered_set<std::string> constants;
    for (const auto& initializer : proto_.initializer()) constants.insert(initializer.name());
    for (const auto& input : proto_.input()) {
      const std::string& name = input.name();
      if (constants.count(name) != 0) continue;  // listed as input, too
      ValueId id = kNoValue;  // readers of inputs that are refused are not to blame
      try {
        id = network_.add_input(declaration_of(input));
      } catch (const BuildError& error) {
        network_.refuse_input(name, error);
      }
      scope.define(name, id);
    }
    network_.end_inputs();
  }

  /// False if the nodes were not looked at to the end.
  bool translate(BodyTranslation& body, Scope& scope) {
    try {
      return body.translate(proto_.node(), scope);
    } catch (const UnfoldedTooFar& refusal) {
      network_.findings().add("the model", refusal);
      return false;
    }
  }

  void read_outputs(const Scope& scope) {
    if (proto_.output_size() == 0)
      network_.findings().add("the model",
                              Refusal("has no output", "name its outputs and export it again"));
    for (const auto& output : proto_.output()) {
      network_.findings().attempt("output '" + output.name() + "'", [&] {
        const auto found = scope.find(output.name());
        if (!found) throw Refusal("no node computes it", kCheckModel);
        if (*found != kNoValue) network_.mark_output(*found, output.name());
      });
    }
  }

  const onnx::ModelProto& model_;
  const onnx::GraphProto& proto_;
  const ImportOptions& options_;
  NetworkBuilder network_;
  TensorSource source_;
};

Graph import_onnx(Source& source, const ImportOptions& options) {
  onnx::ModelProto model = parse_model(source.bytes());
  cut_model(*model.mutable_graph(), options.cut_at);
  return Importer(model, options, source).run();
}

}  // namespace

const Format kOnnxFormat = {
    "ONNX",
    [](std::span<const std::byte>) { return true; },
    import_onnx,
    [](const Source& source) { return external_locations(parse_model(source.bytes())); },
    [](Source& source, const std::string& name) { load_external(source, name); },
};

}  // namespace stint::builder
