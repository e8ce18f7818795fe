#include "host_builder/frames/labels.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"
#include "host_builder/support/utf8.h"
#include "plan_schema/params/decode.h"

namespace stint::builder {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";  // UTF-8's byte order mark
constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Ends of lines are those of Unix, Windows and old Macs.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find_first_of("\r\n");
    lines.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

bool starts_with_number_and_colon(std::string_view line) {
  const size_t digits = line.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string_view::npos && line[digits] == ':';
}

/// The format of a file that is something else than a list of names; names themselves may contain
/// brackets and colons, so that only what no list of names would look like counts.
std::optional<const char*> other_format(std::string_view text,
                                        const std::vector<std::string_view>& lines) {
  const auto all = [&](auto is_so) {
    return std::all_of(lines.begin(), lines.end(), [&](std::string_view line) {
      return line.empty() || line.front() == '#' || is_so(line);
    });
  };
  const auto first = std::find_if(lines.begin(), lines.end(), [](std::string_view line) {
    return !line.empty() && line.front() != '#';
  });
  if (first == lines.end()) return std::nullopt;
  const char opening = first->front(), closing = lines.back().back();
  const bool is_bracketed =
      (opening == '{' && closing == '}') || (opening == '[' && closing == ']');
  if (is_bracketed && (opening == '{' || nlohmann::json::accept(text))) return "JSON";
  if (*first == "{" || *first == "[") return "JSON";
  if (first->substr(0, 4) == "item" && trimmed(first->substr(4)) == "{")
    return "a label map in protobuf's text format";
  if (*first == "---" || first->substr(0, 5) == "%YAML" || first->substr(0, 6) == "names:" ||
      all(starts_with_number_and_colon) ||
      all([](std::string_view line) { return line.substr(0, 2) == "- "; }))
    return "YAML";
  // A data set's description: keys first, the names somewhere below.
  if (std::find(lines.begin(), lines.end(), "names:") != lines.end()) return "YAML";
  return std::nullopt;
}

/// Classes that the graph's decoder counts, 0 where it has none.
struct ClassCount {
  std::string decoder;
  int64_t classes = 0;
  int64_t background = 0;  // of them, at the front
};

ClassCount count_classes(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.op == Op::kDecode || node.op == Op::kTopClasses) {
      const auto& a = node.as<DecodeAttributes>();
      // Rows that carry class ids do not tell how many there are; classes= may.
      const bool has_ids = a.kind == DecoderKind::kEndToEnd || a.row_labels;
      if (has_ids && a.classes >= kMaxCandidates) return {};
      return {node.name, a.classes - (a.no_object_last ? 1 : 0), a.first_class};
    }
    if (node.op == Op::kArgmaxMask) {
      const Shape& scores = graph.value(node.inputs.at(0)).shape;
      return {node.name, scores.at(static_cast<size_t>(node.as<AxisAttributes>().axis)), 0};
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> parse_labels(std::string_view text, const std::string& name) {
  const std::string remedy = "; give a text file in UTF-8 with one class name a line";
  if (text.substr(0, 2) == "\xFF\xFE" || text.substr(0, 2) == "\xFE\xFF")
    throw BuildError(name + ": the labels are UTF-16" + remedy);
  if (text.substr(0, kMark.size()) == kMark) text.remove_prefix(kMark.size());
  size_t line = 1;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const bool is_blank = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
    if (length == 0)
      throw BuildError(name + ": line " + std::to_string(line) + " is not UTF-8" + remedy);
    if (is_utf8_control(text, i, length) && !is_blank) {
      throw BuildError(name + ": line " + std::to_string(line) +
                       " holds a control character, so this is no text" + remedy);
    }
    if (text[i] == '\n') ++line;
    i += length;
  }
  const std::vector<std::string_view> lines = lines_of(text);
  if (lines.empty()) throw BuildError(name + ": the file of labels holds none" + remedy);
  if (const auto format = other_format(text, lines); format)
    throw BuildError(name + ": the labels are " + *format + remedy);
  return {lines.begin(), lines.end()};
}

std::vector<std::string> read_labels(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return parse_labels({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

void check_label_count(const std::vector<std::string>& labels, const Graph& graph) {
  const ClassCount count = count_classes(graph);
  const auto given = static_cast<int64_t>(labels.size());
  if (labels.empty() || count.classes == 0 || given == count.classes) return;
  std::string text = "--labels: " + std::to_string(given) + " label(s) for the " +
                     std::to_string(count.classes) + " classes of '" + count.decoder + "'";
  if (count.background > 0) {
    text += " (the first " + std::to_string(count.background) +
            " of them background, which needs a line too)";
  }
  throw BuildError(text + "; give one line for each class, in the order of the network's scores");
}

}  // namespace stint::builder
