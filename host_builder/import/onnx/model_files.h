// Which files a model consists of.
#pragma once

#include <filesystem>
#include <vector>

namespace stint::builder {

/// The model's own file and those that its external tensors name, in subgraphs and functions too,
/// each once; they need not exist. A file that is no ONNX model is alone: importing it says why.
std::vector<std::filesystem::path> files_of_model(const std::filesystem::path& model);

}  // namespace stint::builder
