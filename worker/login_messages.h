// What a worker and its login process say to each other. kLoginRequests is all that a process which faces the network can
// ask of root.
//
// Model:  worker: ServeClient + client  ->  the dialog begins; login: ClientAddress, where the client is a trusted proxy
//                 Accepted             ->  (the client of the proxy may go on)
//                 Ask, Tell            ->  login: Answer           (as PAM's modules talk)
//                 Refused              ->  (900; the next try, or the end)
//                 Accepted             ->  login: ListPrograms, RunProgram
//                 ProgramItem.., ProgramListEnd, NoSuchProgram
//                 Finish               ->  (a last line, an orderly close)
//         What a login process says is a request, never an authority (but for ClientAddress: docs/TRUST.md). No descriptor
//         ever travels from it to the worker.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "auth/pam_transaction.h"
#include "base/protocol.h"
#include "base/reply.h"

namespace usher {

inline constexpr std::size_t kMaxLine = 1024;  // bytes of a client's line without its end

enum class LoginSays : std::uint8_t { ready = 1, client_address, start_login, answer, list_programs, run_program };
enum class WorkerSays : std::uint8_t {
  serve_client = 1, ask, tell, refused, accepted, program_item, program_list_end, no_such_program, finish
};

struct LoginReady {
  static constexpr auto kKind = LoginSays::ready;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// What a proxy says of its client; no host: the proxy speaks for itself.
struct ClientAddress {
  static constexpr auto kKind = LoginSays::client_address;
  Text<46> host;
  std::uint16_t port = 0;
  static auto fields(auto& m) { return std::tie(m.host, m.port); }
};

struct StartLogin {
  static constexpr auto kKind = LoginSays::start_login;
  Text<kMaxLine> user;
  static auto fields(auto& m) { return std::tie(m.user); }
};

struct Answer {
  static constexpr auto kKind = LoginSays::answer;
  Secret secret;
  static auto fields(auto& m) { return std::tie(m.secret); }
};

struct ListPrograms {
  static constexpr auto kKind = LoginSays::list_programs;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct RunProgram {
  static constexpr auto kKind = LoginSays::run_program;
  Text<kMaxLine> line;  // NAME [ARG...]
  static auto fields(auto& m) { return std::tie(m.line); }
};

// Comes with the client's descriptor.
struct ServeClient {
  static constexpr auto kKind = WorkerSays::serve_client;
  bool telnet = false;           // hide typed secrets by telnet's ECHO option, take telnet's commands out of lines
  bool fixed_program = false;    // the listener names the program: no 102, and RunProgram comes without a line
  bool refused_address = false;  // 911 and nothing else
  bool by_proxy = false;         // a proxy's header comes first, and ClientAddress
  std::int64_t deadline = 0;     // nanoseconds of the steady clock: then 904
  static auto fields(auto& m) { return std::tie(m.telnet, m.fixed_program, m.refused_address, m.by_proxy, m.deadline); }
};

struct Ask {
  static constexpr auto kKind = WorkerSays::ask;
  Echo echo = Echo::off;
  Text<kMaxReplyText> prompt;
  static auto fields(auto& m) { return std::tie(m.echo, m.prompt); }
};

struct Tell {
  static constexpr auto kKind = WorkerSays::tell;
  Tone tone = Tone::info;
  Text<kMaxReplyText> text;
  static auto fields(auto& m) { return std::tie(m.tone, m.text); }
};

struct Refused {
  static constexpr auto kKind = WorkerSays::refused;
  bool last = false;
  static auto fields(auto& m) { return std::tie(m.last); }
};

struct Accepted {
  static constexpr auto kKind = WorkerSays::accepted;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct ProgramItem {
  static constexpr auto kKind = WorkerSays::program_item;
  Text<kMaxReplyText> text;  // NAME description
  static auto fields(auto& m) { return std::tie(m.text); }
};

struct ProgramListEnd {
  static constexpr auto kKind = WorkerSays::program_list_end;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct NoSuchProgram {
  static constexpr auto kKind = WorkerSays::no_such_program;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Finish {
  static constexpr auto kKind = WorkerSays::finish;
  Code code = Code::busy;
  Text<kMaxReplyText> text;
  static auto fields(auto& m) { return std::tie(m.code, m.text); }
};

// Where a worker stands towards its login process.
enum class LoginState : std::uint8_t {
  starting,   // sandbox not reported yet
  idle,       // no client yet
  proxied,    // a proxy has connected: whom it speaks for is to come
  naming,     // a user id may come
  checking,   // PAM is at work, or a claim, or a launch: nothing may come
  answering,  // PAM has asked
  choosing,   // accepted: a list may be asked for, or a program
};

inline constexpr std::array kLoginRequests{
    request<LoginReady>(in(LoginState::starting), Often::once, 0),
    request<ClientAddress>(in(LoginState::proxied), Often::once, 0),
    request<StartLogin>(in(LoginState::naming), Often::any, 0),
    request<Answer>(in(LoginState::answering), Often::any, 0),
    request<ListPrograms>(in(LoginState::choosing), Often::any, 0),
    request<RunProgram>(in(LoginState::choosing), Often::any, 0),
};

}  // namespace usher
