// What stint build --tune-with and stint-agent must agree on.
#pragma once

#include <cstdint>

namespace stint {

/// Raised whenever requests or answers change; both ends must have the same.
inline constexpr uint32_t kAgentProtocol = 1;

/// Largest plan the agent takes; what is longer is refused before it is read.
inline constexpr uint64_t kAgentMaxPlanBytes = uint64_t{16} << 30;

inline constexpr uint32_t kAgentMaxIterations = 1'000'000;

}  // namespace stint
