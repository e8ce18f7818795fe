// What a user is told to type must not destroy anything.
#include "gst_plugin/engine/plan_advice.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/brightest_cell_plan.h"
#include "tests/support/temporary_folder.h"

using namespace stint::gst;
using namespace stint::test;

namespace {

/// What the command's -o names.
std::string output_of(const std::string& command) {
  const size_t at = command.rfind(" -o ");
  REQUIRE(at != std::string::npos);
  return command.substr(at + 4);
}

}  // namespace

TEST_CASE("the command never writes over anything but a plan") {
  TemporaryFolder folder;
  const auto at = [&](const std::string& name) { return folder.path(name); };
  const AlignedBytes plan = write_plan(brightest_cell_plan());
  const std::string good = folder.write("good.plan", plan.data(), plan.size());
  SUBCASE("nothing there yet") {
    CHECK(output_of(build_command(at("new.plan"))) == at("new.plan"));
    CHECK(output_of(build_command(at("new"))) == at("new"));
    CHECK(output_of(build_command(at("new.onnx"))) == at("new.plan"));
  }
  SUBCASE("a plan") { CHECK(output_of(build_command(good)) == good); }
  SUBCASE("the model itself: the plan goes beside it, and the model is named") {
    const std::string model = folder.write("net.onnx", "onnx", 4);
    const std::string command = build_command(model);
    CHECK(output_of(command) == at("net.plan"));
    CHECK(command.starts_with("stint build " + model + " "));
    folder.write("net.plan", "something else", 14);
    CHECK(output_of(build_command(model)) == "MODEL.plan");
  }
  SUBCASE("anything else") {
    CHECK(output_of(build_command(folder.write("notes.txt", "text", 4))) == "MODEL.plan");
    CHECK(output_of(build_command(folder.write("fake.plan", "text", 4))) == "MODEL.plan");
    CHECK(output_of(build_command(folder.write("empty.plan", "", 0))) == "MODEL.plan");
    CHECK(output_of(build_command(at(""))) == "MODEL.plan");
    CHECK(output_of(build_command("/etc/passwd")) == "MODEL.plan");
    CHECK(output_of(build_command("/dev/null")) == "MODEL.plan");
    REQUIRE(mkfifo(at("fifo").c_str(), 0600) == 0);
    CHECK(output_of(build_command(at("fifo"))) == "MODEL.plan");
    std::filesystem::create_symlink("nowhere", at("link"));
    CHECK(output_of(build_command(at("link"))) == "MODEL.plan");
  }
  SUBCASE("a good plan for something else stays") {
    CHECK(output_of(build_beside_command(good, "cpu", "cpu")) == at("good-cpu.plan"));
    folder.write("good-cpu.plan", "text", 4);
    CHECK(output_of(build_beside_command(good, "cpu", "cpu")) == "MODEL.plan");
  }
}

TEST_CASE("a path is one word of the shell") {
  CHECK(shell_word("/a/b-c_1.plan") == "/a/b-c_1.plan");
  CHECK(shell_word("my model.onnx") == "'my model.onnx'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("$(rm x)") == "'$(rm x)'");
  CHECK(shell_word("-o") == "./'-o'");
  CHECK(shell_word("") == "''");
}

TEST_CASE("a file is called what it is") {
  TemporaryFolder folder;
  const AlignedBytes plan = write_plan(brightest_cell_plan());
  CHECK(kind_of_file(folder.write("a", plan.data(), plan.size())) == "a plan");
  CHECK(kind_of_file(folder.write("m.ONNX", "x", 1)) == "an ONNX model");
  CHECK(kind_of_file(folder.write("t", "x", 1)) == "a file of another kind");
  CHECK(kind_of_file(folder.write("e", "", 0)) == "an empty file");
  CHECK(kind_of_file(folder.path("")) == "a folder");
  CHECK(kind_of_file(folder.path("none")) == "nothing");
  CHECK(kind_of_file("/dev/null") == "a device");
}
