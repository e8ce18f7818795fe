// Every feasible packing can be pushed down until each buffer rests on the floor or on another
// buffer, and its buffers can be listed by ascending offset. So it suffices to build packings
// bottom-up: take the unplaced buffer with the lowest possible offset, and either place it there or
// decide that it lies higher, on top of a buffer not placed yet. Both branches tighten the bounds.
// Ideas: canonical (left-justified) solutions, section bounds, and splitting into independent
// stretches of time are those of MiniMalloc (Moffitt, ASPLOS 2023); "place or postpone" comes from
// machine scheduling.
#include "host_builder/schedule/exact_packing.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace stint::builder {
namespace {

constexpr uint32_t kNobody = 0xFFFFFFFFu;
// How long a search is depends wildly on the order of ties, so short attempts in many orders beat
// one long attempt. Attempts grow, which keeps the whole complete. Both numbers, and kBlameShift,
// were chosen on MiniMalloc's five hardest benchmark problems: all are solved in at most 60,000
// steps; twice or half of each number needs at most five times as many.
constexpr uint64_t kFirstAttempt = 1000;
constexpr uint64_t kAttemptGrowth = 50;
// After an attempt the most blamed buffer moves forward by this share of the order (tenths).
constexpr int64_t kBlameShift = 3;

class Search {
 public:
  Search(const PackingProblem& problem, uint64_t capacity, const std::vector<uint32_t>& preorder)
      : problem_(problem),
        capacity_(capacity),
        preorder_(preorder),
        blame_(problem.size(), 0),
        floor_(problem.size(), 0),
        placed_(problem.size(), 0) {
    remaining_.resize(problem.sections.size());
    for (size_t s = 0; s < problem.sections.size(); ++s) {
      for (uint32_t i : problem.sections[s]) remaining_[s] += problem.items[i].bytes;
    }
  }

  /// Per buffer: how often it was among those that did not fit any more.
  const std::vector<int64_t>& blame() const { return blame_; }

  SearchResult run(uint64_t& steps, Offsets& offsets) {
    budget_ = steps;
    const auto last = static_cast<uint32_t>(problem_.sections.size()) - 1;
    const bool found = sections_fit(0, last) && solve_parts(0, last);
    steps = budget_;
    if (found) {
      offsets = floor_;
      return SearchResult::kFound;
    }
    return out_of_budget_ ? SearchResult::kBudgetSpent : SearchResult::kImpossible;
  }

 private:
  // One undoable change: a raised floor, or a placement when `was_placed`.
  struct Change {
    uint32_t item;
    bool placement;
    uint64_t old_floor;
  };

  void raise_floor(uint32_t item, uint64_t offset) {
    trail_.push_back({item, false, floor_[item]});
    floor_[item] = offset;
  }

  void place(uint32_t item) {
    trail_.push_back({item, true, 0});
    placed_[item] = 1;
    const PackingItem& it = problem_.items[item];
    for (uint32_t s = it.first; s <= it.last; ++s) remaining_[s] -= it.bytes;
  }

  void undo_to(size_t mark) {
    while (trail_.size() > mark) {
      const Change change = trail_.back();
      trail_.pop_back();
      if (!change.placement) {
        floor_[change.item] = change.old_floor;
        continue;
      }
      placed_[change.item] = 0;
      const PackingItem& it = problem_.items[change.item];
      for (uint32_t s = it.first; s <= it.last; ++s) remaining_[s] += it.bytes;
    }
  }

  // The unplaced buffers of a section must be stacked, none below its floor: by ascending floor is
  // the lowest stack.
  bool section_fits(uint32_t section) {
    if (remaining_[section] == 0) return true;
    stack_.clear();
    uint64_t lowest = ~uint64_t{0}, highest = 0;
    for (uint32_t i : problem_.sections[section]) {
      if (placed_[i]) continue;
      stack_.push_back({floor_[i], problem_.items[i].bytes});
      lowest = std::min(lowest, floor_[i]);
      highest = std::max(highest, floor_[i]);
    }
    if (lowest + remaining_[section] > capacity_) return false;
    if (highest + remaining_[section] <= capacity_) return true;  // even with every gap there is
    std::sort(stack_.begin(), stack_.end());
    uint64_t top = 0;
    for (const auto& [floor, bytes] : stack_) top = std::max(top, floor) + bytes;
    return top <= capacity_;
  }

