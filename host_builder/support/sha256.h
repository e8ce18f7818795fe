// SHA-256 (FIPS 180-4): identifies the model a plan was built from, comparable with `sha256sum`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace stint::builder {

using Sha256Digest = std::array<uint8_t, 32>;

/// Of data that comes in pieces.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> data);
  Sha256Digest digest() const;  // of what was added so far

 private:
  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> block_{};  // its first bytes_ % 64 bytes wait for the rest
  uint64_t bytes_ = 0;
};

Sha256Digest sha256(std::span<const std::byte> data);

/// Two lower-case hexadecimal digits a byte, as `sha256sum` prints them.
std::string hex_text(std::span<const uint8_t> bytes);

}  // namespace stint::builder
