#include "gst_plugin/engine/labels_file.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "gst_plugin/engine/plan_advice.h"
#include "stint/engine.hpp"

namespace stint::gst {
namespace {

// More than any real list of classes; a larger file is something else.
constexpr uint64_t kMaxBytes = 16 * 1024 * 1024;

constexpr const char* kNeeded = "a text file with one label a line, in UTF-8";

Problem refuse(const std::string& path, const std::string& found, const std::string& command = "") {
  return {Problem::Kind::kSettings, "the labels-file " + path + " is no list of labels", found,
          kNeeded, command};
}

char first_visible(const std::string& text, size_t from) {
  while (from < text.size() && std::isspace(static_cast<unsigned char>(text[from]))) ++from;
  return from < text.size() ? text[from] : '\0';
}

/// An object, or a list of strings or objects. "[unused]" in a list of words is a label.
bool is_json(const std::string& text) {
  const char first = first_visible(text, 0);
  if (first != '{' && first != '[') return false;
  const char second = first_visible(text, text.find(first) + 1);
  return second != '\0' && std::strchr(first == '{' ? "\"}" : "\"{[", second) != nullptr;
}

bool is_numbered_entry(const std::string& line) {  // "7: person"
  const size_t end = line.find_first_not_of("0123456789");
  return end != 0 && end != std::string::npos && line[end] == ':';
}

/// A mapping of numbers, a list with dashes, or a key above either.
bool is_yaml(const std::vector<std::string>& lines) {
  size_t numbered = 0, dashed = 0, others = 0;
  bool key = false;
  for (const std::string& line : lines) {
    if (line.empty() || line[0] == '#' || line == "---") continue;
    if (is_numbered_entry(line)) {
      ++numbered;
    } else if (line.starts_with("- ")) {
      ++dashed;
    } else if (line.back() == ':') {
      key = true;
    } else {
      ++others;
    }
  }
  const size_t entries = numbered + dashed;
  return entries > 0 && (others == 0 || (key && entries > others));
}

/// Bytes of the UTF-8 character at `at`, 0 if there is none. Overlong forms are let through: they
/// are no danger to a label, and GLib mends them.
size_t utf8_length(const std::string& text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_utf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

/// Ends of lines are those of Unix, Windows and old Macs; blanks around a label do not count.
std::vector<std::string> split(const std::string& text) {
  constexpr const char* kBlanks = " \t\v\f";
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    const std::string line = text.substr(at, end - at);
    const size_t first = line.find_first_not_of(kBlanks);
    lines.push_back(first == std::string::npos
                        ? ""
                        : line.substr(first, line.find_last_not_of(kBlanks) - first + 1));
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

Problem read_labels_file(const std::string& path, std::vector<std::string>* labels) {
  const auto unreadable = [&](int error) -> Problem {
    const bool other_kind = error == EISDIR || error == EINVAL;
    return {
        error == ENOENT || error == ENOTDIR ? Problem::Kind::kNotFound : Problem::Kind::kUnreadable,
        "no labels could be read from " + path,
        other_kind ? kind_of_file(path) : std::strerror(error), kNeeded, ""};
  };
  RegularFile file;
  if (const int error = file.open(path.c_str()); error != 0) return unreadable(error);
  if (file.size() > kMaxBytes) {
    return refuse(path, std::to_string(file.size()) + " bytes, more than any list of classes");
  }
  std::string text(file.size(), '\0');
  uint64_t got = 0;
  if (const int error = file.read(text.data(), text.size(), &got); error != 0) {
    return unreadable(error);
  }
  text.resize(got);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return refuse(path, "UTF-16 text",
                  "iconv -f UTF-16 -t UTF-8 " + shell_word(path) + " > labels.txt");
  }
  const bool binary = std::any_of(text.begin(), text.end(),
                                  [](unsigned char c) { return c < 0x20 && !std::isspace(c); });
  if (binary) return refuse(path, "binary data");
  if (!is_utf8(text)) {
    return refuse(path, "text in another encoding than UTF-8",
                  "iconv -f LATIN1 -t UTF-8 " + shell_word(path) + " > labels.txt");
  }
  if (is_json(text)) return refuse(path, "JSON");
  std::vector<std::string> lines = split(text);
  if (lines.empty()) return refuse(path, "an empty file");
  if (is_yaml(lines)) return refuse(path, "YAML");
  if (lines[0] == "item {") return refuse(path, "a label map in protobuf's text format");
  *labels = std::move(lines);
  return {};
}

}  // namespace stint::gst
