#include "host_builder/frames/labels.h"

#include <doctest/doctest.h>

#include "host_builder/frames/insert.h"
#include "host_builder/support/error.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

using namespace stint::builder;

namespace {

using Labels = std::vector<std::string>;

std::string refusal(std::string_view text) {
  try {
    parse_labels(text, "coco.txt");
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

void check_refused(std::string_view text, const std::string& why) {
  CAPTURE(text);
  const std::string found = refusal(text);
  CHECK(found.rfind("coco.txt: ", 0) == 0);
  CHECK(found.find(why) != std::string::npos);
  CHECK(found.find("; give a text file in UTF-8 with one class name a line") != std::string::npos);
}

Graph decoded(const std::string& spec) {
  ModelBuilder model;
  model.input("x", {1, 3, 32, 32}).input("y", {1, 6, 1, 1}).output("z");
  model.node("Identity", {"y"}, {"z"});
  Graph graph = model.import();
  insert_frames(graph, "", spec);
  return graph;
}

Graph decoded_rows(const std::string& spec, const Shape& shape) {
  ModelBuilder model;
  model.input("x", {1, 3, 32, 32}).input("y", shape).output("z");
  model.node("Identity", {"y"}, {"z"});
  Graph graph = model.import();
  insert_frames(graph, "", spec);
  return graph;
}

/// Boxes and logits of three classes and "no object".
Graph decoded_queries() {
  ModelBuilder model;
  model.input("x", {1, 3, 32, 32}).input("b", {1, 9, 4}).input("s", {1, 9, 4});
  model.output("boxes").output("logits");
  model.node("Identity", {"b"}, {"boxes"}).node("Identity", {"s"}, {"logits"});
  Graph graph = model.import();
  insert_frames(graph, "", "detr,boxes=boxes,scores=logits");
  return graph;
}

}  // namespace

TEST_CASE("labels are lines, whatever ends them and whatever mark begins them") {
  const Labels two = {"a cat", "dog"};
  for (const char* text : {"a cat\ndog\n", "a cat\ndog", "a cat\r\ndog\r\n", "a cat\rdog\r",
                           "\xEF\xBB\xBF"
                           "a cat\ndog\n",
                           " a cat \n\tdog\n\n \n\n"}) {
    CAPTURE(text);
    CHECK(parse_labels(text, "l") == two);
  }
  CHECK(parse_labels("a\n\nc\n", "l") == Labels{"a", "", "c"});
  CHECK(parse_labels("gr\xC3\xBC"
                     "n\n\xE6\xA1\x86",
                     "l") == Labels{"gr\xC3\xBCn", "\xE6\xA1\x86"});
}

TEST_CASE("names that only look like something else stay names") {
  for (const Labels& names :
       {Labels{"[PAD]", "[CLS]", "the", "[SEP]"}, Labels{"[background]"}, Labels{"{}x"},
        Labels{"- none", "person"}, Labels{"0: zero", "other"}, Labels{"item", "{"},
        Labels{"#1", "#2"}, Labels{"n01440764 tench", "n01443537 goldfish"}, Labels{"7", "8"},
        Labels{"\"quoted\""}, Labels{"time: noon"}}) {
    std::string text;
    for (const std::string& name : names) text += name + "\n";
    CAPTURE(text);
    CHECK(parse_labels(text, "l") == names);
  }
}

TEST_CASE("what is no list of names is refused by its format") {
  check_refused("", "holds none");
  check_refused("\n\r\n \n", "holds none");
  check_refused("\xEF\xBB\xBF", "holds none");
  check_refused("[\"cat\", \"dog\"]", "are JSON");
  check_refused("[\n  \"cat\",\n  \"dog\"\n]\n", "are JSON");
  check_refused("{\"0\": \"cat\",\n \"1\": \"dog\"}\n", "are JSON");
  check_refused("{0: 'cat', 1: 'dog'}", "are JSON");
  check_refused("{\n  \"0\": \"cat\",", "are JSON");
  check_refused("names:\n  0: cat\n  1: dog\n", "are YAML");
  check_refused("# data\npath: x\nnames:\n- cat\n", "are YAML");
  check_refused("names: ['cat', 'dog']", "are YAML");
  check_refused("---\n- cat\n", "are YAML");
  check_refused("- cat\n- dog\n", "are YAML");
  check_refused("0: cat\n1: dog\n", "are YAML");
  check_refused("item {\n  id: 1\n  name: 'cat'\n}\n", "label map");
  check_refused(std::string_view("\xFF\xFE"
                                 "c\0a\0",
                                 6),
                "UTF-16");
  check_refused("cat\nd\xF6g\n", "line 2 is not UTF-8");
  check_refused(std::string_view("cat\nd\0g", 7), "line 2 holds a control character");
  check_refused("\x89PNG\r\n\x1A\n", "not UTF-8");
  check_refused("cat\n\x1B[31mdog\n", "line 2 holds a control character");
}

TEST_CASE("labels are read from files, and errors name the file") {
  const stint::test::TemporaryFolder folder;
  CHECK(read_labels(folder.write("l.txt", "a\nb\n", 4)) == Labels{"a", "b"});
  CHECK_THROWS_WITH_AS(read_labels(folder.path("absent.txt")), doctest::Contains("absent.txt"),
                       BuildError);
  CHECK_THROWS_WITH_AS(read_labels(folder.write("e.txt", "", 0)), doctest::Contains("e.txt"),
                       BuildError);
}

TEST_CASE("a decoder's classes need as many labels") {
  const Graph top = decoded("topk");
  CHECK_NOTHROW(check_label_count(Labels(6), top));
  CHECK_NOTHROW(check_label_count({}, top));
  for (const size_t count : {1, 5, 7, 91}) {
    CAPTURE(count);
    CHECK_THROWS_WITH_AS(
        check_label_count(Labels(count), top),
        doctest::Contains((std::to_string(count) + " label(s) for the 6 classes").c_str()),
        BuildError);
  }
  const Graph mask = decoded("argmax,axis=1");
  CHECK_NOTHROW(check_label_count(Labels(6), mask));
  CHECK_THROWS_AS(check_label_count(Labels(5), mask), BuildError);
  // Background is a class with a line of its own.
  const Graph with_background = decoded("topk,first-class=1");
  CHECK_NOTHROW(check_label_count(Labels(6), with_background));
  CHECK_THROWS_WITH_AS(check_label_count(Labels(5), with_background),
                       doctest::Contains("background"), BuildError);
  // Rows that carry class ids do not tell how many classes there are, unless classes= does.
  CHECK_NOTHROW(check_label_count(Labels(80), decoded_rows("end-to-end", {1, 300, 6})));
  const Graph bounded = decoded_rows("end-to-end,classes=3", {1, 300, 6});
  CHECK_NOTHROW(check_label_count(Labels(3), bounded));
  CHECK_THROWS_AS(check_label_count(Labels(2), bounded), BuildError);
  // "No object" is never reported.
  CHECK_NOTHROW(check_label_count(Labels(3), decoded_queries()));
  CHECK_THROWS_AS(check_label_count(Labels(4), decoded_queries()), BuildError);
  // Without a decoder, labels are the program's own business.
  CHECK_NOTHROW(check_label_count(Labels(3), decoded("")));
}