  bool sections_fit(uint32_t first, uint32_t last) {
    for (uint32_t s = first; s <= last; ++s) {
      if (section_fits(s)) continue;
      for (uint32_t i : problem_.sections[s]) blame_[i] += placed_[i] ? 0 : 1;
      return false;
    }
    return true;
  }

  // Places at the floor, lifts everything in conflict above, and says whether the rest may still
  // fit.
  bool place_and_propagate(uint32_t item) {
    const PackingItem& it = problem_.items[item];
    const uint64_t top = floor_[item] + it.bytes;
    if (top > capacity_) return false;
    place(item);
    uint32_t low = it.first, high = it.last;
    for (uint32_t other : problem_.conflicts[item]) {
      if (placed_[other] || floor_[other] >= top) continue;
      const PackingItem& o = problem_.items[other];
      raise_floor(other, round_up(top, o.alignment));
      if (floor_[other] + o.bytes > capacity_) return false;
      low = std::min(low, o.first);
      high = std::max(high, o.last);
    }
    return sections_fit(low, high);
  }

  // `item` does not lie at its floor: then it rests on an unplaced buffer that it conflicts with.
  bool postpone(uint32_t item) {
    uint64_t lowest = ~uint64_t{0};
    for (uint32_t other : problem_.conflicts[item]) {
      if (!placed_[other]) lowest = std::min(lowest, floor_[other] + problem_.items[other].bytes);
    }
    if (lowest == ~uint64_t{0}) return false;
    const PackingItem& it = problem_.items[item];
    const uint64_t raised = round_up(lowest, it.alignment);
    if (raised + it.bytes > capacity_) return false;
    raise_floor(item, std::max(raised, floor_[item]));
    return sections_fit(it.first, it.last);
  }

  uint32_t lowest_item(uint32_t first, uint32_t last) const {
    uint32_t best = kNobody;
    for (uint32_t i : preorder_) {
      const PackingItem& it = problem_.items[i];
      if (placed_[i] || it.first < first || it.last > last) continue;
      if (best == kNobody || floor_[i] < floor_[best]) best = i;
    }
    return best;
  }

  // Solves sections [first, last], in which no unplaced buffer reaches outside. Leaves the
  // placements on success.
  bool solve(uint32_t first, uint32_t last) {
    const size_t mark = trail_.size();
    for (;;) {
      const uint32_t item = lowest_item(first, last);
      if (item == kNobody) return true;
      if (budget_ == 0) {
        out_of_budget_ = true;
        return false;
      }
      --budget_;
      const size_t before = trail_.size();
      if (place_and_propagate(item) && solve_parts(first, last)) return true;
      if (out_of_budget_) return false;
      undo_to(before);
      if (!postpone_all_like(item)) {
        undo_to(mark);
        return false;
      }
    }
  }

  // A buffer of the same size and life cannot do better where this one failed.
  bool postpone_all_like(uint32_t item) {
    const uint64_t failed_at = floor_[item];
    if (!postpone(item)) return false;
    const PackingItem& it = problem_.items[item];
    for (uint32_t other : problem_.conflicts[item]) {
      const PackingItem& o = problem_.items[other];
      if (!placed_[other] && floor_[other] == failed_at && o.bytes == it.bytes &&
          o.first == it.first && o.last == it.last && o.alignment == it.alignment &&
          !postpone(other)) {
        return false;
      }
    }
    return true;
  }

  // Cuts [first, last] where no unplaced buffer crosses and solves the stretches on their own.
  bool solve_parts(uint32_t first, uint32_t last) {
    uint32_t begin = first;
    while (begin <= last) {
      if (remaining_[begin] == 0) {
        ++begin;
        continue;
      }
      uint32_t end = begin;
      for (uint32_t s = begin; s <= end; ++s) {
        for (uint32_t i : problem_.sections[s]) {
          if (!placed_[i]) end = std::max(end, problem_.items[i].last);
        }
      }
      if (!solve(begin, end)) return false;
      begin = end + 1;
    }
    return true;
  }

