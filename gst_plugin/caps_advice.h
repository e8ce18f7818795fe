// Says in words why an element cannot take the video that comes, and what to put in front of it.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <string>

#include "gst_plugin/engine/problem.h"

namespace stint::gst {

/// What is wrong with these caps for an element that takes `template_caps` of raw video in system
/// memory; no problem if they fit.
Problem explain_caps(const GstCaps* caps, GstCaps* template_caps, const std::string& element);

/// Watches a sink pad. Upstream itself knows no more than "not-negotiated".
class CapsAdvice {
 public:
  /// Both outlive this.
  CapsAdvice(GstElement* element, GstPad* sink_pad);
  CapsAdvice(const CapsAdvice&) = delete;
  CapsAdvice& operator=(const CapsAdvice&) = delete;

  /// After a CAPS or ACCEPT_CAPS query of upstream was answered: if the answer was no, the log says
  /// why; and a WARNING, once, if upstream has nothing else to offer. Caps that are set all the
  /// same are an ERROR, once.
  void look_at_answer(GstQuery* query);

  /// Caps were accepted: what comes next is another matter.
  void accepted() { warned_ = failed_ = false; }

 private:
  static GstPadProbeReturn look_at_event(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  Problem explain(const GstCaps* caps) const;

  GstElement* const element_;
  GstPad* const pad_;
  std::atomic<bool> warned_{false}, failed_{false};
};

}  // namespace stint::gst
