// A worker: one process, one connection, then its end.
//
// Does:     takes a client from the listener, lets its login process talk to it, asks PAM, takes on the user's groups, opens the
//           session, starts the program as the user, waits, says how it ended, closes everything in reverse.
// Knows:    the configuration of its generation, its job, its channels to starter, listener, pool and login process.
// Believes: its login process nothing but that something was asked; PAM about who logged in; the configuration about what
//           may run; the kernel about who the peer is; the pool about whether there is a place.
// Reports:  to the starter (deadlines), the listener (the login is over), the pool (states of the job), the log.
#pragma once

#include <memory>

#include "auth/pam_transaction.h"
#include "auth/sandbox.h"
#include "base/channel.h"
#include "base/configuration.h"
#include "base/job_id.h"
#include "tls/server.h"
#include "worker/footprint.h"
#include "worker/starter_messages.h"

namespace usher {

// What a worker is born with.
struct WorkerParts {
  const Configuration& configuration;
  std::uint32_t generation;
  std::uint32_t number;
  JobId id;
  std::uint16_t pool;
  const Jail& jail;
  const SystemCallFilter& filter;
  const UniqueFd& login_program;  // none: login processes are forked
  const tls::Servers& tls;
  const Footprint& footprint;
  std::string owner;  // the name of the user whose pool this is: the middle part of the job's name
  std::unique_ptr<PamTransaction> pam;  // started, with nobody in it
  Channel starter;
  Channel listener;
  Channel pool_channel;
};

// The whole life of the process, from just after the fork. Never throws.
WorkerExit run_worker(WorkerParts parts) noexcept;

}  // namespace usher
