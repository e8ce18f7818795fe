#include "host_builder/builder/noise_check.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "host_builder/builder/noise_run.h"
#include "host_builder/frames/insert.h"
#include "host_builder/support/internal_error.h"

namespace stint::builder {
namespace {

struct Output {
  std::string name;
  Shape shape;
  std::vector<float> values;
  DType dtype = DType::kF32;
};

/// A network that gives the same whatever it sees.
Graph network(const std::vector<Output>& outputs) {
  Graph graph;
  graph.name = "test";
  graph.inputs = {graph.add_value("image", DType::kF32, {1, 3, 64, 64})};
  for (const Output& o : outputs) {
    if (o.dtype == DType::kI64) {
      const std::vector<int64_t> whole(o.values.begin(), o.values.end());
      graph.outputs.push_back(graph.add_constant(o.name, DType::kI64, o.shape, whole));
    } else {
      graph.outputs.push_back(graph.add_constant(o.name, DType::kF32, o.shape, o.values));
    }
  }
  return graph;
}

/// What the check says: the error, the note, or nothing.
std::string verdict(const std::vector<Output>& outputs, const std::string& spec) {
  Graph graph = network(outputs);
  try {
    const auto decoder = insert_frames(graph, "stretch", spec);
    return check_decoder_on_noise(graph, *decoder);
  } catch (const BuildError& error) {
    return error.what();
  }
}

bool says(const std::string& message, const std::string& part) {
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
  CHECK(message.find("unchecked") != std::string::npos);
  return true;
}

/// rows x columns numbers, column by column from ranges.
std::vector<float> table(int64_t rows, const std::vector<std::pair<float, float>>& columns,
                         bool transposed = false) {
  std::mt19937 random(5);
  std::vector<float> values(static_cast<size_t>(rows) * columns.size());
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r)
    for (size_t c = 0; c < columns.size(); ++c)
      values[transposed ? c * static_cast<size_t>(rows) + r : r * columns.size() + c] =
          columns[c].first +
          (columns[c].second - columns[c].first) * static_cast<float>(random() % 1000) / 999.0f;
  return values;
}

using Columns = std::vector<std::pair<float, float>>;

Columns operator+(Columns a, const Columns& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Columns kCentres = {{0, 64}, {0, 64}, {4, 20}, {4, 20}};
const Columns kCorners = {{0, 30}, {0, 30}, {31, 64}, {31, 64}};
const Columns kParts = {{0, 0.4f}, {0, 0.4f}, {0.5f, 1}, {0.5f, 1}};

Columns many(size_t count, float low, float high) { return Columns(count, {low, high}); }

}  // namespace

TEST_CASE("decoders that understand their network pass on noise") {
  CHECK(verdict({{"y", {1, 7, 84}, table(84, kCentres + many(3, 0, 1), true)}}, "yolov8") == "");
  CHECK(verdict({{"y", {1, 39, 84}, table(84, kCentres + many(3, 0, 1) + many(32, -4, 4), true)}},
                "yolov8,classes=3") == "");
  CHECK(verdict({{"y", {1, 252, 8}, table(252, kCentres + many(4, 0, 1))}}, "yolov5") == "");
  CHECK(verdict({{"y", {1, 252, 8}, table(252, kCentres + many(4, -9, 3))}}, "yolov5,sigmoid") ==
        "");
  std::vector<float> rows = table(300, kCorners + many(2, 0, 1));
  for (size_t i = 5; i < rows.size(); i += 6) rows[i] = static_cast<float>(i % 80);
  CHECK(verdict({{"y", {1, 300, 6}, rows}}, "end-to-end") == "");
  CHECK(verdict({{"y", {1, 300, 6}, std::vector<float>(1800, 0.0f)}}, "end-to-end") == "");
  CHECK(verdict({{"b", {1, 100, 4}, table(100, many(4, 0.1f, 0.9f))},
                 {"l", {1, 100, 5}, table(100, many(5, -6, 3))}},
                "detr") == "");
  CHECK(verdict({{"m", {1, 3, 8, 8}, table(64, many(3, -4, 4), true)}}, "argmax") == "");
  CHECK(verdict({{"m", {1, 1, 8, 8}, table(64, many(1, 0, 1))}}, "argmax,threshold=0.5") == "");
  CHECK(verdict({{"m", {1, 1, 8, 8}, table(64, many(1, -4, 4))}}, "argmax,threshold=0.5,sigmoid") ==
        "");
  CHECK(verdict({{"y", {1, 10}, table(1, many(10, -4, 4))}}, "topk,softmax") == "");
}

TEST_CASE("what is read behind the classes does not keep the check from running") {
  const Output prototypes = {"p", {1, 32, 16, 16}, table(256, many(32, -1, 1), true)};
  const auto with = [&](const Columns& scores) {
    return std::vector<Output>{
        {"y", {1, 39, 84}, table(84, kCentres + scores + many(32, -4, 4), true)}, prototypes};
  };
  CHECK(verdict(with(many(3, 0, 1)), "yolov8,masks=p") == "");
  CHECK(verdict(with(many(3, 0, 1)), "yolov8,masks=p,keep-outputs") == "");
  says(verdict(with(many(3, -5, 2)), "yolov8,masks=p"), "add sigmoid");
  const auto pose = [](const Columns& scores) {
    return std::vector<Output>{
        {"y", {1, 13, 84}, table(84, kCentres + scores + many(6, 0, 64), true)}};
  };
  CHECK(verdict(pose(many(3, 0, 1)), "yolov8,classes=3,keypoints=2") == "");
  says(verdict(pose(many(3, -5, 2)), "yolov8,classes=3,keypoints=2"), "add sigmoid");
  const auto turned = [](const Columns& scores) {
    return std::vector<Output>{
        {"y", {1, 8, 84}, table(84, kCentres + scores + many(1, -0.7f, 2.3f), true)}};
  };
  CHECK(verdict(turned(many(3, 0, 1)), "yolov8,classes=3,rotated") == "");
  says(verdict(turned(many(3, -5, 2)), "yolov8,classes=3,rotated"), "add sigmoid");
}

TEST_CASE("boxes relative to grid cells are no pixels, pixels no such boxes") {
  const Columns cells = {{-2, 3}, {-2, 3}, {-1, 3.5f}, {-1, 3.5f}};
  const auto raw = [](const Columns& boxes) {
    return std::vector<Output>{{"y", {1, 84, 8}, table(84, boxes + many(4, 0, 1))}};
  };
  CHECK(verdict(raw(cells), "yolox") == "");
  says(verdict(raw(cells), "yolov5"), "use --postprocess yolox");
  says(verdict(raw(cells), "yolov8"), "use --postprocess yolox");
  says(verdict(raw(kCentres), "yolox"), "use --postprocess yolov5");
  CHECK(verdict(raw(kCentres), "yolov5") == "");
  says(verdict(raw({{0, 64}, {0, 64}, {-9, 9}, {-9, 9}}), "yolov5"), "negative width or height");
}

TEST_CASE("an angle that is not read is no score, more classes are") {
  const auto behind = [](float low, float high) {
    return std::vector<Output>{
        {"y", {1, 84, 9}, table(84, kCentres + many(4, 0, 0.1f) + many(1, low, high))}};
  };
  CHECK(verdict(behind(0.5f, 1.0f), "yolov8,classes=4") == "");
  says(verdict(behind(0.0f, 0.1f), "yolov8,classes=4"), "add rotated");
}

TEST_CASE("a fault of the check itself is an error, not a note") {
  Graph graph = network({{"y", {1, 7, 84}, table(84, kCentres + many(3, 0, 1), true)}});
  auto decoder = insert_frames(graph, "stretch", "yolov8");
  // An operand that nothing computes.
  decoder->operands = {graph.add_value("lost", DType::kF32, {1, 7, 84})};
  CHECK_THROWS_AS(check_decoder_on_noise(graph, *decoder), InternalError);
}

TEST_CASE("scores that are no probabilities, or were made probabilities before") {
  std::vector<float> rows = table(300, kCorners + many(2, 0, 1));
  for (size_t i = 5; i < rows.size(); i += 6) rows[i] = static_cast<float>(i % 80);
  says(verdict({{"y", {1, 300, 6}, rows}}, "yolov8,classes=2"), "use --postprocess end-to-end");
  const std::vector<Output> seg = {
      {"y", {1, 39, 84}, table(84, kCentres + many(3, 0, 1) + many(32, -4, 4), true)}};
  says(verdict(seg, "yolov8"), "give classes=3 to read these classes");
  CHECK(verdict(seg, "yolov8,unchecked") == "");
  says(verdict({{"y", {1, 84, 9}, table(84, kCentres + many(5, 0, 1))}}, "yolov8,classes=4"),
       "1 column(s) of 0.017 to 0.998 behind the classes");
  CHECK(verdict({{"y", {1, 84, 9}, table(84, kCentres + many(4, 0, 1) + many(1, -0.8f, 2.4f))}},
                "yolov8,classes=4") == "");
  const std::vector<Output> logits = {
      {"y", {1, 7, 84}, table(84, kCentres + many(3, -5, 2), true)}};
  says(verdict(logits, "yolov8"), "add sigmoid if these are logits");
  CHECK(verdict(logits, "yolov8,sigmoid") == "");
  says(verdict({{"y", {1, 7, 84}, table(84, kCentres + many(3, 0, 1), true)}}, "yolov8,sigmoid"),
       "leave sigmoid out");
  says(verdict({{"y", {1, 252, 8}, table(252, kCentres + many(1, -8, 3) + many(3, 0, 1))}},
               "yolov5"),
       "an objectness of -7.98 to 2.99");
  const std::vector<Output> softmaxed = {{"y", {1, 4}, {0.1f, 0.2f, 0.3f, 0.4f}}};
  says(verdict(softmaxed, "topk,softmax"), "leave softmax out");
  CHECK(verdict(softmaxed, "topk") == "");
  says(verdict({{"a", {1, 8, 8, 8}, table(64, many(8, 0, 1), true)}}, "yolo-anchors,anchors=4:4"),
       "add no-sigmoid");
}

TEST_CASE("a class that is everywhere in noise is no object") {
  const auto with = [](const Columns& logits) {
    return std::vector<Output>{{"b", {1, 100, 4}, table(100, kParts)},
                               {"l", {1, 100, 4}, table(100, logits)}};
  };
  const Columns back = many(1, 5, 8) + many(3, -2, 1), front = many(3, -2, 1) + many(1, 5, 8);
  const std::string names = ",boxes=b,scores=l";
  says(verdict(with(front), "boxes-scores,softmax,normalized" + names), "use --postprocess detr");
  says(verdict(with(front), "boxes-scores,sigmoid,normalized" + names), "use --postprocess detr");
  CHECK(verdict(with(front), "detr,corners" + names) == "");
  says(verdict(with(back), "boxes-scores,softmax,normalized" + names), "give first-class=1");
  CHECK(verdict(with(back), "boxes-scores,softmax,normalized,first-class=1" + names) == "");
}

TEST_CASE("class ids that are none") {
  const auto three = [](std::vector<float> labels) {
    return std::vector<Output>{{"b", {1, 20, 4}, table(20, kCorners)},
                               {"s", {1, 20}, table(20, many(1, 0, 1))},
                               {"l", {1, 20}, std::move(labels)}};
  };
  std::vector<float> ids(20, -1.0f);
  ids[3] = 7;
  CHECK(verdict(three(ids), "boxes-scores,boxes=b,scores=s,labels=l") == "");
  CHECK(verdict(three(ids), "boxes-scores,boxes=b,scores=s,labels=l,classes=8") == "");
  says(verdict(three(ids), "boxes-scores,boxes=b,scores=s,labels=l,classes=7"),
       "class ids up to 7");
  ids[4] = 0.37f;
  says(verdict(three(ids), "boxes-scores,boxes=b,scores=s,labels=l"), "no whole numbers");
  // Swapped: ids for scores.
  std::vector<float> whole(20, 3.0f);
  says(verdict(three(whole), "boxes-scores,boxes=b,scores=l,labels=s"), "no whole numbers");
  says(verdict({{"y", {1, 300, 6}, table(300, kCentres + many(2, 0, 1))}}, "end-to-end"),
       "no whole numbers");
  // Rows beyond the count do not count.
  std::vector<Output> counted = three(ids);
  counted.push_back({"n", {1}, {4}});
  CHECK(verdict(counted, "boxes-scores,boxes=b,scores=s,labels=l,count=n") == "");
}

TEST_CASE("boxes in other units or of another form") {
  const auto with = [](const Columns& boxes) {
    return std::vector<Output>{{"b", {1, 100, 4}, table(100, boxes)},
                               {"s", {1, 100, 2}, table(100, many(2, 0, 1))}};
  };
  CHECK(verdict(with(kCorners), "boxes-scores") == "");
  CHECK(verdict(with(kParts), "boxes-scores,normalized") == "");
  CHECK(verdict(with(kCentres), "boxes-scores,center") == "");
  says(verdict(with(kParts), "boxes-scores"), "add normalized");
  says(verdict(with(kCorners), "boxes-scores,normalized"), "add pixels");
  says(verdict(with(kCentres), "boxes-scores"), "add center");
  const Columns wide = {{0, 60}, {0, 60}, {61, 64}, {61, 64}};
  says(verdict(with(wide), "boxes-scores,center"), "add corners");
  says(verdict(with({{500, 900}, {500, 900}, {901, 999}, {901, 999}}), "boxes-scores"),
       "far outside");
}

TEST_CASE("masks of logits, of classes, of too many classes") {
  const auto map = [](const Columns& column, DType dtype = DType::kF32) {
    return std::vector<Output>{{"m", {1, 1, 8, 8}, table(64, column), dtype}};
  };
  says(verdict(map(many(1, -4, 4)), "argmax,threshold=0.5"), "add sigmoid");
  CHECK(verdict(map(many(1, -4, 4)), "argmax,threshold=0") == "");
  says(verdict(map(many(1, 0, 1)), "argmax,threshold=0.5,sigmoid"), "leave sigmoid out");
  std::vector<Output> ids = map(many(1, 0, 20));
  for (float& v : ids[0].values) v = std::floor(v);
  says(verdict(ids, "argmax,threshold=0.5"), "classes already");
  ids[0].dtype = DType::kI64;
  CHECK(verdict(ids, "argmax") == "");
  ids[0].values[5] = 256;
  says(verdict(ids, "argmax"), "a mask holds 0 to 255");
}

TEST_CASE("the picture of noise goes through the network's own input, twice the same") {
  Graph graph;
  graph.inputs = {graph.add_value("image", DType::kF32, {1, 3, 64, 64})};
  Node node;
  node.name = "copy";
  node.op = Op::kReshape;
  node.inputs = graph.inputs;
  node.outputs = {graph.add_value("y", DType::kF32, {1, 64, 192})};
  graph.outputs = node.outputs;
  graph.add_node(std::move(node));
  const auto decoder = insert_frames(graph, "stretch,mean=100,scale=0.01", "yolov8,unchecked");
  const std::vector<HostTensor> first = run_on_noise(graph, *decoder);
  REQUIRE(first.size() == 1);
  CHECK(first[0].shape == Shape{1, 64, 192});
  float least = 10, most = -10;
  for (size_t i = 0; i < 64 * 192; ++i) {
    least = std::min(least, first[0].as<float>()[i]);
    most = std::max(most, first[0].as<float>()[i]);
  }
  CHECK(least == doctest::Approx(-1.0).epsilon(0.01));
  CHECK(most == doctest::Approx(1.55).epsilon(0.01));
  CHECK(first[0].data == run_on_noise(graph, *decoder)[0].data);
}

TEST_CASE("a network that is too large is not looked at, and the note says so") {
  Graph graph;
  graph.inputs = {graph.add_value("image", DType::kF32, {1, 3, 64, 64})};
  Node node;
  node.name = "conv";
  node.op = Op::kConv;
  ConvAttributes a;
  a.kernel = {64, 64}, a.strides = {1, 1}, a.dilations = {1, 1};
  a.pads_begin = {32, 32}, a.pads_end = {31, 31};
  node.attributes = a;
  const Shape weights = {4096, 3, 64, 64};
  node.inputs = {graph.inputs[0], graph.add_value("w", DType::kF32, weights)};
  graph.inputs.push_back(node.inputs[1]);
  node.outputs = {graph.add_value("y", DType::kF32, {1, 4096, 64, 64})};
  graph.add_node(node);
  Node rows;
  rows.name = "rows";
  rows.op = Op::kReshape;
  rows.inputs = node.outputs;
  rows.outputs = {graph.add_value("rows", DType::kF32, {1, 16384, 1024})};
  graph.outputs = rows.outputs;
  graph.add_node(std::move(rows));
  const auto decoder = insert_frames(graph, "", "yolov8");
  CHECK(network_flops(graph) == doctest::Approx(2.0 * 4096 * 64 * 64 * 3 * 64 * 64));
  const std::string note = check_decoder_on_noise(graph, *decoder);
  CHECK(note.find("too large") != std::string::npos);
}

}  // namespace stint::builder
