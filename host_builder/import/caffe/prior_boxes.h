// SSD's prior boxes of one feature map.
#pragma once

#include <cstdint>
#include <vector>

#include "caffe/caffe.pb.h"

namespace stint::builder {

struct PriorGrid {
  int64_t width = 0, height = 0;                  // of the feature map
  int64_t picture_width = 0, picture_height = 0;  // of the network's input
};

/// Boxes of a place of the feature map.
size_t priors_per_place(const caffe::PriorBoxParameter& p);

/// x1, y1, x2, y2 of all boxes as parts of the picture, then as many variances. Throws Refusal.
std::vector<float> prior_boxes(const caffe::PriorBoxParameter& p, const PriorGrid& grid);

}  // namespace stint::builder
