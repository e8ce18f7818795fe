#include "host_builder/import/onnx.h"

#include <algorithm>
#include <new>

#include "host_builder/graph/error.h"
#include "host_builder/graph/shape.h"
#include "host_builder/import/cut_model.h"
#include "host_builder/import/graph_emitter.h"
#include "host_builder/import/model_file.h"
#include "host_builder/import/node_translation.h"
#include "host_builder/import/operator_table.h"
#include "host_builder/import/own_suppression.h"
#include "host_builder/import/suppressed_rows.h"
#include "host_builder/import/tensor_decode.h"
#include "host_builder/read_file.h"
#include "host_builder/tactics/evaluate.h"

namespace stint::builder {
namespace {

/// Beyond this many findings the list stops: a hostile file could make it as long as it likes.
constexpr size_t kMaxFindings = 500;

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const ImportOptions& options,
           std::filesystem::path folder)
      : model_(model),
        proto_(model.graph()),
        options_(options),
        emitter_(graph_, {options.constant_bytes_limit, options.folding_work_limit}),
        source_{std::move(folder), options.constant_bytes_limit} {}

  Graph run() {
    read_opset();
    graph_.name = proto_.name();
    graph_.batch = options_.batch.value_or(1);
    if (graph_.batch < 1)
      throw BuildError("a batch of " + std::to_string(graph_.batch) +
                       " is not possible; use 1 or more");
    reserve_names();
    read_initializers();
    read_inputs();
    for (int i = 0; i < proto_.node_size(); ++i) translate(proto_.node(i), i);
    read_outputs();
    if (!findings_.empty()) advise();
    findings_.raise("the ONNX model cannot be built:");
    blank_unused_rows(graph_);
    return std::move(graph_);
  }

 private:
  void finding(const std::string& where, const std::string& reason) {
    if (findings_.texts().size() < kMaxFindings)
      findings_.add(where + ": " + reason);
    else if (findings_.texts().size() == kMaxFindings)
      findings_.add("more findings are not listed");
  }

  void advise() {
    const std::string advice = advice_on_own_suppression(proto_);
    if (!advice.empty()) findings_.add(advice);
  }

