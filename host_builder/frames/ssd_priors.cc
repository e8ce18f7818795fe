#include "host_builder/frames/ssd_priors.h"

#include <algorithm>
#include <cmath>

namespace stint::builder {

std::vector<float> square_priors(int64_t width, int64_t height, const std::vector<float>& strides,
                                 const std::vector<float>& sizes,
                                 const std::vector<size_t>& counts) {
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  // As SSD's reference clips its priors.
  const auto unit = [](double v) { return static_cast<float>(std::clamp(v, 0.0, 1.0)); };
  std::vector<float> priors;
  size_t first = 0;
  for (size_t level = 0; level < strides.size(); ++level) {
    const double stride = strides[level];
    const auto columns = static_cast<int64_t>(std::ceil(w / stride));
    const auto rows = static_cast<int64_t>(std::ceil(h / stride));
    for (int64_t y = 0; y < rows; ++y) {
      for (int64_t x = 0; x < columns; ++x) {
        for (size_t k = 0; k < counts[level]; ++k) {
          const double size = sizes[first + k];
          priors.push_back(unit((static_cast<double>(x) + 0.5) * stride / w));
          priors.push_back(unit((static_cast<double>(y) + 0.5) * stride / h));
          priors.push_back(unit(size / w));
          priors.push_back(unit(size / h));
        }
      }
    }
    first += counts[level];
  }
  return priors;
}

}  // namespace stint::builder
