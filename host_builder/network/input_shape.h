// The static shape of an input: what its source leaves open comes from --batch and --shape.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/network/network_options.h"

namespace stint::builder {

struct DeclaredAxis {
  int64_t extent = -1;  // negative: open
  std::string symbol;   // of an open axis, if it has one

  bool is_open() const { return extent < 0; }
};

/// An input as its source declares it.
struct InputDeclaration {
  std::string name;
  DType dtype = DType::kF32;
  std::optional<std::vector<DeclaredAxis>> axes;  // nothing: not even their number is known

  InputDeclaration() = default;
  InputDeclaration(std::string name, DType dtype) : name(std::move(name)), dtype(dtype) {}
  /// Negative extents are open.
  InputDeclaration(std::string name, DType dtype, const Shape& shape);
};

struct InputShape {
  Shape shape;
  bool batched = false;  // its first axis is the batch
  bool of_one = false;   // the source has a batch of 1 written there, not an open axis
};

/// The first axis is the batch if the source leaves it open or writes 1 (rank 2 or more). Throws
/// Refusal where declaration and options do not give a shape. Remarks for the user are added to
/// `notes`.
InputShape input_shape(const InputDeclaration& input, const NetworkOptions& options,
                       const SourceWords& words, std::vector<std::string>& notes);

}  // namespace stint::builder
