// Unary, Binary and Pointwise nodes as element-wise programs.
#pragma once

#include "host_builder/lowering/cpu/lowering.h"
#include "plan_schema/params/pointwise.h"

namespace stint::builder {

inline PointwiseOp instruction(EltOp op, int a, int b = 0, int c = 0) {
  PointwiseOp p;
  p.op = op;
  p.a = static_cast<uint8_t>(a);
  p.b = static_cast<uint8_t>(b);
  p.c = static_cast<uint8_t>(c);
  return p;
}

/// The node as a program over its operands.
inline std::vector<PointwiseOp> program_of(const Node& node) {
  std::vector<PointwiseOp> program;
  if (node.op == Op::kPointwise) {
    for (const PointwiseInstruction& i : node.as<PointwiseAttributes>().program) {
      program.push_back(instruction(i.op, i.a, i.b, i.c));
      program.back().alpha = i.alpha;
      program.back().beta = i.beta;
    }
  } else if (node.op == Op::kUnary) {
    const auto& unary = node.as<UnaryAttributes>();
    program.push_back(instruction(unary.op, 0));
    program.back().alpha = unary.alpha;
    program.back().beta = unary.beta;
  } else if (node.op == Op::kBinary) {
    program.push_back(instruction(node.as<BinaryAttributes>().op, 0, 1));
  }
  return program;
}

/// Whether the kernels on real numbers have all that the node computes; its types aside.
inline bool has_program(const Node& node) {
  if (node.op != Op::kPointwise && node.op != Op::kUnary && node.op != Op::kBinary) return false;
  if (node.inputs.empty() || node.inputs.size() > kMaxPointwiseInputs) return false;
  const std::vector<PointwiseOp> program = program_of(node);
  if (program.empty() || program.size() > kMaxPointwiseInstructions) return false;
  for (const PointwiseOp& op : program)
    if (!elt_defined(op.op, true)) return false;
  return true;
}

/// Transcendental functions cost about a nanosecond per element with vectors.
inline double program_us(const Graph& graph, const Node& node, size_t instructions) {
  return memory_bound_us(graph, node) +
         0.0005 * static_cast<double>(instructions) *
             static_cast<double>(graph.value(node.outputs.at(0)).elements());
}

}  // namespace stint::builder
