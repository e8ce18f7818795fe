#include "host_builder/tune/tactic_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"
#include "host_builder/tune/tactic_key.h"

namespace stint::builder {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "stint-tactics";
constexpr int kVersion = 1;
constexpr const char* kMeasured = "measured-on-target";
constexpr const char* kPinned = "pinned";
constexpr const char* kInGraph = "in-graph";
constexpr const char* kIsolated = "isolated";
// Far over what a file of measurements is (a record is about 1 KB); larger files are refused.
constexpr uintmax_t kMaxFileBytes = 64u << 20;
constexpr size_t kMaxTextBytes = 16384;
constexpr size_t kMaxCandidates = 4096;
constexpr double kMaxMicroseconds = 1e9;

/// Reads fields of one JSON object; every failure names the file and the record.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("an object is needed");
  }

  [[noreturn]] void fail(const std::string& why) const { throw BuildError(where_ + ": " + why); }

  const Json& at(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) fail(std::string("\"") + name + "\" is missing");
    known_.insert(name);
    return *found;
  }

  std::string text(const char* name) {
    const Json& value = at(name);
    if (!value.is_string()) fail(std::string("\"") + name + "\" must be a text");
    const std::string& text = value.get_ref<const std::string&>();
    if (text.empty() || text.size() > kMaxTextBytes)
      fail(std::string("\"") + name + "\" must have 1 to " + std::to_string(kMaxTextBytes) +
           " bytes, found " + std::to_string(text.size()));
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20)
        fail(std::string("\"") + name + "\" holds a control character");
    }
    return text;
  }

  uint32_t number(const char* name) {
    const Json& value = at(name);
    if (!value.is_number_unsigned() || value.get<uint64_t>() > UINT32_MAX)
      fail(std::string("\"") + name + "\" must be a whole number up to 4294967295");
    return value.get<uint32_t>();
  }

  double microseconds(const char* name) {
    const Json& value = at(name);
    const double us = value.is_number() ? value.get<double>() : 0;
    if (!(us > 0) || us > kMaxMicroseconds)
      fail(std::string("\"") + name + "\" must be microseconds over 0 and up to 1e9");
    return us;
  }

  /// One of two words: true for the first.
  bool choice(const char* name, const char* first, const char* second) {
    const std::string word = text(name);
    if (word != first && word != second)
      fail(std::string("\"") + name + "\" is '" + word + "'; it must be '" + first + "' or '" +
           second + "'");
    return word == first;
  }

  /// Everything has been asked for.
  void finish() const {
    for (const auto& [name, value] : object_.items()) {
      if (known_.count(name) == 0) fail("there is no field \"" + name + "\"");
    }
  }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> known_;
};

std::string where_of(const std::string& name, const std::string& key) {
  return name + ": record " + key.substr(0, 12);
}

TacticDevice read_device(const Json& json, const std::string& where) {
  Fields fields(json, where + ": device");
  TacticDevice device;
  device.name = fields.text("name");
  device.sm = fields.number("sm");
  device.driver = fields.number("driver");
  fields.finish();
  return device;
}

std::vector<TacticTime> read_candidates(const Json& json, const Fields& record,
                                        const std::string& where) {
  if (!json.is_array() || json.size() > kMaxCandidates)
    record.fail("\"candidates\" must be a list of at most " + std::to_string(kMaxCandidates));
  std::vector<TacticTime> candidates;
  std::set<std::string> seen;
  for (const Json& entry : json) {
    Fields fields(entry, where + ": candidate " + std::to_string(candidates.size()));
    TacticTime time;
    time.tactic = fields.text("tactic");
    time.us = fields.microseconds("us");
    fields.finish();
    if (!seen.insert(time.tactic).second) fields.fail("'" + time.tactic + "' is listed twice");
    candidates.push_back(std::move(time));
  }
  return candidates;
}

TacticRecord read_record(const std::string& key, const Json& json, const std::string& name) {
  const std::string where = where_of(name, key);
  Fields fields(json, where);
  TacticRecord record;
  record.layer = fields.text("layer");
  record.environment = fields.text("environment");
  if (tactic_hash(record.layer, record.environment) != key)
    fields.fail("its key is not the hash of its layer and environment; records cannot be renamed");
  record.device = read_device(fields.at("device"), where);
  record.candidates = read_candidates(fields.at("candidates"), fields, where);
  record.chosen = fields.text("chosen");
  record.in_graph = fields.choice("decided", kInGraph, kIsolated);
  record.pinned = fields.choice("provenance", kPinned, kMeasured);
  fields.finish();
  record.sort();
  if (!record.pinned && record.chosen_us() == 0)
    fields.fail("'" + record.chosen +
                "' was chosen but not measured; write \"provenance\": \"pinned\" to choose it "
                "yourself");
  return record;
}

