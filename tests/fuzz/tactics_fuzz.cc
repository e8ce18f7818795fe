// A hostile tactic file: must be read or refused with a BuildError; what is read must survive being
// written, read again and merged.
#include <cstdlib>

#include "host_builder/support/error.h"
#include "host_builder/tune/tactic_file.h"
#include "host_builder/tune/tactic_key.h"
#include "tests/fuzz/fuzz_target.h"

using namespace stint::builder;

namespace {

uint64_t accepted = 0;
uint64_t refused = 0;

TacticFile good_file() {
  TacticFile file;
  for (const char* layer : {"Conv(f16[1,8,8,16]) -> f16[1,8,8,4]", "Pool(\"\\)"}) {
    TacticRecord record;
    record.layer = layer;
    record.environment = "sm_90 pdl=1";
    record.device = {"Device", 90, 13000};
    record.candidates = {{"a", 1.5}, {"b", 2}};
    record.chosen = "a";
    record.pinned = record.in_graph = layer[0] == 'P';
    file.records[tactic_hash(record.layer, record.environment)] = record;
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const TacticFile file = parse_tactics(text, "fuzz");
    ++accepted;
    const std::string canonical = tactics_text(file);
    const TacticFile again = parse_tactics(canonical, "again");
    if (again.records != file.records || tactics_text(again) != canonical) std::abort();
    TacticFile merged = good_file();
    merge_tactics(merged, file);
  } catch (const BuildError&) {
    ++refused;
  }
  return 0;
}

std::vector<FuzzBytes> fuzz_seeds() {
  const std::string text = tactics_text(good_file());
  return {{text.begin(), text.end()}};
}

void fuzz_fix_up(FuzzBytes*) {}

std::string fuzz_summary() {
  return std::to_string(accepted) + " accepted, " + std::to_string(refused) + " refused";
}
