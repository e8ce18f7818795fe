#include "host_builder/support/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace stint::builder {
namespace {

using Words = std::array<uint32_t, 64>;

// First 32 bits of the fractional part of the cube (square) root of the i-th prime, by integer
// search: the largest r with r^root <= prime * 2^(32 root).
uint32_t root_fraction(uint64_t prime, int root) {
  using Wide = unsigned __int128;
  uint64_t low = 0, high = uint64_t{1} << 36;
  const Wide target = Wide{prime} << (32 * root);
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    Wide power = Wide{middle} * middle;
    if (root == 3) power *= middle;
    (power <= target ? low : high) = middle;
  }
  return static_cast<uint32_t>(low);
}

struct Constants {
  Words round{};
  std::array<uint32_t, 8> initial{};

  Constants() {
    uint64_t prime = 1;
    for (size_t i = 0; i < round.size(); ++i) {
      bool composite = true;
      while (composite) {
        ++prime;
        composite = false;
        for (uint64_t d = 2; d * d <= prime; ++d) composite = composite || prime % d == 0;
      }
      round[i] = root_fraction(prime, 3);
      if (i < initial.size()) initial[i] = root_fraction(prime, 2);
    }
  }
};

void compress(std::array<uint32_t, 8>& state, const uint8_t* block, const Words& k) {
  Words w;
  for (size_t i = 0; i < 16; ++i) {
    w[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
           uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
  }
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i];
    const uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<uint32_t, 8> added = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) state[i] += added[i];
}

const Constants& constants() {
  static const Constants made;
  return made;
}

}  // namespace

Sha256::Sha256() : state_(constants().initial) {}

void Sha256::add(std::span<const std::byte> data) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
  size_t left = data.size();
  const size_t waiting = bytes_ % block_.size();
  bytes_ += left;
  if (waiting > 0) {
    const size_t taken = std::min(left, block_.size() - waiting);
    std::memcpy(&block_[waiting], bytes, taken);
    bytes += taken;
    left -= taken;
    if (waiting + taken < block_.size()) return;
    compress(state_, block_.data(), constants().round);
  }
  for (; left >= block_.size(); bytes += block_.size(), left -= block_.size())
    compress(state_, bytes, constants().round);
  if (left > 0) std::memcpy(block_.data(), bytes, left);
}

Sha256Digest Sha256::digest() const {
  std::array<uint32_t, 8> state = state_;
  std::array<uint8_t, 128> tail{};  // the rest, a one bit, zeros, the length in bits
  const size_t rest = bytes_ % block_.size();
  std::copy_n(block_.begin(), rest, tail.begin());
  tail[rest] = 0x80;
  const size_t tail_bytes = rest < 56 ? 64 : 128;
  for (size_t i = 0; i < 8; ++i)
    tail[tail_bytes - 1 - i] = static_cast<uint8_t>(bytes_ * 8 >> (8 * i));
  for (size_t i = 0; i < tail_bytes; i += 64) compress(state, tail.data() + i, constants().round);
  Sha256Digest digest;
  for (size_t i = 0; i < 32; ++i)
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

Sha256Digest sha256(std::span<const std::byte> data) {
  Sha256 hash;
  hash.add(data);
  return hash.digest();
}

std::string hex_text(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace stint::builder
