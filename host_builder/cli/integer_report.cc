#include "host_builder/cli/integer_report.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace stint::builder {
namespace {

using Json = nlohmann::ordered_json;

/// Infinite where nothing differs; JSON has no word for that.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const std::vector<IntegerReport>& reports) {
  Json targets = Json::array();
  for (const IntegerReport& report : reports) {
    Json layers = Json::array();
    for (const IntegerLayer& layer : report.choice.layers) {
      Json entry = {{"name", layer.name}, {"precision", layer.on_integers ? "int8" : "float"}};
      if (!layer.reason.empty()) entry["reason"] = layer.reason;
      entry["sqnr_db"] = number(layer.sqnr_db);
      entry["cosine"] = number(layer.cosine);
      if (layer.alone >= 0) entry["output_error_alone"] = number(layer.alone);
      layers.push_back(std::move(entry));
    }
    targets.push_back({{"target", report.target},
                       {"samples", report.choice.samples},
                       {"output_error", number(report.choice.output_error)},
                       {"worst_output", report.choice.worst_output},
                       {"layers", std::move(layers)}});
  }
  return {{"schema", 1}, {"targets", std::move(targets)}};
}

std::string decibels(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f dB", value);
  return std::isfinite(value) ? text : "exact";
}

std::string fixed(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string alone_text(const IntegerLayer& layer) {
  return layer.alone < 0 ? "" : fixed(100 * layer.alone, "%.3g %%");
}

std::string summary(const IntegerReport& report) {
  return "target " + report.target + ": output '" + report.choice.worst_output + "' is off by " +
         fixed(100 * report.choice.output_error, "%.3g %%") + " on " +
         std::to_string(report.choice.samples) + " samples";
}

std::string text_of(const std::vector<IntegerReport>& reports) {
  std::string text;
  char line[512];
  for (const IntegerReport& report : reports) {
    text += summary(report) + "\n";
    std::snprintf(line, sizeof line, "%-40s %-6s %10s %8s %8s  %s\n", "layer", "", "SQNR", "cosine",
                  "alone", "why");
    text += line;
    for (const IntegerLayer& layer : report.choice.layers) {
      std::snprintf(line, sizeof line, "%-40.200s %-6s %10s %8.4f %8s  %s\n", layer.name.c_str(),
                    layer.on_integers ? "int8" : "float", decibels(layer.sqnr_db).c_str(),
                    layer.cosine, alone_text(layer).c_str(), layer.reason.c_str());
      text += line;
    }
  }
  return text;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else {
      result += c;
    }
  }
  return result;
}

std::string page_of(const std::vector<IntegerReport>& reports) {
  std::string page =
      "<!doctype html>\n<meta charset=\"utf-8\"><title>INT8 layers</title>\n<style>"
      "body{font:15px system-ui,sans-serif;margin:2em;max-width:70em}"
      "table{border-collapse:collapse;width:100%}th,td{padding:.25em .6em;text-align:left;"
      "border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}"
      "tr.f td{background:#fff4e0}.bar{display:inline-block;height:.7em;background:#4a7}"
      "</style>\n<h1>INT8 layers</h1>\n<p>SQNR: signal to quantisation noise of a layer's result "
      "in "
      "the whole INT8 network against FP32; 6 dB are one bit. Alone: error of the network's worst "
      "output if only this layer is on integers (measured where a budget was to be met).</p>\n";
  for (const IntegerReport& report : reports) {
    page += "<h2>" + escaped(summary(report)) +
            "</h2>\n<table><tr><th>layer<th>precision<th>SQNR<th><th>cosine<th>alone<th>why\n";
    for (const IntegerLayer& layer : report.choice.layers) {
      const double width = std::isfinite(layer.sqnr_db) ? std::max(0.0, layer.sqnr_db) * 2 : 120;
      page += std::string(layer.on_integers ? "<tr>" : "<tr class=f>") + "<td>" +
              escaped(layer.name) + "<td>" + (layer.on_integers ? "int8" : "float") +
              "<td class=n>" + decibels(layer.sqnr_db) +
              "<td><span class=bar style=\"width:" + fixed(width, "%.0fpx") +
              "\"></span><td class=n>" + fixed(layer.cosine, "%.4f") + "<td class=n>" +
              alone_text(layer) + "<td>" + escaped(layer.reason) + "\n";
    }
    page += "</table>\n";
  }
  return page;
}

}  // namespace

std::string integer_report(const std::vector<IntegerReport>& reports,
                           const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  if (ending == ".json") return json_of(reports).dump(1) + "\n";
  return ending == ".html" ? page_of(reports) : text_of(reports);
}

}  // namespace stint::builder
