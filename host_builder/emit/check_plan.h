// The last step of a build: what the runtime would refuse never becomes a file.
#pragma once

#include <cstddef>
#include <span>

namespace stint::builder {

/// Opens the plan as the runtime does (structure, ranges, checksums, every kernel's check, every
/// launch and its machine code as far as the runtime looks at it) and asks for the memory of each
/// program. Works on a copy, because the runtime wants aligned bytes: needs the plan's size in
/// memory once more while it runs. Throws a BuildError that calls it a bug of this builder.
void check_plan(std::span<const std::byte> plan);

}  // namespace stint::builder
