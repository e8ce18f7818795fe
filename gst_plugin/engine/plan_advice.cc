#include "gst_plugin/engine/plan_advice.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "plan_schema/file_format.h"
#include "stint/engine.hpp"

namespace stint::gst {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSomePlan = "MODEL.plan";
constexpr const char* kSomeModel = "MODEL.onnx";

bool is_there(const std::string& path) {
  struct stat info = {};
  return ::lstat(path.c_str(), &info) == 0;  // a link that leads nowhere is something, too
}

bool is_plan(const std::string& path) {
  RegularFile file;
  char magic[sizeof kPlanMagic];
  uint64_t got = 0;
  return file.open(path.c_str()) == 0 && file.read(magic, sizeof magic, &got) == 0 &&
         got == sizeof magic && std::memcmp(magic, kPlanMagic, sizeof magic) == 0;
}

bool may_be_written(const std::string& path) { return !is_there(path) || is_plan(path); }

bool is_named_onnx(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension == ".onnx";
}

std::string command(const std::string& model, const std::string& target, const std::string& out) {
  return "stint build " + shell_word(model) + " --target " + target +
         " --preprocess SPEC --postprocess SPEC -o " +
         shell_word(may_be_written(out) ? out : kSomePlan);
}

}  // namespace

std::string shell_word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || std::strchr("_-./:,+@%=", c) != nullptr;
  };
  if (!text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted = text.starts_with('-') ? "./" : "";
  quoted += '\'';
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string kind_of_file(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return is_there(path) ? "a link to nothing" : "nothing";
  if (S_ISDIR(info.st_mode)) return "a folder";
  if (S_ISFIFO(info.st_mode)) return "a FIFO";
  if (S_ISSOCK(info.st_mode)) return "a socket";
  if (!S_ISREG(info.st_mode)) return "a device";
  if (info.st_size == 0) return "an empty file";
  if (is_plan(path)) return "a plan";
  return is_named_onnx(path) ? "an ONNX model" : "a file of another kind";
}

std::string build_command(const std::string& path) {
  const bool there = is_there(path);
  if (is_named_onnx(path)) {
    return command(there ? path : kSomeModel, "cpu",
                   fs::path(path).replace_extension(".plan").string());
  }
  return command(kSomeModel, "cpu", path.empty() ? kSomePlan : path);
}

std::string build_beside_command(const std::string& path, const std::string& purpose,
                                 const std::string& target) {
  fs::path beside = path;
  beside.replace_filename(beside.stem().string() + "-" + purpose + ".plan");
  return command(kSomeModel, target, beside.string());
}

}  // namespace stint::gst
