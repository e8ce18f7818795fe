// What passes do with the permutations of transposes (graph/transpose_rule.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/transpose_rule.h"

namespace stint::builder {

bool is_identity(const Permutation& perm);
Permutation inverse(const Permutation& perm);

/// Transposing by `first`, then by `second`.
Permutation compose(const Permutation& first, const Permutation& second);

Shape permuted(const Shape& shape, const Permutation& perm);

/// True if only axes of extent 1 change their place, so that the elements stay in their order.
/// `shape`: the operand's.
bool keeps_element_order(const Shape& shape, const Permutation& perm);

/// N, C, spatial... -> N, spatial..., C and back.
Permutation to_channels_last(size_t rank);
Permutation to_channels_first(size_t rank);

/// Transpose then Reshape, exchanged: Reshape to `shape`, then Transpose by `perm`.
struct Exchanged {
  Shape shape;
  Permutation perm;
};

/// Reshape(Transpose(x, perm)) to `to`, written as Transpose(Reshape(x)); nothing where a merged
/// axis would have to be taken apart. `x` is the shape before both.
std::optional<Exchanged> reshape_before_transpose(const Shape& x, const Permutation& perm,
                                                  const Shape& to);

/// Transpose(Reshape(x) to `middle`, perm), written as Reshape(Transpose(x, result.perm)). Only
/// `perm` is set.
std::optional<Permutation> transpose_before_reshape(const Shape& x, const Shape& middle,
                                                    const Permutation& perm);

}  // namespace stint::builder