  void read_opset() {
    for (const auto& import : model_.opset_import()) {
      if (import.domain().empty() || import.domain() == "ai.onnx") opset_ = import.version();
    }
    if (opset_ == 0)
      throw BuildError(
          "the model imports no opset of the standard ONNX operators; operators of other domains "
          "are not supported");
    if (opset_ < kOldestOpset || opset_ > kNewestOpset) {
      throw BuildError("the model uses opset " + std::to_string(opset_) + ", supported are " +
                       std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset) +
                       "; convert it with onnx.version_converter");
    }
  }

  void reserve_names() {
    for (const auto& input : proto_.input()) emitter_.reserve(input.name());
    for (const auto& initializer : proto_.initializer()) emitter_.reserve(initializer.name());
    for (const auto& output : proto_.output()) emitter_.reserve(output.name());
    for (const auto& node : proto_.node()) {
      for (const auto& output : node.output()) emitter_.reserve(output);
    }
  }

  void define(const std::string& name, ValueId id, const std::string& what) {
    if (name.empty())
      finding(what, "has no name");
    else if (!names_.emplace(name, id).second)
      finding(what + " '" + name + "'", "another value has this name");
    else if (id != kNoValue)
      emitter_.name_after_model(id, name);
  }

  void read_initializers() {
    if (proto_.sparse_initializer_size() > 0)
      finding("the model", "sparse initializers are not supported; store them densely");
    for (const auto& initializer : proto_.initializer()) {
      ValueId id = kNoValue;
      try {
        HostTensor tensor = decode_tensor(initializer, source_);
        emitter_.begin_node(initializer.name());
        id = emitter_.constant(std::move(tensor));
      } catch (const BuildError& error) {
        finding("initializer '" + initializer.name() + "'", error.what());
      }
      define(initializer.name(), id, "initializer");
    }
  }

  void read_inputs() {
    bool batch_used = graph_.batch == 1;
    for (const auto& input : proto_.input()) {
      if (names_.count(input.name()))
        continue;  // an initializer that is listed as input is a constant
      ValueId id = kNoValue;
      try {
        id = read_input(input, batch_used);
      } catch (const BuildError& error) {
        finding("input '" + input.name() + "'", error.what());
      }
      define(input.name(), id, "input");
    }
    if (!batch_used) {
      finding(
          "batch " + std::to_string(graph_.batch),
          "no input of the model has a first axis that is 1 or symbolic; build it with --batch 1");
    }
  }

  ValueId read_input(const onnx::ValueInfoProto& input, bool& batch_used) {
    emitter_.begin_node(input.name());
    if (!input.type().has_tensor_type()) {
      throw BuildError("is not a tensor; sequences, maps and optionals are not supported");
    }
    const auto& type = input.type().tensor_type();
    const auto dtype = dtype_from_onnx(type.elem_type());
    if (!dtype)
      throw BuildError("has type " + onnx_type_name(type.elem_type()) + ", which is not supported");
    bool is_batched = false;
    Shape shape = input_shape(input.name(), type, is_batched);
    batch_used = batch_used || is_batched;
    const ValueId id = graph_.add_value(emitter_.unique(input.name()), *dtype, std::move(shape));
    if (is_batched) emitter_.mark_batched(id);
    graph_.inputs.push_back(id);
    return id;
  }

  Shape input_shape(const std::string& name, const onnx::TypeProto::Tensor& type,
                    bool& is_batched) {
    const auto given = options_.shapes.find(name);
    if (!type.has_shape() && given == options_.shapes.end()) {
      throw BuildError("has no shape in the model; give it with --shape " + name + "=...");
    }
    Shape shape;
    std::vector<bool> symbolic;
    for (const auto& dimension : type.shape().dim()) {
      symbolic.push_back(!dimension.has_dim_value());
      shape.push_back(dimension.has_dim_value() ? dimension.dim_value() : -1);
    }
    if (given != options_.shapes.end()) {
      if (type.has_shape() && given->second.size() != shape.size()) {
        throw BuildError("has " + std::to_string(shape.size()) + " axes, --shape gives " +
                         shape_text(given->second));
      }
      for (size_t i = 0; i < shape.size(); ++i) {
        if (!symbolic[i] && shape[i] != given->second[i] && !(i == 0 && shape[i] == 1)) {
          throw BuildError("is " + shape_text(shape) + " in the model, --shape gives " +
                           shape_text(given->second));
        }
      }
      shape = given->second;
      symbolic.resize(shape.size(), true);
    }
    if (!shape.empty()) {
      const bool first_is_open = symbolic[0] && shape[0] == -1;
      is_batched = first_is_open || (shape[0] == 1 && shape.size() > 1);
      if (is_batched)
        shape[0] = graph_.batch;
      else if (symbolic[0] && shape[0] == graph_.batch)
        is_batched = true;
    }
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == -1) {
        throw BuildError("axis " + std::to_string(i) + " is symbolic ('" +
                         type.shape().dim(static_cast<int>(i)).dim_param() +
                         "') and a plan is static; give the shape with --shape " + name + "=...");
      }
    }
    if (shape.size() > static_cast<size_t>(kMaxRank) || !checked_elements(shape)) {
      throw BuildError("shape " + shape_text(shape) + " is not supported");
    }
    return shape;
  }

  std::string node_name(const onnx::NodeProto& node, int index) const {
    if (!node.name().empty()) return node.name();
    if (node.output_size() > 0 && !node.output(0).empty()) return node.output(0);
    return "#" + std::to_string(index);
  }

  void translate(const onnx::NodeProto& node, int index) {
    const std::string name = node_name(node, index);
    const std::string where = "node '" + name + "' (" + node.op_type() + ")";
    std::string reason;
    bool done = false;
    try {
      const OperatorEntry* entry = find_operator(node.domain(), node.op_type(), opset_, reason);
      if (!entry) throw BuildError(reason);
      done = operands_known(node) && run(*entry, node, name);
    } catch (const BuildError& error) {
      finding(where, error.what());
    } catch (const std::bad_alloc&) {
      finding(where, "memory ran out while it was translated");
    } catch (const std::exception& error) {
      finding(where, std::string("is malformed (") + error.what() + ")");
    }
    if (done) return;
    // Readers of these results are looked at too, as far as that is possible without knowing them.
    for (const auto& output : node.output()) {
      if (!output.empty()) names_.emplace(output, kNoValue);
    }
  }

  /// False if an operand is the result of a node that could not be translated: nothing more can be
  /// said here.
  bool operands_known(const onnx::NodeProto& node) const {
    bool known = true;
    for (const auto& input : node.input()) {
      if (input.empty()) continue;
      const auto found = names_.find(input);
      if (found == names_.end()) {
        throw BuildError("its operand '" + input +
                         "' is no input, no initializer and no result of an earlier node");
      }
      known = known && found->second != kNoValue;
    }
    return known;
  }

  bool run(const OperatorEntry& entry, const onnx::NodeProto& node, const std::string& name) {
    emitter_.begin_node(name);
    NodeTranslation translation(node, opset_, names_, emitter_, source_);
    entry.translate(translation);
    translation.reject_unknown_attributes();
    translation.reject_unbound_outputs();
    return true;
  }

  void read_outputs() {
    if (proto_.output_size() == 0) finding("the model", "has no output");
    for (const auto& output : proto_.output()) {
      const auto found = names_.find(output.name());
      if (found == names_.end()) {
        finding("output '" + output.name() + "'", "no node computes it");
      } else if (emitter_.is_row_bound(found->second)) {
        finding("output '" + output.name() + "'",
                "says how many boxes a NonMaxSuppression keeps, which is known only at run time; "
                "let the plan suppress: --postprocess boxes-scores,boxes=NAME,scores=NAME with the "
                "two values that the NonMaxSuppression reads");
      } else if (found->second != kNoValue) {
        graph_.outputs.push_back(own_value(found->second, output.name()));
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
  Graph graph_;
  GraphEmitter emitter_;
  TensorSource source_;
  NameTable names_;
  Findings findings_;
  int64_t opset_ = 0;
};

}  // namespace

Graph import_onnx(std::span<const std::byte> bytes, const ImportOptions& options,
                  const std::filesystem::path& folder) {
  onnx::ModelProto model = parse_model(bytes);
  cut_model(*model.mutable_graph(), options.cut_at);
  return Importer(model, options, folder).run();
}

Graph import_onnx_file(const std::filesystem::path& path, const ImportOptions& options) {
  return import_onnx(read_file(path), options, std::filesystem::absolute(path).parent_path());
}

}  // namespace stint::builder
