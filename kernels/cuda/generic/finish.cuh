// The epilogue of a convolution or matrix product. Before this header: kAct (Activation), alpha(),
// beta(), kLateResidual, and the operands that may be absent: bias_at(args, channel),
// residual_at(args, offset).
#pragma once

__device__ __forceinline__ float finished(const Args& args, float acc, index_t channel,
                                          index_t residual) {
  acc += bias_at(args, channel);
  if (!kLateResidual) acc += residual_at(args, residual);
  acc = activate<kAct>(acc, alpha(), beta());
  if (kLateResidual) acc += residual_at(args, residual);
  return acc;
}
