#include "host_builder/import/onnx/node_translation.h"

#include "host_builder/network/scalar_bytes.h"

namespace stint::builder {

NodeTranslation::NodeTranslation(const onnx::NodeProto& node, Scope& scope, NetworkBuilder& network,
                                 TensorSource& source)
    : node_(node), scope_(scope), network_(network), source_(source) {
  for (const std::string& name : node.input())
    inputs_.push_back(name.empty() ? kNoValue : scope.find(name).value());
}

ValueId NodeTranslation::in(size_t i) const {
  if (!has(i)) {
    fail("operand " + std::to_string(i) + " is missing, the node has " +
             std::to_string(inputs_.size()) + " operand(s)",
         kCheckModel);
  }
  return inputs_[i];
}

std::vector<ValueId> NodeTranslation::all_inputs() const {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < inputs_.size(); ++i) ids.push_back(in(i));
  if (ids.empty()) fail("needs at least one operand", kCheckModel);
  return ids;
}

std::vector<double> NodeTranslation::constant_numbers(size_t i, const char* what) const {
  const Value& v = value(i);
  if (!v.is_constant()) {
    fail(std::string(what) + " (operand " + std::to_string(i) + ", '" + v.name +
             "') must be known at build time: every shape in a plan is static",
         "make it a constant or an initializer (fixed shapes at the export, or onnxsim)");
  }
  std::vector<double> result;
  const size_t bytes = dtype_bytes(v.dtype);
  for (size_t at = 0; at < v.constant->size(); at += bytes) {
    result.push_back(scalar_from_bytes(v.dtype, v.constant->data() + at));
  }
  return result;
}

std::vector<int64_t> NodeTranslation::constant_integers(size_t i, const char* what) const {
  const Value& v = value(i);
  if (v.dtype != DType::kI64 && v.dtype != DType::kI32) {
    fail(std::string(what) + " must be int32 or int64, it is " + dtype_name(v.dtype), kCheckModel);
  }
  std::vector<int64_t> result;
  if (v.dtype == DType::kI64 && v.is_constant()) {  // not through double, which has 53 bits
    const auto* p = reinterpret_cast<const int64_t*>(v.constant->data());
    return {p, p + v.constant->size() / sizeof(int64_t)};
  }
  for (double number : constant_numbers(i, what)) result.push_back(static_cast<int64_t>(number));
  return result;
}

int64_t NodeTranslation::constant_integer(size_t i, const char* what) const {
  const auto values = constant_integers(i, what);
  if (values.size() != 1)
    fail(std::string(what) + " must be one number, it has " + std::to_string(values.size()),
         kCheckModel);
  return values[0];
}

double NodeTranslation::constant_number(size_t i, const char* what) const {
  const auto values = constant_numbers(i, what);
  if (values.size() != 1)
    fail(std::string(what) + " must be one number, it has " + std::to_string(values.size()),
         kCheckModel);
  return values[0];
}

const onnx::AttributeProto* NodeTranslation::find(const char* name,
                                                  onnx::AttributeProto::AttributeType type) {
  understood_.insert(name);
  for (const auto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    // Models of the oldest IR version do not store the type.
    if (attribute.has_type() && attribute.type() != type &&
        attribute.type() != onnx::AttributeProto::UNDEFINED) {
      fail(std::string("attribute '") + name + "' has type " +
               onnx::AttributeProto::AttributeType_Name(attribute.type()) + ", needs " +
               onnx::AttributeProto::AttributeType_Name(type),
           kCheckModel);
    }
    return &attribute;
  }
  return nullptr;
}

bool NodeTranslation::has_attribute(const char* name) {
  for (const auto& attribute : node_.attribute()) {
    if (attribute.name() == name) return true;
  }
  return false;
}

int64_t NodeTranslation::integer(const char* name, int64_t fallback) {
  const auto* attribute = find(name, onnx::AttributeProto::INT);
  return attribute ? attribute->i() : fallback;
}

int64_t NodeTranslation::required_integer(const char* name) {
  if (!has_attribute(name)) fail(std::string("attribute '") + name + "' is missing", kCheckModel);
  return integer(name, 0);
}

float NodeTranslation::number(const char* name, float fallback) {
  const auto* attribute = find(name, onnx::AttributeProto::FLOAT);
  return attribute ? attribute->f() : fallback;
}

std::string NodeTranslation::text(const char* name, const std::string& fallback) {
  const auto* attribute = find(name, onnx::AttributeProto::STRING);
  return attribute ? attribute->s() : fallback;
}

std::vector<int64_t> NodeTranslation::integers(const char* name, std::vector<int64_t> fallback) {
  const auto* attribute = find(name, onnx::AttributeProto::INTS);
  if (!attribute) return fallback;
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<float> NodeTranslation::numbers(const char* name, std::vector<float> fallback) {
  const auto* attribute = find(name, onnx::AttributeProto::FLOATS);
  if (!attribute) return fallback;
  return {attribute->floats().begin(), attribute->floats().end()};
}

HostTensor NodeTranslation::tensor(const char* name) {
  const auto* attribute = find(name, onnx::AttributeProto::TENSOR);
  if (!attribute) fail(std::string("attribute '") + name + "' is missing", kCheckModel);
  HostTensor decoded = decode_tensor(attribute->t(), source_);
  source_.bytes_left += decoded.data.size();  // counted when it becomes a constant of the graph
  return decoded;
}

void NodeTranslation::reject_unknown_attributes() const {
  for (const auto& attribute : node_.attribute()) {
    if (!understood_.count(attribute.name())) {
      fail("attribute '" + attribute.name() + "' is not known for this operator at opset " +
               std::to_string(opset()),
           "remove the attribute, or convert the model to the opset that has it "
           "(onnx.version_converter)");
    }
  }
}

void NodeTranslation::bind(size_t i, ValueId value) {
  bound_.insert(i);
  if (!wants(i)) return;
  const std::string& name = node_.output(static_cast<int>(i));
  if (!scope_.define(name, value))
    fail("its result '" + name + "' is already the result of another node", kCheckModel);
  if (scope_.is_model() && value != kNoValue) network_.give_name(value, name);
}

void NodeTranslation::no_outputs_beyond(size_t count, const char* found, Action action) const {
  for (size_t i = count; i < output_count(); ++i) {
    if (wants(i)) fail(found, action);
  }
}

void NodeTranslation::reject_unbound_outputs() const {
  for (size_t i = 0; i < output_count(); ++i) {
    if (!wants(i) || bound_.count(i)) continue;
    fail("result " + std::to_string(i) + " ('" + node_.output(static_cast<int>(i)) +
             "') is not supported",
         "remove what reads it from the model, or cut the model before it "
         "(onnx.utils.extract_model)");
  }
}

}  // namespace stint::builder
