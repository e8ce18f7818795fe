// The common grammar of --preprocess and --postprocess: words and key=value pairs between commas.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stint::builder {

/// One word, or one key with its value, and where it stands (characters from 0).
struct SpecItem {
  std::string key;
  std::optional<std::string> value;
  size_t position = 0;
  size_t value_position = 0;
};

/// A SPEC with the name of its option, for errors that say where and what.
class SpecText {
 public:
  SpecText(std::string option, std::string text);

  const std::vector<SpecItem>& items() const { return items_; }

  /// Throws BuildError("--option: character P: found '...', expected ...; ...").
  [[noreturn]] void fail(size_t position, std::string_view found, std::string_view expected) const;
  [[noreturn]] void fail(const SpecItem& item, std::string_view expected) const {
    fail(item.position, item.key, expected);
  }

  /// The item is a bare word; fails otherwise.
  void want_word(const SpecItem& item) const;
  /// The value of key=value; fails when there is none.
  const std::string& want_value(const SpecItem& item, std::string_view what) const;
  double number(const SpecItem& item, double low, double high) const;
  int64_t integer(const SpecItem& item, int64_t low, int64_t high) const;
  /// Numbers between colons, `least` to `most` of them.
  std::vector<float> numbers(const SpecItem& item, size_t least, size_t most) const;

 private:
  double parse_number(std::string_view text, size_t position, std::string_view expected) const;

  std::string option_;
  std::string text_;
  std::vector<SpecItem> items_;
};

}  // namespace stint::builder
