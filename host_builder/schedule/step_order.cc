#include "host_builder/schedule/step_order.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>

namespace stint::builder {
namespace {

/// Steps and the arena storages they touch, as a graph that can be walked from either end.
struct Walk {
  std::vector<std::vector<uint32_t>> before, after;  // dependences
  std::vector<std::vector<uint32_t>> touched;        // arena storages per step, each once
  std::vector<uint64_t> bytes;                       // per storage
  std::vector<uint32_t> users;                       // steps per storage
  std::vector<uint64_t> workspace;                   // per step

  size_t size() const { return touched.size(); }
  void reverse() { std::swap(before, after); }
};

Walk make_walk(const std::vector<const StepSpec*>& steps, const StorageMap& map,
               const std::vector<Dependence>& dependences) {
  Walk walk;
  walk.before.resize(steps.size());
  walk.after.resize(steps.size());
  walk.touched.resize(steps.size());
  walk.bytes.assign(map.storages.size(), 0);
  walk.users.assign(map.storages.size(), 0);
  for (const Dependence& d : dependences) {
    walk.before[d.to].push_back(d.from);
    walk.after[d.from].push_back(d.to);
  }
  for (size_t step = 0; step < steps.size(); ++step) {
    std::set<uint32_t> touched;
    for (const auto* operands : {&steps[step]->inputs, &steps[step]->outputs}) {
      for (ValueId id : *operands) {
        if (map.storages[map.of_value[id]].kind == StorageKind::kArena)
          touched.insert(map.of_value[id]);
      }
    }
    walk.touched[step].assign(touched.begin(), touched.end());
    for (uint32_t s : touched) {
      walk.bytes[s] = map.storages[s].bytes;
      ++walk.users[s];
    }
    walk.workspace.push_back(steps[step]->workspace_bytes);
  }
  return walk;
}

enum class Rule { kLowestPeakFirst, kLargestReleaseFirst };

// Takes the ready step that needs least, or that frees most, ties in the given order.
std::vector<uint32_t> greedy(const Walk& walk, Rule rule, bool prefer_late) {
  std::vector<uint32_t> waiting(walk.size()), left = walk.users, order;
  std::vector<bool> live(walk.bytes.size(), false);
  std::set<uint32_t> ready;
  for (uint32_t step = 0; step < walk.size(); ++step) {
    waiting[step] = static_cast<uint32_t>(walk.before[step].size());
    if (waiting[step] == 0) ready.insert(step);
  }
  while (!ready.empty()) {
    uint32_t best = 0;
    std::tuple<int64_t, int64_t, int64_t> best_key = {std::numeric_limits<int64_t>::max(), 0, 0};
    for (uint32_t step : ready) {
      auto added = static_cast<int64_t>(walk.workspace[step]);
      int64_t kept = 0;
      for (uint32_t s : walk.touched[step]) {
        const auto bytes = static_cast<int64_t>(walk.bytes[s]);
        if (!live[s]) added += bytes;
        kept += (live[s] ? 0 : bytes) - (left[s] == 1 ? bytes : 0);
      }
      const int64_t tie = prefer_late ? -static_cast<int64_t>(step) : static_cast<int64_t>(step);
      const auto key = rule == Rule::kLowestPeakFirst ? std::tuple{added, kept, tie}
                                                      : std::tuple{kept, added, tie};
      if (key < best_key) {
        best = step;
        best_key = key;
      }
    }
    ready.erase(best);
    order.push_back(best);
    for (uint32_t s : walk.touched[best]) {
      live[s] = --left[s] > 0;
    }
    for (uint32_t next : walk.after[best]) {
      if (--waiting[next] == 0) ready.insert(next);
    }
  }
  return order;
}

// Finishes a branch before it starts the next.
std::vector<uint32_t> depth_first(const Walk& walk) {
  std::vector<uint32_t> waiting(walk.size()), order, stack;
  for (uint32_t step = 0; step < walk.size(); ++step)
    waiting[step] = static_cast<uint32_t>(walk.before[step].size());
  for (auto step = static_cast<uint32_t>(walk.size()); step-- > 0;) {
    if (waiting[step] == 0) stack.push_back(step);
  }
  while (!stack.empty()) {
    const uint32_t step = stack.back();
    stack.pop_back();
    order.push_back(step);
    for (size_t i = walk.after[step].size(); i-- > 0;) {
      const uint32_t next = walk.after[step][i];
      if (--waiting[next] == 0) stack.push_back(next);
    }
  }
  return order;
}

}  // namespace

std::vector<StepOrder> candidate_orders(const std::vector<const StepSpec*>& steps,
                                        const StorageMap& map,
                                        const std::vector<Dependence>& dependences) {
  std::vector<StepOrder> orders(1);
  orders[0].steps.resize(steps.size());
  std::iota(orders[0].steps.begin(), orders[0].steps.end(), 0u);
  Walk walk = make_walk(steps, map, dependences);
  orders.push_back({"least memory first", greedy(walk, Rule::kLowestPeakFirst, false)});
  orders.push_back({"largest release first", greedy(walk, Rule::kLargestReleaseFirst, false)});
  orders.push_back({"depth first", depth_first(walk)});
  walk.reverse();
  for (const auto& [name, rule] : {std::pair{"least memory last", Rule::kLowestPeakFirst},
                                   std::pair{"largest release last", Rule::kLargestReleaseFirst}}) {
    std::vector<uint32_t> backwards = greedy(walk, rule, true);
    std::reverse(backwards.begin(), backwards.end());
    orders.push_back({name, std::move(backwards)});
  }
  return orders;
}

}  // namespace stint::builder
