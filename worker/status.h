// What the starter says to `usher status` of its parts.
#pragma once

#include "worker/control.h"
#include "worker/generation.h"
#include "worker/public_services.h"
#include "worker/service.h"
#include "worker/worker_table.h"

namespace usher {

struct Parts {
  const Generation& generation;
  const Service& listener;
  const Service& pool;
  const PublicServices& publics;
  const WorkerTable& workers;
};

void tell_parts(const Parts& parts, Control::Call& call);

}  // namespace usher
