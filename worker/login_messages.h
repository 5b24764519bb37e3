// What a worker and its login process say to each other. kLoginRequests is all that a process which faces the network can
// ask of root.
//
// Model:  worker: EnterSandbox          ->  (where the login process is a program of its own)
//                                       ->  login: LoginReady
//         worker: ServeClient + client  ->  the dialog begins; login: ClientAddress, where the client is a trusted proxy
//                 Accepted             ->  (the client of the proxy may go on)
//                                       ->  login: SignHandshake; worker: Signature; login: Secured, where there is TLS
//                 Ask, Tell            ->  login: Answer           (as PAM's modules talk)
//                 Refused              ->  (900; the next try, or the end)
//                 Accepted             ->  login: ListPrograms, RunProgram
//                 ProgramItem.., ProgramListEnd, NoSuchProgram
//                 GiveKeys             ->  login: SessionKeys, where the kernel shall carry TLS on
//                 BeRelay + program's side -> (relays between client and program until one of them ends)
//                 Finish               ->  (a last line, an orderly close)
//         What a login process says is a request, never an authority (but for ClientAddress: docs/TRUST.md). No descriptor
//         ever travels from it to the worker.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "auth/pam_transaction.h"
#include "base/configuration.h"
#include "base/protocol.h"
#include "base/reply.h"
#include "tls/key_watch.h"
#include "tls/signing.h"

namespace usher {

inline constexpr std::size_t kMaxUser = 255;   // bytes of a user's name in a certificate
inline constexpr std::size_t kMaxFilter = 1800;  // bytes of a compiled list of system calls
inline constexpr std::size_t kMaxLine = 1024;  // bytes of a client's line without its end

constexpr CertificateUser last_of(CertificateUser) { return CertificateUser::email; }

enum class LoginSays : std::uint8_t {
  ready = 1, client_address, sign_handshake, secured, start_login, answer, list_programs, run_program,
  session_keys,
};
enum class WorkerSays : std::uint8_t {
  serve_client = 1, signature, ask, tell, refused, accepted, program_item, program_list_end, no_such_program, be_relay, finish,
  give_keys, enter_sandbox,
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

// What a server signs in a handshake of TLS, for the worker to sign: tls/signing.h says what that can be.
struct SignHandshake {
  static constexpr auto kKind = LoginSays::sign_handshake;
  std::uint32_t key = 0;
  std::uint16_t scheme = 0;
  Text<tls::kMaxSigned> text;  // any bytes
  static auto fields(auto& m) { return std::tie(m.key, m.scheme, m.text); }
};

// The handshake is done.
struct Secured {
  static constexpr auto kKind = LoginSays::secured;
  Text<16> version;
  Text<64> cipher;
  Text<512> subject;  // of the client's certificate; empty without one
  Text<kMaxUser> user;  // whom that names, where the configuration asks for it
  static auto fields(auto& m) { return std::tie(m.version, m.cipher, m.subject, m.user); }
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

// With what the kernel carries the client's TLS on, or why it cannot.
struct SessionKeys {
  static constexpr auto kKind = LoginSays::session_keys;
  tls::Obstacle obstacle = tls::Obstacle::none;
  tls::TrafficKeys keys;
  static auto fields(auto& m) {
    return std::tie(m.obstacle, m.keys.version, m.keys.cipher, m.keys.received.key, m.keys.received.iv,
                    m.keys.received.sequence, m.keys.sent.key, m.keys.sent.iv, m.keys.sent.sequence);
  }
};

// Comes with the empty root and the empty network, where there are such.
struct EnterSandbox {
  static constexpr auto kKind = WorkerSays::enter_sandbox;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool root = false;
  bool network = false;
  Text<kMaxFilter> filter;  // any bytes
  static auto fields(auto& m) { return std::tie(m.uid, m.gid, m.root, m.network, m.filter); }
};

// Comes with the client's descriptor.
struct ServeClient {
  static constexpr auto kKind = WorkerSays::serve_client;
  bool greeted = false;          // has heard the first prompt
  bool telnet = false;           // hide typed secrets by telnet's ECHO option, take telnet's commands out of lines
  bool fixed_program = false;    // the listener names the program: no 102, and RunProgram comes without a line
  bool refused_address = false;  // 911 and nothing else
  bool by_proxy = false;         // a proxy's header comes first, and ClientAddress
  bool tls = false;              // the connection is TLS from its first byte, or from the proxy's header on
  std::uint32_t listener = 0;    // whose certificates it shows then
  CertificateUser user_from = CertificateUser::none;
  std::int64_t deadline = 0;     // nanoseconds of the steady clock: then 904
  static auto fields(auto& m) {
    return std::tie(m.greeted, m.telnet, m.fixed_program, m.refused_address, m.by_proxy, m.tls, m.listener, m.user_from, m.deadline);
  }
};

struct Signature {
  static constexpr auto kKind = WorkerSays::signature;
  Text<tls::kMaxSignature> bytes;
  static auto fields(auto& m) { return std::tie(m.bytes); }
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

// Comes a moment before the client is to hear it: whoever has slept for long wakes late, and for how long depends on what
// the machine did meanwhile, which is what nobody shall learn.
struct Refused {
  static constexpr auto kKind = WorkerSays::refused;
  bool last = false;
  std::int64_t at = 0;  // Clock, ns
  static auto fields(auto& m) { return std::tie(m.last, m.at); }
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

// From here on nothing is read from the client or said to it, unless BeRelay follows.
struct GiveKeys {
  static constexpr auto kKind = WorkerSays::give_keys;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// Comes with the login process's end of a socket pair, whose other end the program has.
struct BeRelay {
  static constexpr auto kKind = WorkerSays::be_relay;
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
  securing,   // the handshake of TLS goes on
  naming,     // a user id may come
  checking,   // PAM is at work, or a claim, or a launch: nothing may come
  answering,  // PAM has asked
  choosing,   // accepted: a list may be asked for, or a program
  leaving,    // the kernel shall carry the connection on
};

inline constexpr std::array kLoginRequests{
    request<LoginReady>(in(LoginState::starting), Often::once, 0),
    request<ClientAddress>(in(LoginState::proxied), Often::once, 0),
    request<SignHandshake>(in(LoginState::securing), Often::once, 0),
    request<Secured>(in(LoginState::securing), Often::once, 0),
    request<StartLogin>(in(LoginState::naming), Often::any, 0),
    request<Answer>(in(LoginState::answering), Often::any, 0),
    request<ListPrograms>(in(LoginState::choosing), Often::any, 0),
    request<RunProgram>(in(LoginState::choosing), Often::any, 0),
    request<SessionKeys>(in(LoginState::leaving), Often::once, 0),
};

}  // namespace usher
