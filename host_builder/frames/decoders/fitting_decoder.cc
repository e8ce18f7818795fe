#include "host_builder/frames/decoders/fitting_decoder.h"

#include <algorithm>
#include <vector>

#include "host_builder/frames/decoders/decoder_insertion.h"
#include "plan_schema/params/elementwise.h"

namespace stint::builder {
namespace {

class Fitting {
 public:
  Fitting(const Graph& graph, PostprocessKind refused, int64_t grid_rows)
      : graph_(graph), refused_(refused), grid_rows_(grid_rows) {}

  std::string text() const {
    for (const auto find : {&Fitting::with_boxes, &Fitting::one_tensor, &Fitting::levels,
                            &Fitting::map, &Fitting::classes}) {
      const std::string found = (this->*find)();
      if (!found.empty()) return found;
    }
    return {};
  }

 private:
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  const std::string& name(ValueId id) const { return graph_.value(id).name; }
  bool refused(PostprocessKind kind) const { return kind == refused_; }

  /// ",output=NAME" where there is a choice.
  std::string chosen(ValueId id) const {
    return graph_.outputs.size() > 1 ? ",output=" + name(id) : "";
  }

  std::string with_boxes() const {
    std::vector<ValueId> boxes, columns, tables;
    for (const ValueId id : graph_.outputs)
      if (shape(id).size() == 3 && shape(id)[2] == 4) boxes.push_back(id);
    if (boxes.size() != 1) return {};
    const int64_t rows = shape(boxes[0])[1];
    for (const ValueId id : graph_.outputs) {
      const Shape& s = shape(id);
      if (id == boxes[0] || s.size() < 2) continue;
      if (graph_.value(id).elements() == s[0] * rows)
        columns.push_back(id);
      else if (s.size() == 3 && (s[1] == rows || s[2] == rows))
        tables.push_back(id);
    }
    // Class ids are whole numbers; where exporters write them as floats, names tell.
    std::stable_sort(columns.begin(), columns.end(), [&](ValueId a, ValueId b) {
      const auto ids = [&](ValueId id) {
        return !is_float(graph_.value(id).dtype) || name(id).find("label") != std::string::npos ||
               name(id).find("class") != std::string::npos;
      };
      return !ids(a) && ids(b);
    });
    const std::string start = "boxes-scores,boxes=" + name(boxes[0]) + ",scores=";
    if (columns.size() >= 2) return start + name(columns[0]) + ",labels=" + name(columns.back());
    if (tables.size() == 1 && rows <= kMaxFinalRows && !refused(PostprocessKind::kDetr) &&
        shape(tables[0])[1] == rows && refused(PostprocessKind::kBoxesScores))
      return "detr";
    if (refused(PostprocessKind::kBoxesScores)) return {};
    if (tables.size() == 1) return start + name(tables[0]);
    return columns.size() == 1 ? start + name(columns[0]) : "";
  }

  std::string one_tensor() const {
    for (const ValueId id : graph_.outputs) {
      const Shape& s = shape(id);
      if (s.size() != 3 || std::min(s[1], s[2]) < 5 || !is_float(graph_.value(id).dtype)) continue;
      if (s[2] == 6 && s[1] <= kMaxFinalRows) {
        if (!refused(PostprocessKind::kEndToEnd)) return "end-to-end" + chosen(id);
        continue;
      }
      if (!refused(PostprocessKind::kYolox) && s[1] == grid_rows_ && s[2] >= 6 && s[1] > s[2])
        return "yolox" + chosen(id);
      if (!refused(PostprocessKind::kYolov8) && s[1] < s[2]) return "yolov8" + chosen(id);
      if (!refused(PostprocessKind::kYolov5) && s[1] > s[2]) return "yolov5" + chosen(id);
    }
    return {};
  }

  std::string levels() const {
    size_t count = 0;
    for (const ValueId id : graph_.outputs)
      count += shape(id).size() == 5 || (shape(id).size() == 4 && shape(id)[1] >= 6 ? 1u : 0u);
    if (count < 2 || refused(PostprocessKind::kYoloAnchors)) return {};
    return "yolo-anchors,anchors=W:H:...";
  }

  std::string map() const {
    if (refused(PostprocessKind::kArgmax)) return {};
    for (const ValueId id : graph_.outputs) {
      const Shape& s = shape(id);
      if (s.size() == 3 && !is_float(graph_.value(id).dtype)) return "argmax" + chosen(id);
      if (s.size() != 4 || s[2] < 2 || s[3] < 2) continue;
      return (s[1] == 1 ? "argmax,threshold=0.5" : "argmax") + chosen(id);
    }
    return {};
  }

  std::string classes() const {
    if (refused(PostprocessKind::kTopK)) return {};
    for (const ValueId id : graph_.outputs)
      if (shape(id).size() == 2 && shape(id)[1] > 1 && is_float(graph_.value(id).dtype))
        return "topk" + chosen(id);
    return {};
  }

  const Graph& graph_;
  PostprocessKind refused_;
  int64_t grid_rows_;
};

}  // namespace

std::string fitting_decoder(const Graph& graph, PostprocessKind refused, int64_t grid_rows) {
  return Fitting(graph, refused, grid_rows).text();
}

}  // namespace stint::builder
