// What to do about a plan that cannot be used, as a shell line. Never one that would write over
// something else: done literally, it must do good.
#pragma once

#include <string>

namespace stint::gst {

/// `text` as one word of a shell.
std::string shell_word(const std::string& text);

/// What lies at `path`, for people: "nothing", "a folder", "a FIFO", "an ONNX model", "a plan", ...
std::string kind_of_file(const std::string& path);

/// The command that makes the plan for model=`path`. Its -o is `path` where nothing or a plan that
/// cannot be used lies there, FILE.plan beside a model FILE.onnx, and MODEL.plan where the path
/// leads to anything else.
std::string build_command(const std::string& path);

/// The same for a plan that is good, but not for this use: its -o is a file beside it, so that the
/// plan stays. `purpose` becomes part of the name: yolo.plan -> yolo-cpu.plan.
std::string build_beside_command(const std::string& path, const std::string& purpose,
                                 const std::string& target);

}  // namespace stint::gst
