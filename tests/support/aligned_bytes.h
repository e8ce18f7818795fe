// Memory at an aligned address; nothing behind the last byte is ours, so that sanitizers see every
// overrun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace stint::test {

class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size, size_t alignment = 64) : size_(size) {
    void* data = nullptr;
    if (posix_memalign(&data, alignment, size == 0 ? 1 : size) != 0) std::abort();
    data_.reset(static_cast<std::byte*>(data));
    std::memset(data, 0xAA, size);  // poison: nobody may rely on zeros
  }
  AlignedBytes(const void* data, size_t size) : AlignedBytes(size) {
    if (size != 0) std::memcpy(data_.get(), data, size);
  }

  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  template <typename T>
  T* at(size_t offset) const {
    return reinterpret_cast<T*>(data_.get() + offset);
  }
  AlignedBytes copy() const { return {data(), size()}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

}  // namespace stint::test
