// TensorProto -> tensor on the host.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <optional>
#include <string>

#include "host_builder/tactics/evaluate.h"

namespace stint::builder {

/// Where external tensor data may lie, and how many bytes constants may still take.
struct TensorSource {
  std::filesystem::path folder;  // empty: the model came from memory, external data is refused
  uint64_t bytes_left = 0;       // decreased by every decoded tensor
};

/// Element type of an ONNX data type number; nothing if Stint has none for it.
std::optional<DType> dtype_from_onnx(int32_t data_type);

/// "float16", "string", ... for messages.
std::string onnx_type_name(int32_t data_type);

/// Decodes raw, typed and external data. Throws BuildError.
HostTensor decode_tensor(const onnx::TensorProto& tensor, TensorSource& source);

}  // namespace stint::builder
