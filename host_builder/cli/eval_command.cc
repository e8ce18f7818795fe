// stint eval: how right a plan is on pictures whose classes or boxes are known.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host_builder/cli/commands.h"
#include "host_builder/cli/file_argument.h"
#include "host_builder/cli/runner.h"
#include "host_builder/data/folder_files.h"
#include "host_builder/data/image_file.h"
#include "host_builder/score/average_precision.h"
#include "host_builder/score/coco_truth.h"
#include "host_builder/score/labelled_pictures.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

namespace fs = std::filesystem;

struct EvalArguments {
  std::string plan;
  std::string data;
  std::string truth;
  std::string against;
  bool json = false;
  RunnerOptions options;
};

std::vector<std::string> labels_of(const Plan& plan) {
  std::vector<std::string> labels;
  for (uint32_t i = 0; i < plan.label_count(); ++i) labels.emplace_back(plan.label(i));
  return labels;
}

/// A plan that takes pictures, and what it says of each.
class PictureRunner {
 public:
  PictureRunner(const std::string& plan, const RunnerOptions& options) : runner_(plan, options) {
    for (uint32_t i = 0; i < runner_.inputs().size(); ++i)
      if (runner_.inputs()[i].kind == STINT_BINDING_IMAGE) image_ = i;
    if (runner_.inputs().size() != 1 || image_ != 0)
      throw BuildError(plan +
                       ": takes tensors, pictures are needed; build it with --preprocess, which "
                       "says how a picture becomes the network's input");
    for (uint32_t i = 0; i < runner_.outputs().size(); ++i)
      if (runner_.outputs()[i].kind == STINT_BINDING_DETECTIONS) has_detections_ = true;
  }

  Runner& runner() { return runner_; }
  bool has_detections() const { return has_detections_; }

  /// Calls `see(index, slot)` for every picture after the run that holds it.
  void each(const std::vector<fs::path>& pictures,
            const std::function<void(size_t index, uint32_t slot)>& see) {
    const size_t batch = runner_.batch();
    for (size_t first = 0; first < pictures.size(); first += batch) {
      const size_t count = std::min(batch, pictures.size() - first);
      std::vector<Picture> held;
      held.reserve(count);
      for (size_t i = 0; i < count; ++i) {
        held.push_back(read_picture(pictures[first + i]));
        require(runner_.session().bind_image(0, static_cast<uint32_t>(i), held.back().frame()),
                pictures[first + i].string());
      }
      require(runner_.session().set_active_slots(static_cast<uint32_t>(count)), "batch");
      runner_.run();
      for (size_t i = 0; i < count; ++i) see(first + i, static_cast<uint32_t>(i));
    }
  }

  std::vector<ScoredBox> boxes(uint32_t slot) {
    Detections found;
    require(runner_.session().detections(slot, &found), "detections");
    std::vector<ScoredBox> boxes;
    for (uint32_t i = 0; i < found.size(); ++i) {
      const stint_detection& d = found[i];
      boxes.push_back({d.x1, d.y1, d.x2, d.y2, d.class_id, d.score, false});
    }
    return boxes;
  }

  /// Classes, the best first, at most `count`: those of the decoder, else of the output's scores.
  std::vector<int32_t> classes(uint32_t slot, size_t count) {
    std::vector<int32_t> best;
    if (has_detections_) {
      for (const ScoredBox& box : boxes(slot)) best.push_back(box.class_id);
    } else {
      best = best_scores(slot, count);
    }
    if (best.size() > count) best.resize(count);
    return best;
  }

 private:
  std::vector<int32_t> best_scores(uint32_t slot, size_t count) {
    const HostTensor scores = runner_.output(0);
    const auto per_slot = static_cast<size_t>(scores.shape.empty() ? 0 : scores.data.size()) /
                          sizeof(float) / runner_.batch();
    if (scores.dtype != DType::kF32 || per_slot < 2)
      throw BuildError("output '" + std::string(runner_.outputs()[0].name) +
                       "' holds no scores of classes; build the plan with --postprocess topk, or "
                       "give boxes with --truth");
    const float* x = scores.as<float>() + slot * per_slot;
    std::vector<int32_t> order(per_slot);
    std::iota(order.begin(), order.end(), 0);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, per_slot));
    std::partial_sort(order.begin(), end, order.end(),
                      [&](int32_t a, int32_t b) { return x[a] != x[b] ? x[a] > x[b] : a < b; });
    order.erase(end, order.end());
    return order;
  }

  Runner runner_;
  uint32_t image_ = 0xFFFFFFFFu;
  bool has_detections_ = false;
};

