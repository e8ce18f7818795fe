#include "host_builder/import/onnx/model_inputs.h"

#include <algorithm>
#include <set>

#include "host_builder/import/onnx/tensor_decode.h"

namespace stint::builder {
namespace {

using Dimension = onnx::TensorShapeProto::Dimension;

bool is_open(const Dimension& dimension) {
  return !dimension.has_dim_value() || dimension.dim_value() < 0;
}

/// Whether the model itself says that the axis is the batch.
bool is_called_batch(const Dimension& dimension) {
  std::string name = dimension.dim_param();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return name.find("batch") != std::string::npos;
}

/// As the model declares it, "[batch,3,?,224]".
std::string declared_text(const onnx::TensorShapeProto& shape) {
  std::string text;
  for (const auto& dimension : shape.dim()) {
    text += text.empty() ? "[" : ",";
    if (!is_open(dimension))
      text += std::to_string(dimension.dim_value());
    else
      text += dimension.dim_param().empty() ? "?" : dimension.dim_param();
  }
  return text.empty() ? "[]" : text + "]";
}

std::string shape_option(const std::string& name, const Shape& shape) {
  std::string text = "--shape " + name + "=";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : "x") + std::to_string(shape[i]);
  return text;
}

/// An example of --shape for the input: what the model fixes, and A, B... for the rest.
std::string wanted_option(const std::string& name, const onnx::TensorShapeProto& shape) {
  std::string text = "--shape " + name + "=";
  char letter = 'A';
  for (int i = 0; i < shape.dim_size(); ++i) {
    if (i > 0) text += "x";
    if (!is_open(shape.dim(i)))
      text += std::to_string(shape.dim(i).dim_value());
    else
      text += i == 0 ? "1" : std::string(1, letter++);
  }
  return text;
}

class InputReader {
 public:
  InputReader(const ImportOptions& options, int64_t batch, std::vector<std::string>& notes)
      : options_(options), batch_(batch), notes_(notes) {}

  ModelInput read(const onnx::ValueInfoProto& input) const {
    if (!input.type().has_tensor_type()) {
      throw Refusal("is not a tensor: sequences, maps and optionals are not supported",
                    "export the model with tensors as inputs");
    }
    const auto& type = input.type().tensor_type();
    const auto dtype = dtype_from_onnx(type.elem_type());
    if (!dtype)
      throw Refusal("has type " + onnx_type_name(type.elem_type()) + ", which is not supported",
                    "export the model with float32 or integer inputs");
    ModelInput result{&input, *dtype, {}, false};
    read_shape(input.name(), type, result);
    return result;
  }

 private:
  void read_shape(const std::string& name, const onnx::TypeProto::Tensor& type,
                  ModelInput& result) const {
    const auto& declared = type.shape();
    for (int i = 0; i < declared.dim_size(); ++i) {
      if (!is_open(declared.dim(i)) && declared.dim(i).dim_value() == 0) {
        throw Refusal("is " + declared_text(declared) + ": axis " + std::to_string(i) +
                          " has extent 0, so there is nothing to compute",
                      "export the model with the real extent or an open axis, or set it with "
                      "onnx.tools.update_model_dims");
      }
    }
    const auto given = options_.shapes.find(name);
    if (given != options_.shapes.end()) {
      if (type.has_shape()) check_given(name, declared, given->second);
      result.shape = given->second;
    } else if (!type.has_shape()) {
      throw Refusal("has no shape in the model", "give it with --shape ", name + "=1x3x224x224");
    } else {
      for (const auto& dimension : declared.dim())
        result.shape.push_back(is_open(dimension) ? -1 : dimension.dim_value());
    }
    apply_batch(name, declared, given != options_.shapes.end(), result);
    for (size_t i = 0; i < result.shape.size(); ++i) {
      if (result.shape[i] != -1) continue;
      const std::string& symbol = declared.dim(static_cast<int>(i)).dim_param();
      throw Refusal("is " + declared_text(declared) + ": axis " + std::to_string(i) + " is open" +
                        (symbol.empty() ? "" : " ('" + symbol + "')") +
                        " in the model, and a plan is static",
                    "give the shape with ", wanted_option(name, declared));
    }
    if (result.shape.size() > static_cast<size_t>(kMaxRank)) {
      throw Refusal("shape " + shape_text(result.shape) + " has " +
                        std::to_string(result.shape.size()) + " axes, at most " +
                        std::to_string(kMaxRank) + " are supported",
                    "reshape the input to fewer axes in the model");
    }
    if (!checked_elements(result.shape))
      throw Refusal("shape " + shape_text(result.shape) + " has too many elements",
                    "reduce its extents");
  }

