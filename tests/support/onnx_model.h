// Small ONNX models made in tests.
#pragma once

#include <onnx/onnx_pb.h>

#include <span>
#include <string>
#include <vector>

#include "host_builder/import/importer.h"

namespace stint::builder {

class ModelBuilder {
 public:
  explicit ModelBuilder(int64_t opset = 13) {
    model_.set_ir_version(8);
    model_.add_opset_import()->set_version(opset);
    model_.mutable_graph()->set_name("test");
  }

  /// An extent of -1 is symbolic.
  ModelBuilder& input(const std::string& name, const Shape& shape,
                      int type = onnx::TensorProto::FLOAT) {
    auto* value = model_.mutable_graph()->add_input();
    value->set_name(name);
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (int64_t extent : shape) {
      auto* dimension = tensor->mutable_shape()->add_dim();
      if (extent < 0)
        dimension->set_dim_param("N");
      else
        dimension->set_dim_value(extent);
    }
    return *this;
  }
  ModelBuilder& output(const std::string& name) {
    model_.mutable_graph()->add_output()->set_name(name);
    return *this;
  }
  ModelBuilder& integers(const std::string& name, const std::vector<int64_t>& values) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::INT64);
    tensor->add_dims(static_cast<int64_t>(values.size()));
    for (int64_t v : values) tensor->add_int64_data(v);
    return *this;
  }
  ModelBuilder& floats(const std::string& name, const Shape& shape,
                       const std::vector<float>& values) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (int64_t extent : shape) tensor->add_dims(extent);
    for (float v : values) tensor->add_float_data(v);
    return *this;
  }
  ModelBuilder& node(const std::string& op, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs) {
    last_ = model_.mutable_graph()->add_node();
    last_->set_op_type(op);
    last_->set_name(op + "_" + std::to_string(model_.graph().node_size()));
    for (const auto& name : inputs) last_->add_input(name);
    for (const auto& name : outputs) last_->add_output(name);
    return *this;
  }
  // Attributes of the last node.
  ModelBuilder& attribute(const std::string& name, int64_t value) {
    auto* a = add(name, onnx::AttributeProto::INT);
    a->set_i(value);
    return *this;
  }
  ModelBuilder& attribute(const std::string& name, const std::vector<int64_t>& values) {
    auto* a = add(name, onnx::AttributeProto::INTS);
    for (int64_t v : values) a->add_ints(v);
    return *this;
  }
  ModelBuilder& attribute(const std::string& name, const std::string& value) {
    add(name, onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  ModelBuilder& attribute(const std::string& name, float value) {
    add(name, onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }

  /// The graph of another model as the last node's branch or body.
  ModelBuilder& subgraph(const std::string& name, const ModelBuilder& body) {
    *add(name, onnx::AttributeProto::GRAPH)->mutable_g() = body.model_.graph();
    return *this;
  }
  /// The last node's attribute is what the caller of the function around it gives as `reference`.
  ModelBuilder& refer(const std::string& name, const std::string& reference,
                      onnx::AttributeProto::AttributeType type = onnx::AttributeProto::FLOAT) {
    add(name, type)->set_ref_attr_name(reference);
    return *this;
  }
  ModelBuilder& domain(const std::string& domain) {
    last_->set_domain(domain);
    return *this;
  }
  /// Stores the graph of another model as a function "my.NAME" of this one.
  ModelBuilder& function(const std::string& name, const ModelBuilder& body,
                         const std::vector<std::string>& attributes = {}) {
    onnx::FunctionProto* function = model_.add_functions();
    function->set_domain("my");
    function->set_name(name);
    *function->mutable_opset_import() = body.model_.opset_import();
    for (const auto& input : body.model_.graph().input()) function->add_input(input.name());
    for (const auto& output : body.model_.graph().output()) function->add_output(output.name());
    for (const auto& attribute : attributes) function->add_attribute(attribute);
    *function->mutable_node() = body.model_.graph().node();
    return *this;
  }

  onnx::ModelProto& model() { return model_; }
  std::string bytes() const { return model_.SerializeAsString(); }
  Graph import(const ImportOptions& options = {}) const {
    const std::string text = bytes();
    Source source = Source::of_bytes(std::as_bytes(std::span(text)));
    return import_model(source, options);
  }
  /// The error of a model that must be refused.
  std::string refusal(const ImportOptions& options = {}) const {
    try {
      import(options);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

 private:
  onnx::AttributeProto* add(const std::string& name, onnx::AttributeProto::AttributeType type) {
    auto* attribute = last_->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }

  onnx::ModelProto model_;
  onnx::NodeProto* last_ = nullptr;
};

}  // namespace stint::builder