size_t line_of(const std::string& text, size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  return 1 + static_cast<size_t>(std::count(text.begin(), end, '\n'));
}

/// JSON without the freedom to give a key twice.
Json parse_json(const std::string& text, const std::string& name) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second)
        throw BuildError(name + ": \"" + key + "\" is given twice in one object");
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    throw BuildError(name + ", line " + std::to_string(line_of(text, error.byte)) +
                     ": this is no JSON; a tactic file as stint build --tune-with writes it is "
                     "needed");
  } catch (const Json::exception& error) {
    throw BuildError(name + ": " + error.what());
  }
}

TacticRecord merged(const TacticRecord& old, const TacticRecord& fresh, const std::string& key) {
  const std::string layer = "record " + key.substr(0, 12) + " (" + fresh.layer + ")";
  if (old.pinned && fresh.pinned && old.chosen != fresh.chosen)
    throw BuildError(layer + ": one tactic file pins '" + old.chosen + "', another '" +
                     fresh.chosen + "'; remove one of the pins");
  if (old.pinned != fresh.pinned) return old.pinned ? old : fresh;
  if (old.device.name != fresh.device.name || old.device.sm != fresh.device.sm)
    throw BuildError(layer + ": one tactic file was measured on " + old.device.name +
                     ", another on " + fresh.device.name +
                     "; times of different devices are not mixed: use one file per device");
  if (old.device != fresh.device) return fresh;
  TacticRecord record = fresh;
  for (const TacticTime& time : old.candidates) {
    const bool known = std::any_of(fresh.candidates.begin(), fresh.candidates.end(),
                                   [&](const TacticTime& t) { return t.tactic == time.tactic; });
    if (!known) record.candidates.push_back(time);
  }
  record.sort();
  return record;
}

}  // namespace

double TacticRecord::chosen_us() const {
  for (const TacticTime& time : candidates)
    if (time.tactic == chosen) return time.us;
  return 0;
}

void TacticRecord::sort() {
  std::sort(candidates.begin(), candidates.end(), [](const TacticTime& a, const TacticTime& b) {
    return a.us != b.us ? a.us < b.us : a.tactic < b.tactic;
  });
}

TacticFile parse_tactics(const std::string& text, const std::string& name) {
  const Json json = parse_json(text, name);
  Fields fields(json, name);
  if (fields.text("format") != kFormat)
    fields.fail(std::string("its format is not \"") + kFormat + "\"; it is no tactic file");
  if (const uint32_t version = fields.number("version"); version != kVersion)
    fields.fail("tactic files of version " + std::to_string(version) +
                " are unknown to this builder, which reads version " + std::to_string(kVersion));
  const Json& records = fields.at("records");
  if (!records.is_object()) fields.fail("\"records\" must be an object");
  fields.finish();
  TacticFile file;
  for (const auto& [key, record] : records.items())
    file.records.emplace(key, read_record(key, record, name));
  return file;
}

TacticFile read_tactics(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw BuildError(path.string() +
                     ": there is no regular file of that name; give a tactic file, or let "
                     "--tune-with make one");
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes > kMaxFileBytes)
    throw BuildError(path.string() + ": a tactic file has at most " +
                     std::to_string(kMaxFileBytes) + " bytes, this one " + std::to_string(bytes));
  std::ifstream stream(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) throw BuildError(path.string() + ": cannot be read");
  return parse_tactics(text, path.string());
}

std::string tactics_text(const TacticFile& file) {
  Json records = Json::object();
  for (const auto& [key, record] : file.records) {
    Json candidates = Json::array();
    for (const TacticTime& time : record.candidates)
      candidates.push_back({{"tactic", time.tactic}, {"us", time.us}});
    records[key] = {{"layer", record.layer},
                    {"environment", record.environment},
                    {"device",
                     {{"name", record.device.name},
                      {"sm", record.device.sm},
                      {"driver", record.device.driver}}},
                    {"candidates", std::move(candidates)},
                    {"chosen", record.chosen},
                    {"decided", record.in_graph ? kInGraph : kIsolated},
                    {"provenance", record.pinned ? kPinned : kMeasured}};
  }
  const Json json = {{"format", kFormat}, {"version", kVersion}, {"records", std::move(records)}};
  return json.dump(1) + "\n";
}

void write_tactics(const std::filesystem::path& path, const TacticFile& file) {
  write_file_atomically(path, tactics_text(file));
}

void merge_tactics(TacticFile& into, const TacticFile& from) {
  for (const auto& [key, record] : from.records) {
    const auto [place, inserted] = into.records.try_emplace(key, record);
    if (!inserted) place->second = merged(place->second, record, key);
  }
}

}  // namespace stint::builder
