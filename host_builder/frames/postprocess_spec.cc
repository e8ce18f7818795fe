#include "host_builder/frames/postprocess_spec.h"

#include <initializer_list>
#include <utility>

#include "host_builder/frames/spec_text.h"

namespace stint::builder {
namespace {

constexpr const char* kOption = "--postprocess";
constexpr std::pair<const char*, PostprocessKind> kKinds[] = {
    {"yolox", PostprocessKind::kYolox},   {"yolov5", PostprocessKind::kYolov5},
    {"yolov8", PostprocessKind::kYolov8}, {"yolo-anchors", PostprocessKind::kYoloAnchors},
    {"ssd", PostprocessKind::kSsd},       {"boxes-scores", PostprocessKind::kBoxesScores},
    {"detr", PostprocessKind::kDetr},     {"end-to-end", PostprocessKind::kEndToEnd},
    {"topk", PostprocessKind::kTopK},     {"argmax", PostprocessKind::kArgmax},
};

constexpr uint32_t only(std::initializer_list<PostprocessKind> kinds) {
  uint32_t set = 0;
  for (const PostprocessKind kind : kinds) set |= 1u << static_cast<uint32_t>(kind);
  return set;
}

/// Keys that mean something to some decoders only; a decoder that is given another's key is
/// perhaps not the one that was meant.
constexpr std::pair<const char*, uint32_t> kKeysOfSome[] = {
    {"anchors", only({PostprocessKind::kYoloAnchors})},
    {"scaled", only({PostprocessKind::kYoloAnchors})},
    {"outputs", only({PostprocessKind::kYoloAnchors})},
    {"strides",
     only({PostprocessKind::kYolox, PostprocessKind::kYoloAnchors, PostprocessKind::kSsd})},
    {"variances", only({PostprocessKind::kSsd})},
    {"priors", only({PostprocessKind::kSsd})},
    {"prior-sizes", only({PostprocessKind::kSsd})},
    {"boxes", only({PostprocessKind::kSsd, PostprocessKind::kBoxesScores, PostprocessKind::kDetr})},
    {"scores",
     only({PostprocessKind::kSsd, PostprocessKind::kBoxesScores, PostprocessKind::kDetr})},
    {"labels", only({PostprocessKind::kBoxesScores})},
    {"count", only({PostprocessKind::kBoxesScores})},
    {"yxyx", only({PostprocessKind::kSsd, PostprocessKind::kBoxesScores, PostprocessKind::kEndToEnd,
                   PostprocessKind::kDetr})},
    {"axis", only({PostprocessKind::kArgmax})},
    {"threshold", only({PostprocessKind::kArgmax})},
    {"masks",
     only({PostprocessKind::kYolov5, PostprocessKind::kYolov8, PostprocessKind::kEndToEnd})},
    {"keypoints",
     only({PostprocessKind::kYolov5, PostprocessKind::kYolov8, PostprocessKind::kEndToEnd})},
    {"rotated", only({PostprocessKind::kYolov8, PostprocessKind::kEndToEnd})},
};

void want_decoder_of_key(const SpecText& text, const SpecItem& item, PostprocessKind kind) {
  for (const auto& [key, kinds] : kKeysOfSome) {
    if (item.key != key || (kinds >> static_cast<uint32_t>(kind) & 1u) != 0) continue;
    std::string names;
    for (const auto& [name, other] : kKinds)
      if ((kinds >> static_cast<uint32_t>(other) & 1u) != 0)
        names += (names.empty() ? "" : " or ") + std::string(name);
    text.fail(item, std::string("a key of ") + postprocess_name(kind) + " ('" + item.key +
                        "' belongs to " + names + ")");
  }
}

/// NAME+NAME+...
std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  size_t begin = 0;
  for (size_t end = text.find('+'); end != std::string::npos; end = text.find('+', begin)) {
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  names.push_back(text.substr(begin));
  return names;
}

/// Sizes between colons, levels between slashes: 10:16:24/32:48.
void read_prior_sizes(const SpecText& text, const SpecItem& item, PostprocessSpec* spec) {
  const std::string& all = text.want_value(item, "sizes such as 10:16:24/32:48");
  spec->prior_sizes.clear();
  spec->prior_counts.clear();
  size_t begin = 0;
  while (true) {
    size_t end = all.find('/', begin);
    if (end == std::string::npos) end = all.size();
    SpecItem level = item;
    level.value = all.substr(begin, end - begin);
    level.value_position = item.value_position + begin;
    const std::vector<float> sizes = text.numbers(level, 1, 64);
    spec->prior_counts.push_back(sizes.size());
    spec->prior_sizes.insert(spec->prior_sizes.end(), sizes.begin(), sizes.end());
    if (end == all.size()) return;
    begin = end + 1;
  }
}

bool read_value(const SpecText& text, const SpecItem& item, PostprocessSpec* s) {
  const std::string& key = item.key;
  const auto at_least = [&](float least, std::vector<float> values) {
    for (const float v : values)
      if (!(v >= least))
        text.fail(item.value_position, *item.value,
                  least > 0.5f ? "numbers from 1" : "numbers above 0");
    return values;
  };
  if (key == "score") {
    // Class scores may be logits; detectors' are probabilities.
    const double limit = s->kind == PostprocessKind::kTopK ? 1e30 : 1.0;
    s->score = static_cast<float>(text.number(item, limit == 1.0 ? 0.0 : -limit, limit));
  } else if (key == "iou") {
    s->iou = static_cast<float>(text.number(item, 0, 1));
  } else if (key == "max" || key == "k") {
    s->max_detections = text.integer(item, 1, kMaxDetections);
  } else if (key == "classes") {
    s->classes = text.integer(item, 1, kMaxCandidates);
  } else if (key == "first-class") {
    s->first_class = text.integer(item, 0, kMaxCandidates);
  } else if (key == "candidates") {
    s->candidates = text.integer(item, 1, kMaxCandidates);
  } else if (key == "threshold") {
    s->threshold = static_cast<float>(text.number(item, -1e30, 1e30));
  } else if (key == "axis") {
    s->axis = text.integer(item, -8, 7);
  } else if (key == "strides") {
    s->strides = at_least(1.0f, text.numbers(item, 1, kMaxDecodeLevels));
  } else if (key == "anchors") {
    s->anchors = at_least(1e-6f, text.numbers(item, 2, 2 * kMaxLevelAnchors * kMaxDecodeLevels));
    if (s->anchors.size() % 2 != 0)
      text.fail(item.value_position, *item.value, "pairs of width and height");
  } else if (key == "variances") {
    s->variances = text.numbers(item, 2, 2);
  } else if (key == "prior-sizes") {
    read_prior_sizes(text, item, s);
  } else if (key == "output") {
    s->outputs = {text.want_value(item, "the name of an output")};
  } else if (key == "outputs") {
    s->outputs = split_names(text.want_value(item, "names of outputs with '+' between them"));
  } else if (key == "boxes") {
    s->boxes = text.want_value(item, "the name of an output");
  } else if (key == "scores") {
    s->scores = text.want_value(item, "the name of an output");
  } else if (key == "labels") {
    s->labels = text.want_value(item, "the name of an output");
  } else if (key == "count") {
    s->count = text.want_value(item, "the name of an output");
  } else if (key == "masks") {
    s->masks = text.want_value(item, "the name of the output with the prototypes");
  } else if (key == "keypoints") {
    s->keypoints = text.integer(item, 1, kMaxCandidates);
  } else if (key == "priors") {
    s->priors = text.want_value(item, "the name of a constant or output");
  } else {
    return false;
  }
  return true;
}

bool read_word(const SpecText& text, const SpecItem& item, PostprocessSpec* s) {
  const std::string& key = item.key;
  if (key == "agnostic") {
    s->agnostic = true;
  } else if (key == "multi-label" || key == "best-class") {
    s->multi_label = key == "multi-label";
  } else if (key == "sigmoid") {
    s->function = ScoreFunction::kSigmoid;
  } else if (key == "softmax") {
    s->function = ScoreFunction::kSoftmax;
  } else if (key == "no-sigmoid") {
    s->function = ScoreFunction::kNone;
  } else if (key == "center" || key == "corners") {
    s->center_boxes = key == "center";
  } else if (key == "normalized" || key == "pixels") {
    s->normalized = key == "normalized";
  } else if (key == "rotated") {
    s->rotated = true;
  } else if (key == "scaled") {
    s->scaled_anchors = true;
  } else if (key == "yxyx") {
    s->y_first = true;
  } else if (key == "unchecked") {
    s->unchecked = true;
  } else if (key == "keep-outputs") {
    s->keep_outputs = true;
  } else {
    return false;
  }
  text.want_word(item);
  return true;
}

}  // namespace

const char* postprocess_name(PostprocessKind kind) {
  for (const auto& [name, k] : kKinds)
    if (k == kind) return name;
  return "?";
}

std::string PostprocessSpec::details() const {
  std::string text;
  if (!masks.empty()) text += "masks=" + masks;
  if (keypoints) text += (text.empty() ? "" : ",") + ("keypoints=" + std::to_string(*keypoints));
  if (rotated) text += std::string(text.empty() ? "" : ",") + "rotated";
  return text;
}

PostprocessSpec parse_postprocess_spec(const std::string& spec_text) {
  const SpecText text(kOption, spec_text);
  PostprocessSpec spec;
  const SpecItem& first = text.items().front();
  bool known = false;
  for (const auto& [name, kind] : kKinds) {
    if (first.key != name) continue;
    spec.kind = kind;
    known = true;
  }
  if (!known)
    text.fail(first,
              "a decoder first: yolox, yolov5, yolov8, yolo-anchors, ssd, boxes-scores, detr, "
              "end-to-end, topk or argmax");
  text.want_word(first);
  for (size_t i = 1; i < text.items().size(); ++i) {
    const SpecItem& item = text.items()[i];
    want_decoder_of_key(text, item, spec.kind);
    if (!read_value(text, item, &spec) && !read_word(text, item, &spec))
      text.fail(item,
                "score=, iou=, max=, k=, classes=, first-class=, candidates=, strides=, anchors=, "
                "variances=, prior-sizes=, axis=, threshold=, output=, outputs=, boxes=, scores=, "
                "labels=, count=, priors=, masks=, keypoints=, rotated, agnostic, multi-label, "
                "best-class, sigmoid, softmax, no-sigmoid, center, corners, yxyx, normalized, "
                "pixels, scaled, keep-outputs or unchecked");
  }
  return spec;
}

std::vector<std::string> named_operands(const PostprocessSpec& spec) {
  std::vector<std::string> names = spec.outputs;
  for (const std::string& name : {spec.boxes, spec.scores, spec.labels, spec.count})
    if (!name.empty()) names.push_back(name);
  return names;
}

const char* postprocess_grammar() {
  return R"(  a decoder, then words and key=value, separated by commas
    yolox         [n, rows, 5+classes] with boxes relative to the grid; strides= (default 8:16:32)
    yolov5        [n, rows, 5+classes] with boxes in pixels
    yolov8        [n, 4+classes, rows] or [n, rows, 4+classes], boxes in pixels, no objectness
                  yolov5 and yolov8: with classes=N, columns behind the classes are left alone
    end-to-end    [n, rows, 6] of x1,y1,x2,y2,score,class, as networks without suppression and
                  exports with it give them (YOLOv10, YOLO26, nms=True)
    detr          boxes [n, queries, 4] and logits [n, queries, classes+1]: softmax, the last class is
                  "no object"; with sigmoid (RT-DETR, Deformable DETR) [n, queries, classes]
    yolo-anchors  one raw output per level ([n, a*(5+classes), h, w] or [n, a, h, w, 5+classes]);
                  anchors=W:H:W:H... level after level in the order of outputs=; scaled: YOLOv5's formula
    ssd           boxes= offsets, scores=, priors=NAME or prior-sizes=10:16:24/32:48 with strides=;
                  variances= (default 0.1:0.2), first-class= (default 1)
    boxes-scores  boxes= [n, rows, 4] and scores= [n, rows, classes] or [n, classes, rows]; or scores=
                  [n, rows] with labels= [n, rows], count=: output with the number of rows that count
    topk          the k= (default 5) best classes as detections over the whole frame
    argmax        a u8 mask of the best class per pixel; axis= of the classes (default 1; -1 for
                  networks with channels last); threshold=V: of a one-channel mask, 1 where the value
                  (with sigmoid: its sigmoid) is at least V; whole-number masks stay as they are
    what columns behind the classes say (yolov8, yolov5, end-to-end), each a result of its own, with
    zeros beyond the count:
    masks=NAME                output with the prototypes [n, k, h, w], for k coefficients. "masks" u8
                              [n, max, h, w]: 1 inside the box where sigmoid(coefficients * prototypes)
                              > 0.5; pixel x, y covers [x, x+1) * width/w by [y, y+1) * height/h of the
                              network's input
    keypoints=N               N points of 2 or 3 values (yolov8, yolov5: give classes=). "keypoints" f32
                              [n, max, N, 3]: x, y in frame pixels, clipped to the frame; the third
                              value as the model has it, 1 where it has none
    rotated                   an angle in radians (not yolov5). "rotated" f32 [n, max, 7]: centre x, y,
                              width, height in frame pixels, angle in 0..pi/2 from x towards y, score,
                              class. Boxes suppress each other by ProbIoU (iou=); detections are hulls
    score=V  iou=V  max=N     thresholds and number of detections (0.25, 0.45, 100); end-to-end, detr
                              and labels= give final rows, which are suppressed only if iou= is given
    classes=N                 checked against the model; first-class=N: classes below are background
    candidates=N              best-scored candidates that enter suppression (4096)
    agnostic                  suppression across classes, not within each
    best-class | multi-label  a row gives its best class (default) or each class over the threshold
                              (default of ssd, boxes-scores and detr,sigmoid)
    sigmoid | softmax | no-sigmoid   function applied to raw scores (default none; yolo-anchors: sigmoid,
                              detr: softmax)
    center | corners          boxes or priors are cx,cy,w,h or x1,y1,x2,y2; yxyx: y before x
    normalized | pixels       boxes in 0..1 of the input (default of ssd and detr) or in its pixels
    output=NAME  outputs=A+B  which outputs to decode (default: the only ones that fit); NAME, as in
                              boxes= and the like, may be a value inside the model: what the model
                              computes from it (its own suppression, say) is left out
    keep-outputs              the decoded outputs stay outputs as well
    unchecked                 skips the check of the decoder on a picture of noise, and its advice
  class numbers are the model's own, background included; give --labels in that order
  examples: --postprocess yolox,strides=8:16:32,classes=80,score=0.3,iou=0.45
            --postprocess boxes-scores,boxes=boxes,scores=scores,first-class=1,normalized
            --postprocess boxes-scores,boxes=boxes,scores=scores,labels=labels
            --postprocess topk,k=5,softmax
            --postprocess yolov8,classes=80,masks=output1
            --postprocess yolov8,classes=1,keypoints=17
            --postprocess yolov8,classes=15,rotated
)";
}

}  // namespace stint::builder
