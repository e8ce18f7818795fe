#include "host_builder/import/caffe/prior_boxes.h"

#include <algorithm>
#include <cmath>

#include "host_builder/import/caffe/net_text.h"

namespace stint::builder {
namespace {

constexpr double kSameRatio = 1e-6;

/// Of width to height, each once, other than 1.
std::vector<double> aspect_ratios(const caffe::PriorBoxParameter& p) {
  std::vector<double> ratios{1.0};
  for (const float ratio : p.aspect_ratio()) {
    if (!(ratio > 0.0f) || !std::isfinite(ratio))
      throw Refusal("has an aspect_ratio that is not above 0", kCheckNet);
    const bool known = std::any_of(ratios.begin(), ratios.end(), [&](double other) {
      return std::abs(other - static_cast<double>(ratio)) < kSameRatio;
    });
    if (known) continue;
    ratios.push_back(ratio);
    if (p.flip()) ratios.push_back(1.0 / static_cast<double>(ratio));
  }
  ratios.erase(ratios.begin());
  return ratios;
}

struct Size {
  double width, height;
};

/// Of the boxes of one place. Caffe cuts sizes to whole pixels.
std::vector<Size> box_sizes(const caffe::PriorBoxParameter& p) {
  if (p.min_size_size() == 0) throw Refusal("has no min_size", kCheckNet);
  if (p.max_size_size() != 0 && p.max_size_size() != p.min_size_size())
    throw Refusal("has another number of max_size than of min_size",
                  "give a max_size for each min_size, or none");
  const auto whole = [](float size) {
    if (!(size >= 1.0f) || size > 65536.0f)
      throw Refusal("has a size outside 1 to 65536 pixels", kCheckNet);
    return std::floor(static_cast<double>(size));
  };
  const std::vector<double> ratios = aspect_ratios(p);
  std::vector<Size> sizes;
  for (int s = 0; s < p.min_size_size(); ++s) {
    const double least = whole(p.min_size(s));
    sizes.push_back({least, least});
    if (p.max_size_size() > 0) {
      const double most = whole(p.max_size(s));
      if (most <= least) throw Refusal("has a max_size that is not above its min_size", kCheckNet);
      const double middle = std::sqrt(least * most);
      sizes.push_back({middle, middle});
    }
    for (const double ratio : ratios)
      sizes.push_back({least * std::sqrt(ratio), least / std::sqrt(ratio)});
  }
  return sizes;
}

std::vector<float> variances(const caffe::PriorBoxParameter& p) {
  if (p.variance_size() == 0) return std::vector<float>(4, 0.1f);
  if (p.variance_size() == 1) return std::vector<float>(4, p.variance(0));
  if (p.variance_size() != 4)
    throw Refusal("has " + std::to_string(p.variance_size()) + " variances", "give 1 or 4 of them");
  return {p.variance().begin(), p.variance().end()};
}

/// Pixels from one place to the next.
double step(float both, bool has_both, float own, bool has_own, int64_t picture, int64_t places) {
  const float given = has_both ? both : own;
  if (!has_both && !has_own) return static_cast<double>(picture) / static_cast<double>(places);
  if (!(given > 0.0f) || !std::isfinite(given))
    throw Refusal("has a step that is not above 0", kCheckNet);
  return given;
}

}  // namespace

size_t priors_per_place(const caffe::PriorBoxParameter& p) { return box_sizes(p).size(); }

std::vector<float> prior_boxes(const caffe::PriorBoxParameter& p, const PriorGrid& grid) {
  const auto side = [](bool has, uint32_t own, bool has_both, uint32_t both, int64_t picture) {
    const int64_t size = has ? own : has_both ? both : picture;
    return size > 0 ? size : picture;
  };
  const int64_t w =
      side(p.has_img_w(), p.img_w(), p.has_img_size(), p.img_size(), grid.picture_width);
  const int64_t h =
      side(p.has_img_h(), p.img_h(), p.has_img_size(), p.img_size(), grid.picture_height);
  const double step_w = step(p.step(), p.has_step(), p.step_w(), p.has_step_w(), w, grid.width);
  const double step_h = step(p.step(), p.has_step(), p.step_h(), p.has_step_h(), h, grid.height);
  const auto part = [&](double place, int64_t whole) {
    const double value = place / static_cast<double>(whole);
    return static_cast<float>(p.clip() ? std::clamp(value, 0.0, 1.0) : value);
  };
  const std::vector<Size> sizes = box_sizes(p);
  std::vector<float> values;
  for (int64_t y = 0; y < grid.height; ++y) {
    for (int64_t x = 0; x < grid.width; ++x) {
      const double cx = (static_cast<double>(x) + static_cast<double>(p.offset())) * step_w;
      const double cy = (static_cast<double>(y) + static_cast<double>(p.offset())) * step_h;
      for (const Size& size : sizes) {
        values.push_back(part(cx - size.width / 2, w));
        values.push_back(part(cy - size.height / 2, h));
        values.push_back(part(cx + size.width / 2, w));
        values.push_back(part(cy + size.height / 2, h));
      }
    }
  }
  const std::vector<float> each = variances(p);
  const size_t boxes = values.size() / 4;
  for (size_t i = 0; i < boxes; ++i) values.insert(values.end(), each.begin(), each.end());
  return values;
}

}  // namespace stint::builder
