// A login process that is a fork of its worker: what a dialog under TLS needs, OpenSSL with all that it has fetched, is made in the
// template, and there by then. Where no listener speaks TLS it is a program of its own (login_main.cc).
//
// Then:   where the client speaks TLS it stays between client and program (tls/relay.h), with the same two descriptors and one more.
#pragma once

#include "base/channel.h"
#include "tls/server.h"
#include "worker/dialog.h"

namespace usher {

// Runs the dialog from the sandbox on; returns when it is over.
LoginExit run_login_process(Channel worker, const tls::Servers& servers);

}  // namespace usher
