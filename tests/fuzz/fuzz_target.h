// What a fuzz target gives the driver. LLVMFuzzerTestOneInput is libFuzzer's name, so a target also
// links with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using FuzzBytes = std::vector<uint8_t>;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Good inputs to start from when no corpus folder is given.
std::vector<FuzzBytes> fuzz_seeds();

/// Repairs what would otherwise refuse nearly every mutated input at the door (checksums). May do
/// nothing.
void fuzz_fix_up(FuzzBytes* input);

/// One line about what the inputs so far reached.
std::string fuzz_summary();
