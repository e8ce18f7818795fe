// TensorProto -> tensor on the host.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>

#include "host_builder/graph/host_tensor.h"
#include "host_builder/import/source.h"

namespace stint::builder {

/// Where tensor data lies that is not in the message, and how many bytes constants may still take.
struct TensorSource {
  Source& files;
  uint64_t bytes_left = 0;  // decreased by every decoded tensor
};

/// Element type of an ONNX data type number; nothing if Stint has none for it.
std::optional<DType> dtype_from_onnx(int32_t data_type);

/// "float16", "string", ... for messages.
std::string onnx_type_name(int32_t data_type);

/// Decodes raw, typed and external data. Throws Refusal, FileRefusal where a whole file is at
/// fault.
HostTensor decode_tensor(const onnx::TensorProto& tensor, TensorSource& source);

}  // namespace stint::builder
