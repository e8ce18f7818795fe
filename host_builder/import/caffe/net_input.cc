#include "host_builder/import/caffe/net_input.h"

namespace stint::builder {

void declare_input(NetTranslation& net, const std::string& value, std::optional<Shape> extents) {
  const std::string name = blob_of(value);
  ValueId id = kNoValue;  // readers of inputs that are refused are not to blame
  try {
    InputDeclaration declaration(name, DType::kF32);
    if (extents) {
      // Any number of samples fits; a 1 is followed into reshapes that have it written down.
      if (extents->size() > 1 && extents->front() > 1) extents->front() = -1;
      if (net.options.shapes.count(name) != 0)
        for (size_t i = 1; i < extents->size(); ++i) (*extents)[i] = -1;
      declaration = InputDeclaration(name, DType::kF32, *extents);
      if (extents->size() > 1 && extents->front() < 0) declaration.axes->front().symbol = "batch";
    }
    id = net.network.add_input(declaration);
  } catch (const BuildError& error) {
    net.network.refuse_input(name, error);
  }
  net.inputs.insert(name);
  net.blobs[value] = id;
}

void declare_net_inputs(NetTranslation& net, const caffe::Net& topology,
                        const std::vector<std::string>& values) {
  constexpr size_t kAxes = 4;  // of the older field, for each input
  const auto inputs = static_cast<size_t>(topology.input_size());
  const auto shapes = static_cast<size_t>(topology.input_shape_size());
  const auto dims = static_cast<size_t>(topology.input_dim_size());
  const bool fits =
      shapes > 0 ? shapes == inputs && dims == 0 : dims == 0 || dims == kAxes * inputs;
  if (!fits) {
    net.network.findings().add(
        "the net",
        Refusal("lists " + std::to_string(inputs) + " input(s), " + std::to_string(shapes) +
                    " input_shape and " + std::to_string(dims) + " input_dim",
                "give one input_shape, or four input_dim, for each input"));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    std::optional<Shape> extents;
    if (fits && shapes > 0) {
      const auto& dim = topology.input_shape(static_cast<int>(i)).dim();
      extents.emplace(dim.begin(), dim.end());
    } else if (fits && dims > 0) {
      const auto first = topology.input_dim().begin() + static_cast<std::ptrdiff_t>(kAxes * i);
      extents.emplace(first, first + kAxes);
    }
    if (fits)
      declare_input(net, values[i], std::move(extents));
    else
      net.blobs[values[i]] = kNoValue;
  }
}

}  // namespace stint::builder
