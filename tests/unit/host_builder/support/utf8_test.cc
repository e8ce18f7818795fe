#include "host_builder/support/utf8.h"

#include <doctest/doctest.h>

#include <string>

using namespace stint::builder;

TEST_CASE("every character of Unicode has its length, and nothing else is one") {
  CHECK(utf8_length("a", 0) == 1);
  CHECK(utf8_length("\xC3\xA4", 0) == 2);
  CHECK(utf8_length("x\xE6\xA1\x86", 1) == 3);
  CHECK(utf8_length("\xF0\x9F\x98\x80", 0) == 4);
  CHECK(utf8_length("\xF4\x8F\xBF\xBF", 0) == 4);  // the last one
  CHECK(utf8_length(std::string(1, '\0'), 0) == 1);
  for (const char* bad : {"\x80", "\xFF", "\xC3", "\xE6\xA1", "\xC3(", "\xC0\xAF", "\xE0\x80\xAF",
                          "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80"})
    CHECK(utf8_length(bad, 0) == 0);
}

TEST_CASE("control characters are those of C0, delete and C1") {
  CHECK(is_utf8_control("\n", 0, 1));
  CHECK(is_utf8_control("\x7F", 0, 1));
  CHECK(is_utf8_control("\xC2\x9B", 0, 2));
  CHECK_FALSE(is_utf8_control("\xC2\xA0", 0, 2));
  CHECK_FALSE(is_utf8_control(" ", 0, 1));
}
