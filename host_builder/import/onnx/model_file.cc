#include "host_builder/import/onnx/model_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <limits>

#include "host_builder/support/refusal.h"

namespace stint::builder {

onnx::ModelProto parse_model(std::span<const std::byte> bytes) {
  // protobuf counts in int; larger models keep their weights in external data.
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw Refusal(
        "the model has " + std::to_string(bytes.size()) + " bytes, an ONNX file has at most 2 GiB",
        "save its weights as external data");
  }
  google::protobuf::LogSilencer quiet;  // the error is reported here, not on stderr
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  onnx::ModelProto model;
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw Refusal("not an ONNX model: the file of " + std::to_string(bytes.size()) +
                      " bytes is not a complete protobuf message (truncated, or another format)",
                  "give a whole .onnx file (a checkpoint must be exported to ONNX first)");
  }
  if (!model.has_graph()) {
    throw Refusal("not an ONNX model: the file holds no graph",
                  "export the model to ONNX and pass that file");
  }
  return model;
}

}  // namespace stint::builder
