#include "host_builder/schedule/greedy_packing.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

namespace stint::builder {
namespace {

// Work of the hill climb, in placements: about 0.1 s whatever the size of the problem.
constexpr size_t kClimbPlacements = 200'000;
constexpr uint32_t kClimbSeed = 20260101;

enum class Fit { kBest, kLowest };
using Order = std::vector<uint32_t>;

class Packer {
 public:
  explicit Packer(const PackingProblem& problem) : problem_(problem) {}

  Offsets pack(const Order& order, Fit fit) {
    Offsets offsets(problem_.size(), 0);
    placed_.assign(problem_.size(), 0);
    for (uint32_t i : order) {
      offsets[i] = choose_gap(i, fit, offsets);
      placed_[i] = 1;
    }
    return offsets;
  }

 private:
  // Gaps between buffers that live at the same time, the one below the first included; on top of
  // all if none is large enough.
  uint64_t choose_gap(uint32_t item, Fit fit, const Offsets& offsets) {
    const PackingItem& it = problem_.items[item];
    neighbours_.clear();
    for (uint32_t k : problem_.conflicts[item]) {
      if (placed_[k]) neighbours_.push_back({offsets[k], offsets[k] + problem_.items[k].bytes});
    }
    std::sort(neighbours_.begin(), neighbours_.end());
    uint64_t top = 0, best = 0, best_gap = ~uint64_t{0};
    for (const auto& [begin, end] : neighbours_) {
      const uint64_t start = round_up(top, it.alignment);
      if (begin >= start + it.bytes && begin - start < best_gap) {
        best = start;
        best_gap = begin - start;
        if (fit == Fit::kLowest) return best;
      }
      top = std::max(top, end);
    }
    return best_gap == ~uint64_t{0} ? round_up(top, it.alignment) : best;
  }

  const PackingProblem& problem_;
  std::vector<uint8_t> placed_;
  std::vector<std::pair<uint64_t, uint64_t>> neighbours_;
};

struct NamedOrder {
  const char* name;
  Order order;
};

std::vector<NamedOrder> make_orders(const PackingProblem& problem) {
  const size_t n = problem.size();
  std::vector<uint64_t> contention(n, 0), conflict_bytes(n, 0);
  for (const auto& section : problem.sections) {
    uint64_t total = 0;
    for (uint32_t i : section) total += problem.items[i].bytes;
    for (uint32_t i : section) contention[i] = std::max(contention[i], total);
  }
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t k : problem.conflicts[i]) conflict_bytes[i] += problem.items[k].bytes;
  }
  auto bytes = [&](uint32_t i) { return problem.items[i].bytes; };
  auto length = [&](uint32_t i) {
    return uint64_t{problem.items[i].last} - problem.items[i].first + 1;
  };
  std::vector<NamedOrder> orders;
  auto add = [&](const char* name, auto key) {  // descending by key, ties by index
    Order order(n);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return key(a) > key(b); });
    orders.push_back({name, std::move(order)});
  };
  using Key = std::array<uint64_t, 2>;
  add("size", [&](uint32_t i) { return Key{bytes(i), length(i)}; });
  add("area", [&](uint32_t i) { return Key{bytes(i) * length(i), bytes(i)}; });
  add("contention", [&](uint32_t i) { return Key{contention[i], bytes(i)}; });
  add("contention-area", [&](uint32_t i) { return Key{contention[i], bytes(i) * length(i)}; });
  add("conflicts", [&](uint32_t i) { return Key{conflict_bytes[i], bytes(i)}; });
  add("lifetime", [&](uint32_t i) { return Key{length(i), bytes(i)}; });
  add("first-use", [&](uint32_t i) { return Key{~uint64_t{problem.items[i].first}, bytes(i)}; });
  add("last-use", [&](uint32_t i) { return Key{problem.items[i].last, bytes(i)}; });
  return orders;
}

// Swaps two places of the order and keeps what is not worse.
void climb(const PackingProblem& problem, uint64_t goal, Order order, Fit fit, Packer& packer,
           GreedyPacking& best) {
  const auto n = static_cast<uint32_t>(problem.size());
  if (n < 2) return;
  std::mt19937 random(kClimbSeed);  // its sequence is fixed by the standard; distributions are not
  uint64_t current = best.peak;
  for (size_t round = 0; round < kClimbPlacements / n && best.peak > goal; ++round) {
    const uint32_t a = random() % n, b = random() % n;
    if (a == b) continue;
    std::swap(order[a], order[b]);
    Offsets offsets = packer.pack(order, fit);
    const uint64_t peak = peak_of(problem, offsets);
    if (peak > current) {
      std::swap(order[a], order[b]);
      continue;
    }
    current = peak;
    if (peak < best.peak) best = {std::move(offsets), peak, "hill climb"};
  }
}

}  // namespace

GreedyPacking pack_greedily(const PackingProblem& problem, uint64_t goal) {
  GreedyPacking best;
  best.heuristic = "nothing to place";
  if (problem.size() == 0) return best;
  Packer packer(problem);
  const std::vector<NamedOrder> orders = make_orders(problem);
  const Order* best_order = nullptr;
  Fit best_fit = Fit::kBest;
  for (Fit fit : {Fit::kBest, Fit::kLowest}) {
    for (const NamedOrder& candidate : orders) {
      Offsets offsets = packer.pack(candidate.order, fit);
      const uint64_t peak = peak_of(problem, offsets);
      if (best_order != nullptr && peak >= best.peak) continue;
      best = {std::move(offsets), peak,
              std::string(candidate.name) + (fit == Fit::kBest ? ", best gap" : ", lowest gap")};
      best_order = &candidate.order;
      best_fit = fit;
      if (best.peak <= goal) return best;
    }
  }
  climb(problem, goal, *best_order, best_fit, packer, best);
  return best;
}

}  // namespace stint::builder
