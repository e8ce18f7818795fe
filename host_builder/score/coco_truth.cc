#include "host_builder/score/coco_truth.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {
namespace {

using Json = nlohmann::json;

/// Class of each category id.
std::map<int64_t, int32_t> classes_of(const Json& categories,
                                      const std::vector<std::string>& labels,
                                      const std::string& path) {
  std::map<int64_t, std::string> names;
  for (const Json& category : categories)
    names[category.at("id").get<int64_t>()] = category.at("name").get<std::string>();
  std::map<int64_t, int32_t> classes;
  std::string unknown;
  for (const auto& [id, name] : names) {
    if (labels.empty()) {
      classes.emplace(id, static_cast<int32_t>(classes.size()));
      continue;
    }
    const auto found = std::find(labels.begin(), labels.end(), name);
    if (found == labels.end())
      unknown += (unknown.empty() ? "'" : ", '") + name + "'";
    else
      classes.emplace(id, static_cast<int32_t>(found - labels.begin()));
  }
  if (!unknown.empty())
    throw BuildError(path + ": the plan has no label for " + unknown +
                     "; build it with --labels that name the categories as this file does");
  return classes;
}

ScoredBox box_of(const Json& annotation, int32_t class_id) {
  const std::vector<float> bbox = annotation.at("bbox").get<std::vector<float>>();
  const bool finite =
      std::all_of(bbox.begin(), bbox.end(), [](float x) { return std::isfinite(x); });
  if (bbox.size() != 4 || !finite || bbox[2] < 0 || bbox[3] < 0)
    throw BuildError("a bbox is no [x, y, width, height]");
  ScoredBox box;
  box.x1 = bbox[0], box.y1 = bbox[1], box.x2 = bbox[0] + bbox[2], box.y2 = bbox[1] + bbox[3];
  box.class_id = class_id;
  const auto crowd = annotation.find("iscrowd");
  box.is_crowd = crowd != annotation.end() && crowd->is_number() && crowd->get<int>() != 0;
  return box;
}

BoxTruth truth_of(const Json& json, const std::vector<std::string>& labels,
                  const std::string& path) {
  const std::map<int64_t, int32_t> classes = classes_of(json.at("categories"), labels, path);
  std::map<int64_t, std::string> files;
  BoxTruth truth;
  for (const Json& image : json.at("images")) {
    const std::string file = image.at("file_name").get<std::string>();
    if (!files.emplace(image.at("id").get<int64_t>(), file).second)
      throw BuildError("two images have the id " + std::to_string(image.at("id").get<int64_t>()));
    truth[file];
  }
  for (const Json& annotation : json.at("annotations")) {
    const auto image = annotation.at("image_id").get<int64_t>();
    const auto category = annotation.at("category_id").get<int64_t>();
    if (files.count(image) == 0 || classes.count(category) == 0)
      throw BuildError("an annotation is of image " + std::to_string(image) + " and category " +
                       std::to_string(category) + ", which the file does not list");
    truth[files[image]].push_back(box_of(annotation, classes.at(category)));
  }
  return truth;
}

}  // namespace

BoxTruth read_coco_truth(const std::filesystem::path& path,
                         const std::vector<std::string>& labels) {
  const std::vector<std::byte> bytes = read_file(path);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  try {
    return truth_of(Json::parse(text, text + bytes.size()), labels, path.string());
  } catch (const Json::exception& error) {
    throw BuildError(path.string() + ": is no COCO annotation file: " + error.what() +
                     "; it needs images, annotations and categories");
  } catch (const BuildError& error) {
    const std::string reason = error.what();
    if (reason.rfind(path.string(), 0) == 0) throw;
    throw BuildError(path.string() + ": " + reason + "; correct the annotation file");
  }
}

}  // namespace stint::builder
