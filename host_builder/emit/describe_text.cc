#include <algorithm>
#include <cstdio>

#include "host_builder/emit/describe.h"
#include "host_builder/emit/describe_format.h"

namespace stint::builder {
namespace {

using nlohmann::json;

constexpr size_t kMapColumns = 100, kMapRows = 16;

// Time to the right, offsets upwards; a letter per block, '.' where nothing is alive.
void append_memory_map(const json& program, std::string& text) {
  const auto peak = program.at("peak_bytes").get<uint64_t>();
  const size_t steps = program.at("steps").size();
  if (peak == 0 || steps == 0) return;
  const size_t columns = std::min(steps, kMapColumns);
  std::vector<std::string> rows(kMapRows, std::string(columns, '.'));
  size_t number = 0;
  for (const json& block : program.at("memory_map")) {
    const char letter =
        block.at("workspace").get<bool>() ? '#' : static_cast<char>('a' + number++ % 26);
    const auto begin = block.at("offset").get<uint64_t>(),
               end = begin + block.at("bytes").get<uint64_t>();
    for (size_t row = 0; row < kMapRows; ++row) {
      // A cell shows the block that covers its middle; a block thinner than a cell shows in the
      // cell it begins in.
      const uint64_t low = row * peak / kMapRows, high = (row + 1) * peak / kMapRows,
                     middle = low + (high - low) / 2;
      const bool covers =
          (begin <= middle && middle < end) || (begin >= low && begin < high && end <= high);
      if (!covers) continue;
      const size_t first = block.at("first_step").get<size_t>() * columns / steps;
      const size_t last = block.at("last_step").get<size_t>() * columns / steps;
      for (size_t column = first; column <= last; ++column) {
        char& cell = rows[row][column];
        if (cell == '.') cell = letter;
      }
    }
  }
  text +=
      "    memory map (steps to the right, " + readable_bytes(peak) + " upwards; # is workspace)\n";
  for (size_t row = kMapRows; row-- > 0;) text += "      |" + rows[row] + "|\n";
}

void append_steps(const json& program, std::string& text) {
  char line[512];
  std::snprintf(line, sizeof line, "    %4s  %-36s %-14s %-26s %-24s %10s %12s\n", "step", "layer",
                "kernel", "tactic", "result", "flop", "predicted us");
  text += line;
  for (const json& step : program.at("steps")) {
    const std::string result =
        step.at("outputs").empty() ? "" : readable_type(step.at("outputs")[0]);
    std::snprintf(line, sizeof line, "    %4u  %-36.200s %-14.40s %-26.60s %-24.80s %10s %12s\n",
                  step.at("index").get<unsigned>(), step.at("name").get<std::string>().c_str(),
                  step.at("kernel").get<std::string>().c_str(), step.value("tactic", "").c_str(),
                  result.c_str(), readable_count(step.value("flops", 0.0)).c_str(),
                  fixed(step.value("predicted_us", 0.0), 1).c_str());
    text += line;
  }
}

std::string elements_by_type(const json& counts) {
  std::string text;
  for (const auto& [type, count] : counts.items())
    text += (text.empty() ? "" : ", ") + type + " " + readable_count(count.get<double>());
  return text.empty() ? "none" : text;
}

void append_weights(const json& weights, std::string& text) {
  text += "  weights: " + readable_bytes(weights.at("bytes").get<uint64_t>());
  const auto others = weights.at("other_order_bytes").get<uint64_t>();
  if (others != 0)
    text += ", of which " + readable_bytes(others) + " a second order of the same weights";
  text += "\n";
}

void append_program(const json& program, std::string& text) {
  text += "  batch " + std::to_string(program.at("batch").get<uint32_t>()) + ": " +
          std::to_string(program.at("steps").size()) + " steps, " +
          std::to_string(program.at("edges").get<uint32_t>()) + " edges, " +
          readable_count(program.at("flops").get<double>()) + "FLOP, predicted " +
          fixed(program.at("predicted_us").get<double>() / 1000, 3) + " ms\n";
  text += "    activations " + readable_bytes(program.at("peak_bytes").get<uint64_t>()) +
          " (peak / lower bound " + fixed(peak_ratio(program), 3) + "), inputs and outputs " +
          readable_bytes(program.at("io_bytes").get<uint64_t>()) + ", scratch " +
          readable_bytes(program.at("worker_scratch_bytes").get<uint64_t>()) + " a thread\n";
  text += "    elements of activations: " +
          elements_by_type(program.at("precision").at("activation_elements")) +
          "; of weights: " + elements_by_type(program.at("precision").at("weight_elements")) + "\n";
  for (const json& binding : program.at("inputs"))
    text += "    input   " + readable_binding(binding) + "\n";
  for (const json& binding : program.at("outputs"))
    text += "    output  " + readable_binding(binding) + "\n";
  append_memory_map(program, text);
  append_steps(program, text);
}

}  // namespace

std::string describe_text(const std::vector<std::byte>& plan) {
  const json description = describe_json(plan);
  std::string text = "plan " + description.at("name").get<std::string>() + "  " +
                     readable_bytes(description.at("file_bytes").get<uint64_t>()) + ", format " +
                     description.at("format").get<std::string>() + ", written by " +
                     description.at("builder").get<std::string>() + "\n";
  text += "source sha256 " + description.at("source_sha256").get<std::string>() +
          " (the model and its external data)\n";
  for (const json& segment : description.at("segments")) {
    text += "segment " + segment.at("kind").get<std::string>() + "  " +
            readable_bytes(segment.at("bytes").get<uint64_t>()) + "\n";
  }
  const json& labels = description.at("labels");
  if (!labels.empty()) {
    text += std::to_string(labels.size()) + " labels:";
    for (size_t i = 0; i < std::min<size_t>(labels.size(), 8); ++i)
      text += (i == 0 ? " " : ", ") + labels[i].get<std::string>();
    text += labels.size() > 8 ? ", ...\n" : "\n";
  }
  for (const json& target : description.at("targets")) {
    text += "target " + target.at("name").get<std::string>() + "\n";
    append_weights(target.at("weights"), text);
    for (const json& program : target.at("programs")) append_program(program, text);
  }
  return text;
}

}  // namespace stint::builder