void print(const nlohmann::ordered_json& report, bool as_json) {
  if (as_json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  for (const auto& [key, value] : report.items()) {
    if (value.is_number_float())
      std::printf("%-17s %.2f %%\n", key.c_str(), 100.0 * value.get<double>());
    else
      std::printf("%-17s %s\n", key.c_str(),
                  value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
  }
}

nlohmann::ordered_json header(PictureRunner& plan, size_t pictures) {
  return {{"plan", plan.runner().plan().name()},
          {"device", plan.runner().device_text()},
          {"pictures", pictures}};
}

/// Boxes of a file, or those that another plan finds.
nlohmann::ordered_json eval_boxes(const EvalArguments& arguments, PictureRunner& plan) {
  if (!plan.has_detections())
    throw BuildError(arguments.plan +
                     ": finds no boxes; build it with --postprocess, which decodes them");
  std::vector<fs::path> pictures;
  std::vector<std::vector<ScoredBox>> wanted;
  if (!arguments.truth.empty()) {
    for (auto& [name, boxes] : read_coco_truth(arguments.truth, labels_of(plan.runner().plan()))) {
      pictures.push_back(fs::path(arguments.data) / name);
      wanted.push_back(std::move(boxes));
    }
  } else {
    pictures = pictures_in(arguments.data);
    if (pictures.empty())
      throw BuildError(arguments.data + ": has no pictures; give a folder of PNG or JPEG files");
    wanted.resize(pictures.size());
    PictureRunner other(arguments.against, arguments.options);
    if (!other.has_detections())
      throw BuildError(arguments.against + ": finds no boxes; give a plan that does");
    other.each(pictures, [&](size_t i, uint32_t slot) { wanted[i] = other.boxes(slot); });
  }
  AveragePrecision score;
  plan.each(pictures, [&](size_t i, uint32_t slot) { score.add(wanted[i], plan.boxes(slot)); });
  if (score.truth_count() == 0)
    throw BuildError("there are no boxes to be found in these pictures; give others");
  nlohmann::ordered_json report = header(plan, pictures.size());
  report["boxes"] = score.truth_count();
  report["mAP"] = score.mean();
  report["mAP50"] = score.at(0.5);
  report["mAP75"] = score.at(0.75);
  return report;
}

nlohmann::ordered_json eval_classes(const EvalArguments& arguments, PictureRunner& plan) {
  const std::vector<LabelledPicture> labelled =
      labelled_pictures(arguments.data, labels_of(plan.runner().plan()));
  std::vector<fs::path> pictures;
  for (const LabelledPicture& picture : labelled) pictures.push_back(picture.path);
  size_t first = 0, among_five = 0;
  plan.each(pictures, [&](size_t i, uint32_t slot) {
    const std::vector<int32_t> best = plan.classes(slot, 5);
    const auto at = std::find(best.begin(), best.end(), labelled[i].class_id);
    first += at == best.begin() && !best.empty() ? 1 : 0;
    among_five += at != best.end() ? 1 : 0;
  });
  nlohmann::ordered_json report = header(plan, pictures.size());
  report["top-1"] = static_cast<double>(first) / static_cast<double>(pictures.size());
  report["top-5"] = static_cast<double>(among_five) / static_cast<double>(pictures.size());
  return report;
}

void eval(const EvalArguments& arguments) {
  if (!arguments.truth.empty() && !arguments.against.empty())
    throw UsageError("--truth and --against both say what is right; give one");
  PictureRunner plan(arguments.plan, arguments.options);
  const bool boxes = !arguments.truth.empty() || !arguments.against.empty();
  print(boxes ? eval_boxes(arguments, plan) : eval_classes(arguments, plan), arguments.json);
}

}  // namespace

void add_eval_command(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = app.add_subcommand(
      "eval", "Measure a plan's accuracy on pictures: top-1 and top-5, or mAP of boxes");
  command->add_option("PLAN", arguments->plan, "Plan file that takes pictures (--preprocess)")
      ->required()
      ->check(file_name());
  command
      ->add_option("--data", arguments->data,
                   "Folder: DIR/CLASS/picture.png with classes by label or number; with --truth or "
                   "--against the pictures themselves")
      ->required();
  command->add_option("--truth", arguments->truth, "Boxes of the pictures: a COCO annotation file")
      ->check(file_name());
  command
      ->add_option("--against", arguments->against,
                   "Another plan, whose boxes are taken for right: the FP32 plan of an INT8 one")
      ->check(file_name());
  command->add_option("--batch", arguments->options.batch,
                      "Batch size (default: the plan's smallest)");
  command->add_option("--threads", arguments->options.threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--device", arguments->options.device, "cpu, cuda:N, or auto")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Machine-readable; shares from 0 to 1");
  command->callback([arguments] { eval(*arguments); });
}

}  // namespace stint::builder
