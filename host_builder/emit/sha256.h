// SHA-256 (FIPS 180-4): identifies the model a plan was built from, comparable with `sha256sum`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace stint::builder {

std::array<uint8_t, 32> sha256(std::span<const std::byte> data);

}  // namespace stint::builder
