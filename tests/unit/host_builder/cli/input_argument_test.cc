#include "host_builder/cli/input_argument.h"

#include <doctest/doctest.h>

#include "host_builder/support/error.h"

using namespace stint::builder;

namespace {

using Names = std::vector<std::string>;

void check(const std::string& text, const Names& inputs, size_t input, const std::string& file) {
  CAPTURE(text);
  const InputArgument argument = parse_input_argument(text, inputs);
  CHECK(argument.input == input);
  CHECK(argument.file == file);
}

void check_refused(const std::string& text, const Names& inputs, const std::string& why) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(parse_input_argument(text, inputs), doctest::Contains(why.c_str()),
                       UsageError);
}

}  // namespace

TEST_CASE("an input's name and its file stand on both sides of '='") {
  check("b=x.npy", {"a", "b"}, 1, "x.npy");
  check("x.npy", {"a"}, 0, "x.npy");
  check("a=x=1.npy", {"a"}, 0, "x=1.npy");
}

TEST_CASE("names may hold '=', and the longest that is an input counts") {
  check("a=b=x.npy", {"a=b"}, 0, "x.npy");
  check("a=b=x.npy", {"a", "a=b"}, 1, "x.npy");
  check("a=b=x.npy", {"a=b", "a"}, 0, "x.npy");
  check("a=c=x.npy", {"a=b", "a"}, 1, "c=x.npy");
  check("==x.npy", {"="}, 0, "x.npy");
}

TEST_CASE("what names no input or no file is refused with the inputs there are") {
  check_refused("c=x.npy", {"a", "b"}, "no input 'c'; give NAME=FILE with one of its inputs: a, b");
  check_refused("x.npy", {"a", "b"}, "give NAME=FILE for each: a, b");
  check_refused("x.npy", {}, "the plan has no inputs");
  check_refused("a=", {"a"}, "is no file");
  check_refused("a=-", {"a"}, "is no file");
}
