#include "gst_plugin/engine/labels_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/temporary_folder.h"

using namespace stint::gst;
using stint::test::TemporaryFolder;

namespace {

std::string write(const TemporaryFolder& folder, const std::string& text) {
  return folder.write("labels", text.data(), text.size());
}

}  // namespace

TEST_CASE("labels are lines, whatever they end with and begin with") {
  TemporaryFolder folder;
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"a\nb\n", {"a", "b"}},
      {"a\r\n b c \r\n\r\n", {"a", "b c"}},
      {"a\rb\r", {"a", "b"}},
      {"\xEF\xBB\xBF"
       "a\n\nc",
       {"a", "", "c"}},
      {"[unused]\n[other]\n{x}\n", {"[unused]", "[other]", "{x}"}},
      {"n01440764 tench\n- dash\nratio 3:4\n", {"n01440764 tench", "- dash", "ratio 3:4"}},
      {"caf\xC3\xA9\n", {"caf\xC3\xA9"}},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    std::vector<std::string> labels;
    const Problem problem = read_labels_file(write(folder, text), &labels);
    CHECK_MESSAGE(!problem, problem.found);
    CHECK(labels == expected);
  }
}

TEST_CASE("what is no list of lines is refused by name") {
  TemporaryFolder folder;
  const std::pair<std::string, std::string> cases[] = {
      {"", "empty"},
      {"\n\n", "empty"},
      {std::string("a\0b\n", 4), "binary"},
      {"\x7F"
       "ELF\x02\x01",
       "binary"},
      {std::string("\xFF\xFE"
                   "a\0",
                   4),
       "UTF-16"},
      {"{\"0\": \"person\"}", "JSON"},
      {" [\n \"person\",\n \"car\"]\n", "JSON"},
      {"[{\"name\": \"person\"}]", "JSON"},
      {"names:\n  0: person\n  1: car\n", "YAML"},
      {"path: coco\nnames:\n  0: person\n  1: car\n  2: dog\n", "YAML"},
      {"# list\n- person\n- car\n", "YAML"},
      {"0: person\n1: car\n", "YAML"},
      {"item {\n  id: 1\n  name: 'person'\n}\n", "label map"},
      {"caf\xE9\n", "another encoding"},
  };
  for (const auto& [text, found] : cases) {
    CAPTURE(text);
    std::vector<std::string> labels;
    const Problem problem = read_labels_file(write(folder, text), &labels);
    REQUIRE(problem);
    CHECK(problem.kind == Problem::Kind::kSettings);
    CHECK(problem.found.find(found) != std::string::npos);
    CHECK(problem.needed.find("one label a line") != std::string::npos);
    CHECK(labels.empty());
  }
}

TEST_CASE("a labels file that is none is not waited for") {
  TemporaryFolder folder;
  std::vector<std::string> labels;
  CHECK(read_labels_file(folder.path("none"), &labels).kind == Problem::Kind::kNotFound);
  CHECK(read_labels_file(folder.path(""), &labels).found == "a folder");
  REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  CHECK(read_labels_file(folder.path("fifo"), &labels).found == "a FIFO");
  CHECK(read_labels_file("/dev/zero", &labels).found == "a device");
}
