// A tensor in the memory of the building machine.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Dense, row-major.
struct HostTensor {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> data;

  /// Of elements of `dtype`'s own C++ type.
  template <typename T>
  static HostTensor of(DType dtype, Shape shape, const std::vector<T>& elements) {
    auto* p = reinterpret_cast<const std::byte*>(elements.data());
    return {dtype, std::move(shape), {p, p + elements.size() * sizeof(T)}};
  }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data.data());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data.data());
  }
};

}  // namespace stint::builder
