// The operators the importer knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host_builder/import/onnx/node_translation.h"

namespace stint::builder {

/// Opsets of the default domain that are accepted. Opset 22 and later changed none of the operators
/// in the table but for more element types, so models of newer opsets translate the same way.
inline constexpr int64_t kOldestOpset = 6;
inline constexpr int64_t kNewestOpset = 27;

struct OperatorEntry {
  const char* name;
  int64_t first_opset, last_opset;  // of the model, inclusive
  void (*translate)(NodeTranslation& n);
};

// One list per file of translations.
extern const std::vector<OperatorEntry> kConvPoolOperators;
extern const std::vector<OperatorEntry> kElementwiseOperators;
extern const std::vector<OperatorEntry> kActivationOperators;
extern const std::vector<OperatorEntry> kShapeOperators;
extern const std::vector<OperatorEntry> kSliceOperators;
extern const std::vector<OperatorEntry> kConstantOperators;
extern const std::vector<OperatorEntry> kReduceOperators;
extern const std::vector<OperatorEntry> kNormOperators;
extern const std::vector<OperatorEntry> kMatMulOperators;
extern const std::vector<OperatorEntry> kResizeOperators;
extern const std::vector<OperatorEntry> kDetectionOperators;
extern const std::vector<OperatorEntry> kMaskOperators;
extern const std::vector<OperatorEntry> kGatherPlacesOperators;
extern const std::vector<OperatorEntry> kScatterOperators;
extern const std::vector<OperatorEntry> kEinsumOperators;
extern const std::vector<OperatorEntry> kAffineGridOperators;
extern const std::vector<OperatorEntry> kQuantisedOperators;
// Of the domain com.microsoft.
extern const std::vector<OperatorEntry> kMicrosoftQuantisedOperators;
// at_build_time/
extern const std::vector<OperatorEntry> kSelectOperators;
extern const std::vector<OperatorEntry> kTrigonometryOperators;
extern const std::vector<OperatorEntry> kBitOperators;
extern const std::vector<OperatorEntry> kDeterminantOperators;
extern const std::vector<OperatorEntry> kWindowOperators;

/// The entry for an operator. Throws Refusal if there is none at this opset.
const OperatorEntry& find_operator(const std::string& domain, const std::string& name,
                                   int64_t opset);

/// Why an operator that is in no list is refused, and what to do instead.
Refusal refused_operator(const std::string& domain, const std::string& name);

}  // namespace stint::builder
