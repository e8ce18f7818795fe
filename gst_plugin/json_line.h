// Writes one JSON object on one line. Numbers do not depend on the locale; text is escaped; what is
// not a number is null.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace stint::gst {

class JsonLine {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  JsonLine& key(std::string_view name) {
    separate();
    append_text(name);
    text_ += ':';
    first_ = true;
    return *this;
  }
  void value(std::string_view text) {
    separate();
    append_text(text);
  }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool flag) { append_word(flag ? "true" : "false"); }
  void null() { append_word("null"); }
  void value(uint64_t number) { append_number(number); }
  void value(int64_t number) { append_number(number); }
  void value(float number) {
    if (std::isfinite(number)) {
      append_number(number);
    } else {
      null();
    }
  }

  const std::string& text() const { return text_; }

 private:
  void separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  void open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    first_ = false;
  }
  void append_word(std::string_view word) {
    separate();
    text_ += word;
  }
  template <typename Number>
  void append_number(Number number) {
    separate();
    char digits[32];  // the longest float and integer have 24 characters
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    text_.append(digits, end);
  }
  void append_text(std::string_view text) {
    text_ += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        constexpr char kHex[] = "0123456789abcdef";
        text_ += "\\u00";
        text_ += kHex[(c >> 4) & 15];
        text_ += kHex[c & 15];
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace stint::gst
