#include <algorithm>

#include "host_builder/emit/describe.h"
#include "host_builder/emit/describe_format.h"

namespace stint::builder {
namespace {

using nlohmann::json;

constexpr double kMapWidth = 1000, kMapHeight = 420;

constexpr const char* kStyle =
    "body{font:14px system-ui,sans-serif;margin:2em auto;max-width:1100px;padding:0 "
    "1em;color:#1c2430;background:#fff}"
    "h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}table{border-collapse:collapse;width:100%"
    "}"
    "td,th{padding:.25em .6em;text-align:left;border-bottom:1px solid #dde3ea;vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.95em}"
    "svg{width:100%;height:auto;border:1px solid "
    "#dde3ea;background:#f7f9fb}rect:hover{stroke:#000;stroke-width:1.5}"
    ".scroll{overflow-x:auto}.bar{fill:#3b7dd8}"
    "@media(prefers-color-scheme:dark){body{color:#dde3ea;background:#15191f}td,th{border-color:#"
    "333b46}"
    "svg{background:#1c222b;border-color:#333b46}rect:hover{stroke:#fff}}";

std::string escape(const std::string& text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string row(const std::string& name, const std::string& value) {
  return "<tr><th>" + escape(name) + "</th><td>" + escape(value) + "</td></tr>\n";
}

// Steps to the right, offsets upwards: a rectangle is a block of memory over its life.
std::string draw_memory_map(const json& program) {
  const auto peak = program.at("peak_bytes").get<double>();
  const auto steps = static_cast<double>(program.at("steps").size());
  if (peak == 0 || steps == 0)
    return "<p>No activation memory is needed besides inputs and outputs.</p>\n";
  std::string svg = "<svg viewBox=\"0 0 " + fixed(kMapWidth, 0) + " " + fixed(kMapHeight, 0) +
                    "\" role=\"img\" aria-label=\"memory map\">\n";
  size_t number = 0;
  for (const json& block : program.at("memory_map")) {
    const auto first = block.at("first_step").get<double>(),
               last = block.at("last_step").get<double>();
    const auto offset = block.at("offset").get<double>(), bytes = block.at("bytes").get<double>();
    const bool workspace = block.at("workspace").get<bool>();
    std::string title;
    for (const json& name : block.at("tensors"))
      title += (title.empty() ? "" : ", ") + name.get<std::string>();
    title += ": " + readable_bytes(block.at("bytes").get<uint64_t>()) + " at " +
             std::to_string(block.at("offset").get<uint64_t>()) + ", steps " + fixed(first, 0) +
             " to " + fixed(last, 0);
    // Hues a golden angle apart keep neighbours distinct.
    const std::string fill =
        workspace ? "#8a94a3" : "hsl(" + std::to_string(number++ * 137 % 360) + ",55%,60%)";
    svg += "<rect x=\"" + fixed(first / steps * kMapWidth, 2) + "\" y=\"" +
           fixed((1 - (offset + bytes) / peak) * kMapHeight, 2) + "\" width=\"" +
           fixed((last - first + 1) / steps * kMapWidth, 2) + "\" height=\"" +
           fixed(std::max(bytes / peak * kMapHeight, 0.5), 2) + "\" fill=\"" + fill + "\"><title>" +
           escape(title) + "</title></rect>\n";
  }
  return svg + "</svg>\n<p>Steps to the right (" + fixed(steps, 0) + "), " +
         readable_bytes(program.at("peak_bytes").get<uint64_t>()) +
         " upwards; grey is workspace. Point at a block for its tensors.</p>\n";
}

std::string step_table(const json& program) {
  double slowest = 0;
  for (const json& step : program.at("steps"))
    slowest = std::max(slowest, step.value("predicted_us", 0.0));
  std::string html =
      "<div class=\"scroll\"><table><tr><th "
      "class=\"n\">step</th><th>layer</th><th>kernel</th><th>tactic</th><th>inputs</th>"
      "<th>result</th><th class=\"n\">FLOP</th><th class=\"n\">predicted "
      "&micro;s</th><th></th></tr>\n";
  for (const json& step : program.at("steps")) {
    std::string inputs, outputs;
    for (const json& tensor : step.at("inputs")) {
      if (tensor.at("storage") != "weights")
        inputs += (inputs.empty() ? "" : " ") + readable_type(tensor);
    }
    for (const json& tensor : step.at("outputs"))
      outputs += (outputs.empty() ? "" : " ") + readable_type(tensor);
    const double predicted = step.value("predicted_us", 0.0);
    html += "<tr><td class=\"n\">" + std::to_string(step.at("index").get<unsigned>()) +
            "</td><td>" + escape(step.at("name").get<std::string>()) + "</td><td>" +
            escape(step.at("kernel").get<std::string>()) + "</td><td>" +
            escape(step.value("tactic", "")) + "</td><td><code>" + escape(inputs) +
            "</code></td><td><code>" + escape(outputs) + "</code></td><td class=\"n\">" +
            readable_count(step.value("flops", 0.0)) + "</td><td class=\"n\">" +
            fixed(predicted, 1) +
            "</td><td><svg style=\"width:80px;border:0;background:none\" viewBox=\"0 0 80 "
            "10\"><rect class=\"bar\" width=\"" +
            fixed(slowest == 0 ? 0 : predicted / slowest * 80, 1) +
            "\" height=\"10\"/></svg></td></tr>\n";
  }
  return html + "</table></div>\n";
}

std::string program_section(const json& program) {
  std::string html =
      "<h2>Batch " + std::to_string(program.at("batch").get<uint32_t>()) + "</h2>\n<table>\n";
  for (const json& binding : program.at("inputs")) html += row("input", readable_binding(binding));
  for (const json& binding : program.at("outputs"))
    html += row("output", readable_binding(binding));
  html += row("steps", std::to_string(program.at("steps").size()) + ", " +
                           readable_count(program.at("flops").get<double>()) + "FLOP");
  html += row("activations", readable_bytes(program.at("peak_bytes").get<uint64_t>()) +
                                 " (lower bound " +
                                 readable_bytes(program.at("lower_bound_bytes").get<uint64_t>()) +
                                 ", ratio " + fixed(peak_ratio(program), 3) + ")");
  html += row("inputs and outputs", readable_bytes(program.at("io_bytes").get<uint64_t>()));
  html +=
      row("scratch a thread", readable_bytes(program.at("worker_scratch_bytes").get<uint64_t>()));
  for (const auto& [kind, title] : {std::pair{"activation_elements", "activation types"},
                                    std::pair{"weight_elements", "weight types"}}) {
    std::string types;
    for (const auto& [type, count] : program.at("precision").at(kind).items()) {
      types += (types.empty() ? "" : ", ") + type + " " + readable_count(count.get<double>());
    }
    html += row(title, types);
  }
  html += "</table>\n<h2>Memory map</h2>\n" + draw_memory_map(program);
  return html + "<h2>Layers</h2>\n" + step_table(program);
}

}  // namespace

std::string describe_html(const std::vector<std::byte>& plan) {
  const json description = describe_json(plan);
  const std::string name = escape(description.at("name").get<std::string>());
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                     name +
                     "</title><meta name=\"viewport\" content=\"width=device-width\"><style>" +
                     kStyle + "</style></head><body>\n<h1>" + name + "</h1>\n<table>\n";
  html += row("file", readable_bytes(description.at("file_bytes").get<uint64_t>()) + ", format " +
                          description.at("format").get<std::string>() + ", written by " +
                          description.at("builder").get<std::string>());
  html += row("source sha256", description.at("source_sha256").get<std::string>());
  for (const json& segment : description.at("segments")) {
    html += row("segment", segment.at("kind").get<std::string>() + ", " +
                               readable_bytes(segment.at("bytes").get<uint64_t>()));
  }
  if (!description.at("labels").empty())
    html += row("labels", std::to_string(description.at("labels").size()));
  html += "</table>\n";
  for (const json& target : description.at("targets")) {
    html += "<h2>Target " + escape(target.at("name").get<std::string>()) + "</h2>\n";
    for (const json& program : target.at("programs")) html += program_section(program);
  }
  return html + "</body></html>\n";
}

}  // namespace stint::builder
