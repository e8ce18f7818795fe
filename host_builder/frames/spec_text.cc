#include "host_builder/frames/spec_text.h"

#include <charconv>
#include <cmath>

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

/// The shortest text that reads back as the same number.
std::string short_text(double v) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), v).ptr;
  return {buffer, end};
}

}  // namespace

SpecText::SpecText(std::string option, std::string text)
    : option_(std::move(option)), text_(std::move(text)) {
  size_t begin = 0;
  while (true) {
    size_t end = text_.find(',', begin);
    if (end == std::string::npos) end = text_.size();
    SpecItem item;
    item.position = begin;
    const std::string part = text_.substr(begin, end - begin);
    const size_t equals = part.find('=');
    item.key = part.substr(0, equals);
    if (equals != std::string::npos) {
      item.value = part.substr(equals + 1);
      item.value_position = begin + equals + 1;
    }
    if (item.key.empty()) fail(begin, part, "a word or key=value");
    items_.push_back(std::move(item));
    if (end == text_.size()) break;
    begin = end + 1;
  }
}

void SpecText::fail(size_t position, std::string_view found, std::string_view expected) const {
  const std::string what = found.empty() ? "nothing" : "'" + std::string(found) + "'";
  throw BuildError(option_ + " '" + text_ + "': at character " + std::to_string(position + 1) +
                   " found " + what + ", expected " + std::string(expected) +
                   "; check the grammar with 'stint build --help'");
}

void SpecText::want_word(const SpecItem& item) const {
  if (item.value)
    fail(item.value_position, *item.value, "no value: '" + item.key + "' is a word of its own");
}

const std::string& SpecText::want_value(const SpecItem& item, std::string_view what) const {
  if (!item.value || item.value->empty())
    fail(item.position + item.key.size(), item.value ? "=" : "",
         "'" + item.key + "=' and " + std::string(what));
  return *item.value;
}

double SpecText::parse_number(std::string_view text, size_t position,
                              std::string_view expected) const {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(v))
    fail(position, text, expected);
  return v;
}

double SpecText::number(const SpecItem& item, double low, double high) const {
  const std::string expected = "a number in " + short_text(low) + ".." + short_text(high);
  const std::string& text = want_value(item, expected);
  const double v = parse_number(text, item.value_position, expected);
  if (v < low || v > high) fail(item.value_position, text, expected);
  return v;
}

int64_t SpecText::integer(const SpecItem& item, int64_t low, int64_t high) const {
  const std::string expected =
      "a whole number in " + std::to_string(low) + ".." + std::to_string(high);
  const std::string& text = want_value(item, expected);
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || v < low || v > high)
    fail(item.value_position, text, expected);
  return v;
}

std::vector<float> SpecText::numbers(const SpecItem& item, size_t least, size_t most) const {
  const std::string count =
      least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most);
  const std::string expected = count + " numbers with ':' between them";
  const std::string& text = want_value(item, expected);
  std::vector<float> result;
  size_t begin = 0;
  while (true) {
    size_t end = text.find(':', begin);
    if (end == std::string::npos) end = text.size();
    const auto part = std::string_view(text).substr(begin, end - begin);
    const double v = parse_number(part, item.value_position + begin, "a number");
    if (std::abs(v) > 1e30) fail(item.value_position + begin, part, "a number below 1e30");
    result.push_back(static_cast<float>(v));
    if (end == text.size()) break;
    begin = end + 1;
  }
  if (result.size() < least || result.size() > most) fail(item.value_position, text, expected);
  return result;
}

}  // namespace stint::builder
