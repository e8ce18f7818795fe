#include "host_builder/cli/model_argument.h"

#include "host_builder/cli/file_argument.h"

namespace stint::builder {

void add_model_options(CLI::App& command, std::string& model,
                       std::vector<std::filesystem::path>& weights) {
  command.add_option("MODEL", model, "Model file: ONNX, or a Caffe net (.prototxt)")
      ->required()
      ->check(file_name());
  command
      .add_option("--weights", weights,
                  "File of the model's weights where MODEL has none in it (Caffe: .caffemodel; "
                  "without it they are random, for timing)")
      ->expected(1)
      ->check(file_name());
}

}  // namespace stint::builder
