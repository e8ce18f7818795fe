#include "host_builder/import/onnx/model_edges.h"

namespace stint::builder {

std::vector<std::string> operands_of(const onnx::NodeProto& node) {
  std::vector<std::string> names;
  std::vector<const onnx::NodeProto*> open = {&node};
  while (!open.empty()) {
    const onnx::NodeProto* next = open.back();
    open.pop_back();
    for (const auto& input : next->input())
      if (!input.empty()) names.push_back(input);
    for (const auto& attribute : next->attribute()) {
      for (const auto& inner : attribute.g().node()) open.push_back(&inner);
      for (const auto& output : attribute.g().output()) names.push_back(output.name());
    }
  }
  return names;
}

}  // namespace stint::builder
