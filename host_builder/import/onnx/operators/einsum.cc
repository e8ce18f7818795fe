// Einsum: operand after operand into one, by matrix products where labels are summed up, by
// multiplication where none are.
#include <algorithm>
#include <cctype>
#include <map>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// A label a letter stands for; those of the ellipsis lie beyond all letters, counted from its last
/// axis.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 1000;

bool contains(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

/// A value and the labels of its axes.
struct Term {
  ValueId value = kNoValue;
  Labels labels;
};

class Equation {
 public:
  explicit Equation(NodeTranslation& n) : n_(n), e_(n.network()) { parse(); }

  ValueId result() {
    std::vector<Term> terms;
    for (size_t i = 0; i < inputs_.size(); ++i) terms.push_back(diagonal(inputs_[i]));
    Term left = summed(terms[0], needed_after(terms, 0));
    for (size_t i = 1; i < terms.size(); ++i) {
      const Labels later = needed_after(terms, i);
      Labels for_right = later;
      for_right.insert(for_right.end(), left.labels.begin(), left.labels.end());
      left = summed(combined(left, summed(terms[i], for_right), later), later);
    }
    return ordered(left, output_).value;
  }

 private:
  const Shape& shape(ValueId id) const { return e_.graph().value(id).shape; }
  int64_t extent(const Term& t, Label label) const {
    const auto at = std::find(t.labels.begin(), t.labels.end(), label);
    return at == t.labels.end() ? 1 : shape(t.value)[static_cast<size_t>(at - t.labels.begin())];
  }

  void parse() {
    std::string text = n_.text("equation", "");
    text.erase(std::remove_if(text.begin(), text.end(), [](unsigned char c) { return isspace(c); }),
               text.end());
    const size_t arrow = text.find("->");
    std::string left = text.substr(0, arrow);
    for (size_t i = 0, from = 0; i < n_.input_count(); ++i) {
      const size_t comma = std::min(left.find(',', from), left.size());
      if (from > left.size()) malformed(text);
      const Labels labels = labels_of(text, left.substr(from, comma - from), n_.rank(i), true);
      if (labels.size() != n_.rank(i)) malformed(text);
      inputs_.push_back({n_.in(i), labels});
      from = comma + 1;
      if (i + 1 == n_.input_count() && comma != left.size()) malformed(text);
    }
    if (inputs_.empty()) malformed(text);
    if (arrow == std::string::npos) {
      implied_output();
      return;
    }
    output_ = labels_of(text, text.substr(arrow + 2), 0, false);
    for (size_t i = 0; i < output_.size(); ++i) {
      const bool known = std::any_of(inputs_.begin(), inputs_.end(),
                                     [&](const Term& t) { return contains(t.labels, output_[i]); });
      if (!known || std::count(output_.begin(), output_.end(), output_[i]) != 1) malformed(text);
    }
  }

  [[noreturn]] void malformed(const std::string& text) {
    n_.fail("the equation '" + text + "' does not fit its " + std::to_string(n_.input_count()) +
                " operand(s)",
            kCheckModel);
  }

  Labels labels_of(const std::string& text, const std::string& term, size_t rank, bool is_input) {
    Labels labels;
    const size_t dots = term.find("...");
    const size_t letters = term.size() - (dots == std::string::npos ? 0 : 3);
    for (size_t i = 0; i < term.size(); ++i) {
      if (i == dots) {
        if (is_input && letters > rank) malformed(text);
        const size_t axes = is_input ? rank - letters : ellipsis_axes_;
        if (is_input) ellipsis_axes_ = std::max(ellipsis_axes_, axes);
        for (size_t k = axes; k-- > 0;) labels.push_back(kEllipsis + static_cast<Label>(k));
        i += 2;
      } else if (std::isalpha(static_cast<unsigned char>(term[i]))) {
        labels.push_back(term[i]);
      } else {
        malformed(text);
      }
    }
    return labels;
  }

  /// The ellipsis, then what occurs once, in the order of the alphabet.
  void implied_output() {
    for (size_t k = ellipsis_axes_; k-- > 0;) output_.push_back(kEllipsis + static_cast<Label>(k));
    std::map<Label, int> occurrences;
    for (const Term& t : inputs_)
      for (Label label : t.labels) ++occurrences[label];
    for (const auto& [label, count] : occurrences)
      if (count == 1 && label < kEllipsis) output_.push_back(label);
  }

  /// What the output or an operand after `i` still reads.
  Labels needed_after(const std::vector<Term>& terms, size_t i) const {
    Labels labels = output_;
    for (size_t k = i + 1; k < terms.size(); ++k)
      labels.insert(labels.end(), terms[k].labels.begin(), terms[k].labels.end());
    return labels;
  }

  /// A label that stands twice in one operand: its diagonal. With both axes last, its elements are
  /// extent + 1 apart.
  Term diagonal(Term t) {
    for (size_t i = 0; i < t.labels.size(); ++i) {
      const Label label = t.labels[i];
      const auto again =
          std::find(t.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, t.labels.end(), label);
      if (again == t.labels.end()) continue;
      const auto j = static_cast<size_t>(again - t.labels.begin());
      const Shape& x = shape(t.value);
      const int64_t n = x[i];
      if (x[j] != n)
        n_.fail("a label stands for extents " + std::to_string(n) + " and " + std::to_string(x[j]),
                kCheckModel);
      std::vector<int64_t> perm;
      Shape rest;
      Labels labels;
      for (size_t a = 0; a < t.labels.size(); ++a) {
        if (a == i || a == j) continue;
        perm.push_back(static_cast<int64_t>(a));
        rest.push_back(x[a]);
        labels.push_back(t.labels[a]);
      }
      perm.push_back(static_cast<int64_t>(i));
      perm.push_back(static_cast<int64_t>(j));
      Shape flat = rest, result = rest;
      flat.push_back(n * n);
      result.push_back(n);
      labels.push_back(label);
      SliceAttributes a{std::vector<int64_t>(flat.size(), 0), std::vector<int64_t>(flat.size(), 1)};
      a.steps.back() = n > 1 ? n + 1 : 1;
      const DType dtype = e_.graph().value(t.value).dtype;
      const ValueId lines = e_.reshape(e_.transpose(t.value, perm), flat);
      return diagonal({e_.add(Op::kSlice, std::move(a), {lines}, {{dtype, result}}), labels});
    }
    return t;
  }

  /// Sums up the axes whose labels nobody needs.
  Term summed(const Term& t, const Labels& needed) {
    std::vector<int64_t> axes;
    Labels labels;
    for (size_t i = 0; i < t.labels.size(); ++i) {
      if (contains(needed, t.labels[i]))
        labels.push_back(t.labels[i]);
      else
        axes.push_back(static_cast<int64_t>(i));
    }
    if (axes.empty()) return t;
    return {e_.add(Op::kReduce, ReduceAttributes{ReduceOp::kSum, axes, false}, {t.value}), labels};
  }

  /// The axes in the order of `labels`; labels that it does not have become axes of 1.
  Term ordered(const Term& t, const Labels& labels) {
    std::vector<int64_t> perm;
    Shape result;
    for (Label label : labels) {
      const auto at = std::find(t.labels.begin(), t.labels.end(), label);
      result.push_back(extent(t, label));
      if (at != t.labels.end()) perm.push_back(at - t.labels.begin());
    }
    return {e_.reshape(e_.transpose(t.value, perm), result), labels};
  }

  Term combined(const Term& a, const Term& b, const Labels& later) {
    Labels shared, summed_up, only_a, only_b;
    bool equal = true;  // extents of what is summed up: 1 is broadcast, which a product cannot
    for (Label label : a.labels) {
      if (!contains(b.labels, label)) {
        only_a.push_back(label);
      } else if (contains(later, label)) {
        shared.push_back(label);
      } else {
        summed_up.push_back(label);
        equal = equal && extent(a, label) == extent(b, label);
      }
    }
    for (Label label : b.labels)
      if (!contains(a.labels, label)) only_b.push_back(label);
    const DType dtype = e_.graph().value(a.value).dtype;
    const bool floats = dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kF16;
    return summed_up.empty() || !equal || !floats
               ? multiplied(a, b)
               : product(a, b, shared, summed_up, only_a, only_b);
  }

  Term multiplied(const Term& a, const Term& b) {
    Labels labels = a.labels;
    for (Label label : b.labels)
      if (!contains(labels, label)) labels.push_back(label);
    const ValueId left = ordered(a, labels).value, right = ordered(b, labels).value;
    return {e_.binary(EltOp::kMul, left, right), labels};
  }

  /// [shared..., only_a, summed_up] times [shared..., summed_up, only_b].
  Term product(const Term& a, const Term& b, const Labels& shared, const Labels& summed_up,
               const Labels& only_a, const Labels& only_b) {
    const ValueId left = matrices(a, shared, only_a, summed_up);
    const ValueId right = matrices(b, shared, summed_up, only_b);
    const ValueId y = e_.add(Op::kMatMul, MatMulAttributes{}, {left, right});
    Shape result(shape(y).begin(), shape(y).end() - 2);
    Labels labels = shared;
    for (Label label : only_a) result.push_back(extent(a, label));
    for (Label label : only_b) result.push_back(extent(b, label));
    labels.insert(labels.end(), only_a.begin(), only_a.end());
    labels.insert(labels.end(), only_b.begin(), only_b.end());
    return {e_.reshape(y, result), labels};
  }

  ValueId matrices(const Term& t, const Labels& shared, const Labels& rows, const Labels& columns) {
    Labels all = shared;
    all.insert(all.end(), rows.begin(), rows.end());
    all.insert(all.end(), columns.begin(), columns.end());
    Shape result;
    for (Label label : shared) result.push_back(extent(t, label));
    const auto merged = [&](const Labels& labels) {
      int64_t count = 1;
      for (Label label : labels) count *= extent(t, label);
      return count;
    };
    result.push_back(merged(rows));
    result.push_back(merged(columns));
    return e_.reshape(ordered(t, all).value, result);
  }

  NodeTranslation& n_;
  NetworkBuilder& e_;
  std::vector<Term> inputs_;
  Labels output_;
  size_t ellipsis_axes_ = 0;
};

void translate_einsum(NodeTranslation& n) {
  if (n.input_count() == 0) n.fail("has no operand", kCheckModel);
  n.bind(0, Equation(n).result());
}

}  // namespace

const std::vector<OperatorEntry> kEinsumOperators = {
    {"Einsum", 12, kNewestOpset, translate_einsum},
};

}  // namespace stint::builder
