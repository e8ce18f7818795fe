#include "host_builder/data/npy.h"

#include <cstring>
#include <utility>

#include "host_builder/data/npy_header.h"
#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {
namespace {

/// Of data whose first axis is the fastest: what numpy.save() writes of a transposed array.
std::vector<std::byte> last_axis_fastest(const std::byte* data, const Shape& shape,
                                         size_t element_bytes) {
  std::vector<size_t> strides(shape.size());  // elements, in `data`
  size_t elements = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = elements;
    elements *= static_cast<size_t>(shape[axis]);
  }
  std::vector<std::byte> result(elements * element_bytes);
  std::vector<int64_t> index(shape.size(), 0);
  size_t from = 0;
  for (size_t i = 0; i < elements; ++i) {
    std::memcpy(result.data() + i * element_bytes, data + from * element_bytes, element_bytes);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * static_cast<size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

HostTensor read_npy(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_file(path);
  const NpyHeader header = parse_npy_header(file, file.size(), path);
  HostTensor tensor;
  tensor.dtype = header.dtype;
  tensor.shape = header.shape;
  const std::byte* data = file.data() + header.data_offset;
  if (header.first_axis_fastest)
    tensor.data = last_axis_fastest(data, tensor.shape, dtype_bytes(tensor.dtype));
  else
    tensor.data.assign(data, file.data() + file.size());
  return tensor;
}

void write_npy(const std::filesystem::path& path, const HostTensor& tensor) {
  const char* descriptor = npy_descriptor(tensor.dtype);
  if (descriptor == nullptr) {
    throw BuildError(path.string() + ": numpy has no element type for " + dtype_name(tensor.dtype));
  }
  std::string header =
      std::string("{'descr': '") + descriptor + "', 'fortran_order': False, 'shape': (";
  for (const int64_t extent : tensor.shape) header += std::to_string(extent) + ",";
  header += "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::vector<std::byte> bytes(10 + header.size() + tensor.data.size());
  std::memcpy(bytes.data(), "\x93NUMPY\x01\x00", 8);
  bytes[8] = static_cast<std::byte>(header.size() & 0xFF);
  bytes[9] = static_cast<std::byte>(header.size() >> 8);
  std::memcpy(bytes.data() + 10, header.data(), header.size());
  if (!tensor.data.empty())
    std::memcpy(bytes.data() + 10 + header.size(), tensor.data.data(), tensor.data.size());
  write_file_atomically(path, bytes);
}

}  // namespace stint::builder
