// cuDNN 9 as an oracle, where it is installed: opened at run time, no header needed. Plain f32
// arithmetic (no tensor cores), N x C x H x W in host memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace stint::test {

struct Extent4 {
  int n = 1, c = 1, h = 1, w = 1;
  size_t elements() const { return size_t(n) * size_t(c) * size_t(h) * size_t(w); }
};

struct CudnnWindow {
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1,
      dilation_w = 1;
};

enum class CudnnPool { kMax = 0, kAverageWithPadding = 1, kAverage = 2 };

class Cudnn {
 public:
  /// Null, after printing one line, where there is no GPU or no libcudnn.so.9 (on the library path
  /// or in the folders of STINT_CUDNN_PATH).
  static Cudnn* open();

  /// Weights [filters, c / groups, kernel_h, kernel_w].
  std::vector<float> convolution(const std::vector<float>& x, const Extent4& x_extent,
                                 const std::vector<float>& weights, int filters, int groups,
                                 const CudnnWindow& window, const Extent4& y_extent);
  std::vector<float> pool(const std::vector<float>& x, const Extent4& x_extent, CudnnPool kind,
                          const CudnnWindow& window, const Extent4& y_extent);
  /// Over c.
  std::vector<float> softmax(const std::vector<float>& x, const Extent4& extent, bool log);

 private:
  struct Table;
  explicit Cudnn(std::shared_ptr<const Table> table);
  void check(int status, const char* what) const;
  std::shared_ptr<const Table> table_;
  void* handle_ = nullptr;
};

}  // namespace stint::test
