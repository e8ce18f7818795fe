#include "gst_plugin/loaded_model.h"

#include "gst_plugin/engine/labels_file.h"

namespace stint::gst {
namespace {

constexpr size_t kMaxLabelBytes = 256;

/// Labels travel as UTF-8 in caps, structures and JSON.
GQuark label_quark(std::string text, size_t class_id) {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.size() > kMaxLabelBytes) text.resize(kMaxLabelBytes);
  if (text.empty()) text = "class-" + std::to_string(class_id);
  gchar* valid = g_utf8_make_valid(text.c_str(), -1);
  const GQuark quark = g_quark_from_string(valid);
  g_free(valid);
  return quark;
}

}  // namespace

Problem LoadedModel::load(const InferSettings& settings, std::unique_ptr<LoadedModel>* model) {
  std::unique_ptr<LoadedModel> made(new LoadedModel());
  made->path_ = settings.model;
  made->device_ = settings.device;
  made->engine_id_ = settings.engine_id;
  made->threads_ = settings.threads;
  made->labels_file_ = settings.labels_file;
  const EngineRequest request{settings.model, settings.device, settings.engine_id,
                              settings.threads};
  if (Problem problem = EngineRegistry::instance().open(request, &made->engine_)) return problem;
  if (Problem problem = made->load_labels(settings.labels_file)) return problem;
  made->name_ = g_ref_string_new(made->engine_->plan().name().c_str());
  *model = std::move(made);
  return {};
}

LoadedModel::~LoadedModel() {
  if (name_) g_ref_string_release(name_);
}

bool LoadedModel::matches(const InferSettings& settings) const {
  FileIdentity now;
  return path_ == settings.model && device_ == settings.device &&
         engine_id_ == settings.engine_id && threads_ == settings.threads &&
         labels_file_ == settings.labels_file && !identify_file(path_, &now) &&
         now == engine_->identity;
}

Problem LoadedModel::load_labels(const std::string& file) {
  const std::vector<std::string>& own = engine_->plan().labels();
  std::vector<std::string> lines;
  if (!file.empty()) {
    if (Problem problem = read_labels_file(file, &lines)) return problem;
    if (!own.empty() && own.size() != lines.size()) {
      const std::string found = std::to_string(lines.size()) + " labels";
      const std::string needed = std::to_string(own.size()) + ", one for each class of the plan";
      remarks_.push_back({Problem::Kind::kSettings,
                          "labels-file " + file + " has " + found + ", the plan " + path_ +
                              " names " + std::to_string(own.size()) +
                              " classes: probably it belongs to another model",
                          found, needed, ""});
    }
  }
  for (const std::string& label : file.empty() ? own : lines) {
    labels_.push_back(label_quark(label, labels_.size()));
  }
  return {};
}

GQuark LoadedModel::label(int32_t class_id) const {
  const auto index = static_cast<size_t>(class_id);
  if (class_id >= 0 && index < labels_.size()) return labels_[index];
  // A class number is bounded by the network's outputs, so that these do not pile up.
  return label_quark("", index);
}

}  // namespace stint::gst
