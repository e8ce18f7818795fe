// Where things are in pictures, as COCO's annotation files say it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "host_builder/score/average_precision.h"

namespace stint::builder {

/// Boxes by the picture's file name. Pictures without boxes are there, too.
using BoxTruth = std::map<std::string, std::vector<ScoredBox>>;

/// `images` [{id, file_name}], `annotations` [{image_id, category_id, bbox [x, y, w, h],
/// iscrowd?}], `categories` [{id, name}]. A category's class is the label of its name among
/// `labels`; without labels, its place in the order of the ids. Throws BuildError that says what is
/// wrong where, and names the categories that no label has.
BoxTruth read_coco_truth(const std::filesystem::path& path, const std::vector<std::string>& labels);

}  // namespace stint::builder
