// Bytes of kernel parameters, as a plan carries them.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace stint::test {

template <typename P>
void append_pod(std::vector<uint8_t>* bytes, const P& pod) {
  const size_t size = bytes->size();
  bytes->resize(size + sizeof pod);
  std::memcpy(bytes->data() + size, &pod, sizeof pod);
}

template <typename P>
std::vector<uint8_t> bytes_of(const P& pod) {
  std::vector<uint8_t> bytes;
  append_pod(&bytes, pod);
  return bytes;
}

}  // namespace stint::test
