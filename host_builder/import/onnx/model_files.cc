#include "host_builder/import/onnx/model_files.h"

#include <string>

#include "host_builder/import/onnx/external_data.h"
#include "host_builder/import/onnx/model_file.h"
#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {

std::vector<std::filesystem::path> files_of_model(const std::filesystem::path& model) {
  std::vector<std::filesystem::path> files = {model};
  try {
    for (const std::string& location : external_locations(parse_model(read_file(model))))
      files.push_back(model.parent_path() / location);
  } catch (const BuildError&) {
    // Importing it says why.
  }
  return files;
}

}  // namespace stint::builder