  static void check_given(const std::string& name, const onnx::TensorShapeProto& declared,
                          const Shape& given) {
    if (given.size() != static_cast<size_t>(declared.dim_size())) {
      throw Refusal("is " + declared_text(declared) + " in the model with " +
                        std::to_string(declared.dim_size()) + " axes, --shape gives " +
                        shape_text(given),
                    "give as many extents: ", wanted_option(name, declared));
    }
    for (int i = 0; i < declared.dim_size(); ++i) {
      const auto& dimension = declared.dim(i);
      const int64_t extent = given[static_cast<size_t>(i)];
      // A first extent of 1 is the batch, which apply_batch looks at.
      if (is_open(dimension) || dimension.dim_value() == extent ||
          (i == 0 && dimension.dim_value() == 1 && declared.dim_size() > 1))
        continue;
      throw Refusal(
          "is " + declared_text(declared) + " in the model, --shape gives " + shape_text(given),
          "give ", wanted_option(name, declared) + ", or export the model with that axis open");
    }
  }

  /// The first axis is the batch if the model leaves it open or writes 1 (rank 2 or more). With
  /// --shape it must then be 1 or the batch; another extent of an open axis is taken for an axis
  /// that is no batch, unless the model calls it so.
  void apply_batch(const std::string& name, const onnx::TensorShapeProto& declared, bool is_given,
                   ModelInput& result) const {
    Shape& shape = result.shape;
    if (shape.empty()) return;
    const bool declares = declared.dim_size() > 0;
    const bool open = !declares || is_open(declared.dim(0));
    const bool written_one = !open && declared.dim(0).dim_value() == 1 && shape.size() > 1;
    result.of_one = written_one;
    if (!is_given) {
      result.batched = open || written_one;
    } else if (shape[0] == 1) {
      result.batched = shape.size() > 1;
    } else {
      result.batched = (open || written_one) && shape[0] == batch_;
      if (!result.batched && (written_one || (declares && is_called_batch(declared.dim(0)))))
        refuse_batch(name, shape);
      if (!result.batched && open) {
        notes_.push_back(
            "input '" + name + "': the first extent of " + shape_option(name, shape) +
            " is no batch, the plan's batch is " + std::to_string(batch_) +
            (batch_ == 1 ? " (if it is meant as one, use --batch " + std::to_string(shape[0]) + ")"
                         : ""));
      }
    }
    if (result.batched) shape[0] = batch_;
  }

  [[noreturn]] void refuse_batch(const std::string& name, Shape shape) const {
    const std::string extent = std::to_string(shape[0]);
    shape[0] = 1;
    throw Refusal(
        "--shape gives a batch of " + extent + ", --batch is " + std::to_string(batch_), "give ",
        "--batch " + extent + " and leave the first extent at 1: " + shape_option(name, shape));
  }

  const ImportOptions& options_;
  int64_t batch_;
  std::vector<std::string>& notes_;
};

void check_names(const std::vector<std::string>& inputs, const std::set<std::string>& constants,
                 const ImportOptions& options, ImportFindings& findings) {
  std::string listed;
  for (const std::string& name : inputs) listed += (listed.empty() ? "'" : ", '") + name + "'";
  for (const auto& [name, shape] : options.shapes) {
    if (std::find(inputs.begin(), inputs.end(), name) != inputs.end()) continue;
    const std::string found =
        constants.count(name) != 0
            ? "'" + name + "' is a constant of the model, whose shape is fixed"
            : "the model has no input '" + name + "'";
    if (listed.empty())
      findings.add("--shape " + name,
                   Refusal(found + " and no inputs at all", "leave --shape out"));
    else
      findings.add("--shape " + name, Refusal(found, "name one of its inputs: ", listed));
  }
}

}  // namespace

std::vector<ModelInput> read_model_inputs(const onnx::GraphProto& graph,
                                          const ImportOptions& options, int64_t batch,
                                          ImportFindings& findings,
                                          std::vector<std::string>& notes) {
  std::set<std::string> constants;
  for (const auto& initializer : graph.initializer()) constants.insert(initializer.name());
  const InputReader reader(options, batch, notes);
  std::vector<ModelInput> inputs;
  std::vector<std::string> names;
  bool batch_used = batch == 1, refused = false;
  for (const auto& input : graph.input()) {
    if (constants.count(input.name()) != 0)
      continue;  // an initializer that is listed as input is a constant
    names.push_back(input.name());
    try {
      inputs.push_back(reader.read(input));
      batch_used = batch_used || inputs.back().batched;
    } catch (const BuildError& error) {
      findings.add("input '" + input.name() + "'", error);
      refused = true;
    }
  }
  check_names(names, constants, options, findings);
  if (!batch_used && !refused) {
    findings.add("batch " + std::to_string(batch),
                 Refusal("no input of the model has a first axis that is 1 or open",
                         "build with --batch 1, or export the model with an open batch axis"));
  }
  return inputs;
}

}  // namespace stint::builder
