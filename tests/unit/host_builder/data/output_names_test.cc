#include "host_builder/data/output_names.h"

#include <doctest/doctest.h>

#include <set>

using namespace stint::builder;
using Names = std::vector<std::string>;

TEST_CASE("odd characters become _, one for each character") {
  CHECK(output_file_names({"a/b:0", "plain-1.x_Y", "\xE6\xA1\x86", "a b\n"}) ==
        Names{"a_b_0.npy", "plain-1.x_Y.npy", "_.npy", "a_b_.npy"});
  CHECK(output_file_names({"", ".", "..", "../../etc/passwd"}) ==
        Names{"_.npy", "..npy", "...npy", ".._.._etc_passwd.npy"});
  CHECK(output_file_names({"\xFF\xFE"}) == Names{"__.npy"});
}

TEST_CASE("names that become equal are numbered in their order") {
  CHECK(output_file_names({"a b", "a/b", "a:b"}) == Names{"a_b.npy", "a_b_2.npy", "a_b_3.npy"});
  // Two characters of another script.
  CHECK(output_file_names({"\xE6\xA1\x86", "\xE7\xB1\xBB"}) == Names{"_.npy", "__2.npy"});
}

TEST_CASE("a tensor whose name is a file name is found under it") {
  CHECK(output_file_names({"a/b", "a_b"}) == Names{"a_b_2.npy", "a_b.npy"});
  CHECK(output_file_names({"a/b", "a b", "a_b_2", "a_b"}) ==
        Names{"a_b_3.npy", "a_b_4.npy", "a_b_2.npy", "a_b.npy"});
}

TEST_CASE("long names are cut to what a file name may have, and stay apart") {
  const std::string beginning(300, 'n');
  const Names names =
      output_file_names({beginning + "1", beginning + "2", beginning + "3", beginning});
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  for (const std::string& name : names) {
    CHECK(name.size() == 255);
    CHECK(name.substr(251) == ".npy");
  }
  CHECK(output_file_names({std::string(251, 'n')}) == Names{std::string(251, 'n') + ".npy"});
}
