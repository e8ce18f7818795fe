// A shared engine together with what one element adds to it: names of classes.
#pragma once

#include <glib.h>

#include <memory>
#include <string>
#include <vector>

#include "gst_plugin/engine/shared_engine.h"
#include "gst_plugin/infer_settings.h"

namespace stint::gst {

class LoadedModel {
 public:
  /// Opens the engine that the settings name, and the labels. Every error says what to do about it.
  static Problem load(const InferSettings& settings, std::unique_ptr<LoadedModel>* model);
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  /// Whether these settings would load the same again. A file replaced on disk does not count as
  /// the same.
  bool matches(const InferSettings& settings) const;

  SharedEngine& engine() const { return *engine_; }
  const std::shared_ptr<SharedEngine>& shared() const { return engine_; }
  gchar* name() const { return name_; }  // GRefString
  const std::string& path() const { return path_; }
  const std::string& labels_file() const { return labels_file_; }  // empty: the plan's labels
  /// What is to be said about a model that can be used all the same.
  const std::vector<Problem>& remarks() const { return remarks_; }

  /// Interned; "class-7" for a class without a label.
  GQuark label(int32_t class_id) const;
  size_t label_count() const { return labels_.size(); }

 private:
  LoadedModel() = default;
  Problem load_labels(const std::string& file);

  std::shared_ptr<SharedEngine> engine_;
  std::string path_, device_, engine_id_, labels_file_;
  uint32_t threads_ = 0;
  gchar* name_ = nullptr;
  std::vector<GQuark> labels_;
  std::vector<Problem> remarks_;
};

}  // namespace stint::gst
