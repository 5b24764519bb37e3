// What the starter knows of itself and its children, for `usher status`.
#pragma once

#include <string>

#include "worker/control.h"
#include "worker/generation.h"
#include "worker/service.h"
#include "worker/worker_table.h"

namespace usher {

struct StatusView {
  const std::string& configuration;  // its path
  bool ready;
  const Generation& generation;
  const Service& listener;
  const Service& pool;
  const WorkerTable& workers;
};

// All its facts, and the last word of the call.
void report_status(Control::Call& call, const StatusView& view);

}  // namespace usher