  const PackingProblem& problem_;
  const uint64_t capacity_;
  const std::vector<uint32_t>& preorder_;
  std::vector<int64_t> blame_;
  Offsets floor_;  // lowest offset still possible; the offset itself once placed
  std::vector<uint8_t> placed_;
  std::vector<uint64_t> remaining_;  // per section: bytes not placed yet
  std::vector<Change> trail_;
  std::vector<std::pair<uint64_t, uint64_t>> stack_;
  uint64_t budget_ = 0;
  bool out_of_budget_ = false;
};

// Which of several buffers with the same lowest offset goes first decides most of the luck: several
// orders are tried.
std::vector<std::vector<uint32_t>> make_preorders(const PackingProblem& problem) {
  const size_t n = problem.size();
  std::vector<uint64_t> contention(n, 0);  // largest total alive at some time of the buffer's life
  for (const auto& section : problem.sections) {
    uint64_t total = 0;
    for (uint32_t i : section) total += problem.items[i].bytes;
    for (uint32_t i : section) contention[i] = std::max(contention[i], total);
  }
  auto length = [&](uint32_t i) {
    return uint64_t{problem.items[i].last} - problem.items[i].first + 1;
  };
  auto bytes = [&](uint32_t i) { return problem.items[i].bytes; };
  auto area = [&](uint32_t i) { return length(i) * bytes(i); };
  using Key = std::array<uint64_t, 3>;
  std::vector<std::vector<uint32_t>> orders;
  auto add = [&](auto key) {
    std::vector<uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return key(a) > key(b); });
    orders.push_back(std::move(order));
  };
  add([&](uint32_t i) { return Key{contention[i], length(i), area(i)}; });
  add([&](uint32_t i) { return Key{contention[i], area(i), length(i)}; });
  add([&](uint32_t i) { return Key{length(i), contention[i], area(i)}; });
  add([&](uint32_t i) { return Key{length(i), area(i), contention[i]}; });
  add([&](uint32_t i) { return Key{area(i), contention[i], length(i)}; });
  add([&](uint32_t i) { return Key{area(i), length(i), contention[i]}; });
  add([&](uint32_t i) { return Key{bytes(i), length(i), contention[i]}; });
  add([&](uint32_t i) { return Key{contention[i], bytes(i), length(i)}; });
  return orders;
}

// Buffers that kept failing are decided earlier next time ("squeaky wheel").
void move_blamed_forward(const std::vector<int64_t>& blame, std::vector<uint32_t>& order) {
  const auto n = static_cast<int64_t>(order.size());
  const int64_t most = std::max<int64_t>(1, *std::max_element(blame.begin(), blame.end()));
  std::vector<int64_t> key(order.size());
  for (int64_t position = 0; position < n; ++position) {
    const uint32_t i = order[static_cast<size_t>(position)];
    key[i] = 10 * position - kBlameShift * n * blame[i] / most;
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return key[a] < key[b]; });
}

}  // namespace

SearchResult pack_exactly(const PackingProblem& problem, uint64_t capacity, uint64_t& steps,
                          Offsets& offsets) {
  if (problem.size() == 0) {
    offsets.clear();
    return SearchResult::kFound;
  }
  if (capacity < problem.lower_bound) return SearchResult::kImpossible;
  std::vector<std::vector<uint32_t>> preorders = make_preorders(problem);
  for (uint64_t attempt = kFirstAttempt; steps > 0; attempt += kAttemptGrowth) {
    for (std::vector<uint32_t>& preorder : preorders) {
      const uint64_t granted = std::min(attempt, steps);
      uint64_t left = granted;
      Search search(problem, capacity, preorder);
      const SearchResult result = search.run(left, offsets);
      steps -= granted - left;
      if (result != SearchResult::kBudgetSpent) return result;
      if (steps == 0) break;
      move_blamed_forward(search.blame(), preorder);
    }
  }
  return SearchResult::kBudgetSpent;
}

}  // namespace stint::builder
