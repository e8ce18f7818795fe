#include "host_builder/tune/tactic_file.h"

#include <doctest/doctest.h>

#include <fstream>

#include "host_builder/support/error.h"
#include "host_builder/tune/tactic_key.h"
#include "tests/support/temporary_folder.h"

using namespace stint::builder;

namespace {

TacticRecord record_of(const std::string& layer) {
  TacticRecord record;
  record.layer = layer;
  record.environment = "sm_90";
  record.device = {"Device A", 90, 13000};
  record.candidates = {{"fast", 1.25}, {"slow", 3}};
  record.chosen = "fast";
  return record;
}

TacticFile file_of(const std::vector<TacticRecord>& records) {
  TacticFile file;
  for (const TacticRecord& record : records)
    file.records[tactic_hash(record.layer, record.environment)] = record;
  return file;
}

/// The only record of a file.
const TacticRecord& only(const TacticFile& file) {
  REQUIRE(file.records.size() == 1);
  return file.records.begin()->second;
}

std::string refusal_of(const std::string& text) {
  try {
    parse_tactics(text, "t.json");
  } catch (const BuildError& error) {
    return error.what();
  }
  return "it was read";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a tactic file reads back as it was written, and its text is canonical") {
  TacticRecord pinned = record_of("Pool");
  pinned.pinned = pinned.in_graph = true;
  pinned.chosen = "a tactic of the user's";
  const TacticFile file = file_of({record_of("Conv \"quoted\" \\"), pinned});
  const std::string text = tactics_text(file);
  const TacticFile again = parse_tactics(text, "t.json");
  CHECK(again.records == file.records);
  CHECK(tactics_text(again) == text);

  const stint::test::TemporaryFolder folder;
  write_tactics(folder.path("t.json"), file);
  CHECK(read_tactics(folder.path("t.json")).records == file.records);
  CHECK_THROWS_WITH_AS(read_tactics(folder.path("absent.json")),
                       doctest::Contains("absent.json: there is no regular file of that name"),
                       BuildError);
  CHECK_THROWS_AS(read_tactics(folder.path(".")), BuildError);
}

TEST_CASE("what is wrong in a tactic file is named with its place") {
  const std::string good = tactics_text(file_of({record_of("Conv")}));
  const std::string key = tactic_hash("Conv", "sm_90");
  const std::string where = "t.json: record " + key.substr(0, 12);
  const auto refused = [&](const std::string& from, const std::string& to) {
    return refusal_of(replaced(good, from, to));
  };
  CHECK(refusal_of(good) == "it was read");
  CHECK(refusal_of("").find("t.json, line 1: this is no JSON") == 0);
  CHECK(refused("\"fast\"", "fast").find("line") != std::string::npos);
  CHECK(refusal_of("[]") == "t.json: an object is needed");
  CHECK(refusal_of(std::string(200000, '[')).find("no JSON") != std::string::npos);
  CHECK(refused("stint-tactics", "other").find("it is no tactic file") != std::string::npos);
  CHECK(refused("\"version\": 1", "\"version\": 2").find("version 2") != std::string::npos);
  CHECK(refused("\"chosen\": \"fast\"", "\"chosen\": \"faster\"")
            .find(where + ": 'faster' was chosen but not measured") == 0);
  CHECK(refused("measured-on-target", "predicted").find(where + ": \"provenance\"") == 0);
  CHECK(refused("1.25", "-1").find(where + ": candidate 0: \"us\"") == 0);
  CHECK(refused("1.25", "1e400").find("t.json") == 0);
  CHECK(refused("\"sm\": 90", "\"sm\": 90.5").find(where + ": device: \"sm\"") == 0);
  CHECK(refused("\"slow\"", "\"fast\"").find("'fast' is listed twice") != std::string::npos);
  CHECK(refused("\"decided\"", "\"colour\": 1, \"decided\"").find("no field \"colour\"") !=
        std::string::npos);
  CHECK(refused("\"decided\"", "\"chosen\": \"slow\", \"decided\"").find("given twice") !=
        std::string::npos);
  CHECK(refused("\"layer\": \"Conv\"", "\"layer\": \"Pool\"").find(where + ": its key") == 0);
  CHECK(refused("\"Device A\"", "\"\\u0000\"").find("control character") != std::string::npos);
}

TEST_CASE("a user pins a tactic by editing two words") {
  std::string text = tactics_text(file_of({record_of("Conv")}));
  text = replaced(text, "\"chosen\": \"fast\"", "\"chosen\": \"slow\"");
  text = replaced(text, "measured-on-target", "pinned");
  const TacticFile file = parse_tactics(text, "t.json");
  CHECK(only(file).pinned);
  CHECK(only(file).chosen == "slow");
  CHECK(only(file).chosen_us() == 3);
}

TEST_CASE("files merge: layers and times of one device are united, pins stay") {
  TacticFile file = file_of({record_of("Conv")});
  TacticRecord fresh = record_of("Conv");
  fresh.candidates = {{"faster", 1}, {"slow", 2.5}};
  fresh.chosen = "faster";
  merge_tactics(file, file_of({fresh, record_of("Pool")}));
  REQUIRE(file.records.size() == 2);
  const TacticRecord& merged = file.records.at(tactic_hash("Conv", "sm_90"));
  CHECK(merged.chosen == "faster");
  CHECK(merged.candidates == std::vector<TacticTime>{{"faster", 1}, {"fast", 1.25}, {"slow", 2.5}});

  TacticRecord pinned = record_of("Conv");
  pinned.pinned = true;
  pinned.chosen = "slow";
  TacticFile one = file_of({pinned}), other = file_of({fresh});
  merge_tactics(one, file_of({fresh}));
  merge_tactics(other, file_of({pinned}));
  CHECK(only(one) == pinned);
  CHECK(only(other) == pinned);
}

TEST_CASE("times of different devices or drivers are never mixed") {
  const TacticFile file = file_of({record_of("Conv")});
  TacticRecord other_device = record_of("Conv");
  other_device.device.name = "Device B";
  TacticFile into = file;
  CHECK_THROWS_WITH_AS(merge_tactics(into, file_of({other_device})),
                       doctest::Contains("measured on Device A, another on Device B"), BuildError);
  TacticRecord other_driver = record_of("Conv");
  other_driver.device.driver = 13010;
  other_driver.candidates = {{"slow", 2}};
  other_driver.chosen = "slow";
  merge_tactics(into, file_of({other_driver}));
  CHECK(only(into) == other_driver);
  TacticRecord one_pin = record_of("Conv"), other_pin = one_pin;
  one_pin.pinned = other_pin.pinned = true;
  other_pin.chosen = "slow";
  into = file_of({one_pin});
  CHECK_THROWS_WITH_AS(merge_tactics(into, file_of({other_pin})),
                       doctest::Contains("pins 'fast', another 'slow'"), BuildError);
}
