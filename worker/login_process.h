// The login process: talks to one client, asks one worker. The only part of Usher that reads the network.
//
// Knows:    its client's descriptor and its channel to the worker; no file, no configuration, no other process.
// Believes: the worker's messages (root made it). Of the client nothing: lines are bounded, UTF-8, one at a time.
// Then:     where the client speaks TLS it stays between client and program (relay.h), with the same two descriptors and one more.
// Ends:     when the worker closes the channel or says Finish, when the client goes, when the deadline passes (904).
#pragma once

#include "base/channel.h"
#include "tls/server.h"

namespace usher {

// Its exit status, which the worker believes for log and history alone.
enum class LoginExit { over = 0, failed = 1, bad_input = 2 };

// Runs the dialog from the sandbox on; returns when it is over.
LoginExit run_login_process(Channel worker, const tls::Servers& servers);

}  // namespace usher
